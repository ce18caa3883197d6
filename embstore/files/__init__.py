"""Reading and writing files: inputs opened once, decompression, checksums and atomic replacement.

Belongs here: opening, decompressing, replacing and naming files, and errors of the operating system. Does not belong
here: the meaning of the bytes, which is the task of `codecs` and `store`.
"""
