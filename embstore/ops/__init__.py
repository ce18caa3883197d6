"""What people do with tables: open, convert, save, merge, compare, and measure them.

Belongs here: one module for each public operation, and the stages that rows go through between reading and writing.
Does not belong here: the bytes of a format (`codecs`), the store's own (`store`), and what is printed (`cli`).
"""
