"""Write a store: OUT SOURCE, where SOURCE is a file of embeddings or a number of generated tokens."""

from __future__ import annotations

import sys

import numpy as np

import embstore


def main(out: str, source: str) -> None:
    """Convert the file, or save that many tokens with random vectors."""
    if not source.isdecimal():
        embstore.convert(source, out, overwrite=True)
        return
    tokens = [f"token-{i}" for i in range(int(source))]
    vectors = np.random.default_rng(0).standard_normal((len(tokens), 50), np.float32)
    embstore.save(out, tokens, vectors, overwrite=True)


main(*sys.argv[1:])
