"""What several families of formats share: a matrix with its words, word lists, numbers as text, rows that wait on disk.

Does not belong here: what one family alone uses.
"""
