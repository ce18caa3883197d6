"""Nearest neighbours of words and vectors.

Belongs here: searching a table that is given as rows in blocks. Does not belong here: where the rows come from, which
is for `store`, and comparing whole tables, which is for `ops`.
"""
