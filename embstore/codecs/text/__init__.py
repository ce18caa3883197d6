"""Text with one token and its numbers a line: GloVe, and word2vec text with its header."""
