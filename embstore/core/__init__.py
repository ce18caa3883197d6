"""What all other packages build on: errors, options, batches of rows, dtypes, the index of words, compiled functions.

Belongs here: data classes, and functions on bytes and arrays that several packages need. Does not belong here: anything
that opens a file, depends on a file format, or imports another package of embstore.
"""
