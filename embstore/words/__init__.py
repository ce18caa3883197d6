"""Words to ids: vocabularies, the policy for words that are not in them, and the encoder.

Belongs here: everything that turns words into row numbers, and the special rows that a policy needs. Does not belong
here: files, vectors of a whole table, and torch.
"""
