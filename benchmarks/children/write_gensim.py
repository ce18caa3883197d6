"""Convert GloVe text to gensim's own format, which can be memory-mapped: OUT TEXT."""

from __future__ import annotations

import sys

from gensim.models import KeyedVectors

out, text = sys.argv[1:]
KeyedVectors.load_word2vec_format(text, binary=False, no_header=True).save(out)
