"""Exit codes beyond click's own: 0 done, 1 error, 2 wrong usage."""

UNKNOWN_WORDS = 3
"""Some of the words that were asked for are not in the table."""
