"""The vectors in a folder that spaCy saved, read only."""
