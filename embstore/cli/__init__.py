"""The command line: one module per command, and modules for what several commands share.

Belongs here: options, printed output, exit codes. Does not belong here: functions that are useful to Python programs,
which belong in `ops`. Only `python -m embstore` and the console script import this package.
"""
