"""The command line: one module for each command, and what they share.

Belongs here: options, what is printed, exit codes. Does not belong here: anything that a Python program would want to
call, which is for `ops`. Nothing imports this package but `python -m embstore` and the console script.
"""
