"""The store: a safetensors file of vectors, vocabulary and index. Opening, reading rows, writing, verifying.

Belongs here: the file format of a store (formats/store/SPEC.md) and the class `Store`. Does not belong here: other
formats (see `codecs`), and operations on several tables (see `ops`).
"""
