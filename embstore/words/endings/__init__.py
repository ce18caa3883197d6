"""The endings of a policy: what replaces a word that neither the vocabulary nor a back-off finds.

Belongs here: one module per ending, and the table that finds endings by name. To add an ending, write its module and
its line in `table`, and describe it in formats/oov/SPEC.md. Does not belong here: code of other packages for one
particular ending; they use the interface `base.Ending` only.
"""
