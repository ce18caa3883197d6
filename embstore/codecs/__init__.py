"""The codecs: one module or folder for each format or family of formats, with ``read``, ``write`` or both.

`registry` lists the formats and detects the format of a file; `shared` has code that several families use. Does not
belong here: code that changes rows between reading and writing, which is in `ops`.
"""
