"""The endings of a policy: what a word becomes that neither the vocabulary nor a back-off has.

Belongs here: one module for each ending, and the table that finds them by name. To add an ending, write its module
and its line in `table`, and describe it in formats/oov/SPEC.md. Does not belong here: anything that another package
needs to know of one ending alone; `base.Ending` says what all of them answer.
"""
