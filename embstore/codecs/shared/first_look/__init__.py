"""The first look at every input: what is no table and no words at all is named, before any reader sees it.

`check` has the order of the questions; the other modules have one kind of file each. None of them reads more than the
first bytes, and each is certain: no table is refused because its first word looks like something else.
"""
