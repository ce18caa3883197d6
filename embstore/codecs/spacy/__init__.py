"""Reads the vectors in a folder that spaCy saved."""
