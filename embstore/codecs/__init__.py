"""The formats: each family knows its bytes and nothing else.

`registry` lists the formats and detects which one a file has; `shared` holds what several families use. A family is a
folder or a module with ``read`` and ``write``. Does not belong here: what happens to rows between reading and
writing, which is for `ops`.
"""
