"""The cases of cures; each module has a list ``CASES``."""
