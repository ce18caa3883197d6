"""Bytes on disk: files opened to be read, unpacked and hashed on the way, and files that appear whole or not at all.

Belongs here: opening, unpacking, replacing and naming files, and the errors of the operating system. Does not belong
here: what the bytes mean, which is for `codecs` and `store`.
"""
