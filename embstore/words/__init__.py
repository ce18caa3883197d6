"""Words to ids: vocabularies, the policy for unknown words, and the encoder.

Belongs here: everything that converts words to row numbers, and the special rows that a policy needs. Does not belong
here: files, the vectors of a whole table, and torch.
"""
