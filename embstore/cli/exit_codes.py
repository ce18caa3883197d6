"""Exit codes in addition to those of click (0 done, 1 error, 2 wrong usage)."""

UNKNOWN_WORDS = 3
"""Some of the requested words are not in the vocabulary."""
