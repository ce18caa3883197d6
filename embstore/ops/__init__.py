"""Operations on tables: open, convert, save, merge, compare, and measure them.

Belongs here: one module for each public operation, and the stages that rows pass through between reading and writing.
Does not belong here: file formats (`codecs`), the store file (`store`), and printing (`cli`).
"""
