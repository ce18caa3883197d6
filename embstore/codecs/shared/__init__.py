"""Code that several codec families use: matrices with word lists, numbers as text, rows spooled to disk.

Does not belong here: code that only one family uses.
"""
