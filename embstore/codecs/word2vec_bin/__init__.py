"""word2vec binary, as word2vec's own tool and gensim write it."""
