"""Text with one token and its numbers per line: GloVe, and word2vec text, which adds a header."""
