"""The store: a safetensors file with its vocabulary and index, opened, written, verified, and asked for rows.

Belongs here: the bytes of a store (formats/store/SPEC.md) and the class `Store`. Does not belong here: other formats,
which are for `codecs`, and operations over several tables, which are for `ops`.
"""
