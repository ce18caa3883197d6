"""The table of formats with their names, capabilities and options, and the detection of a file's format.

Only this package imports modules by name. Does not belong here: anything about the bytes of a format beyond the first
ones that identify it.
"""
