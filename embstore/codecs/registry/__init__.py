"""The table of formats: their names, capabilities and options, and how a file's format is detected.

This is the one place that imports modules by their names. Does not belong here: the bytes of any format beyond the
first few that identify it.
"""
