"""Nearest neighbours of words and vectors.

Belongs here: searching a table whose rows are read in blocks. Does not belong here: storing and reading rows (see
`store`), and comparing whole tables (see `ops`).
"""
