"""The base: errors, options, batches of rows, dtypes, the index of words, the compiled functions.

Belongs here: plain data and functions on bytes and arrays that several packages need. Does not belong here: anything
that opens a file, knows a file format, or imports another package of embstore.
"""
