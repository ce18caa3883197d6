"""Rows for a vocabulary of the caller's: row i is the vector of words[i]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from embstore.core.batch import Ints, RowBlocks, Vectors
from embstore.core.dtypes import decode_rows, encode_rows
from embstore.core.options import Dtype
from embstore.words.encoder import Encoder
from embstore.words.lookup import Lookup
from embstore.words.policy import OovLike
from embstore.words.special_rows import special_rows

BLOCK = 8192  # rows at a time: a word may have many


class VectorsByWord(Lookup, RowBlocks, Protocol):
    """Words and rows: a `Store`, or anything with these."""

    dtype: Dtype

    def gather(self, rows: Ints) -> Vectors:
        """Return a copy of some rows, (rows, dim)."""


def aligned(store: VectorsByWord, words: Sequence[str], oov: OovLike = None) -> NDArray[np.float32]:
    """Build the matrix of a vocabulary: see `Store.aligned`."""
    encoder = Encoder(store, oov)
    if isinstance(words, str):
        raise TypeError(f"aligned takes a list of words, not one string: {words!r}")
    ending = encoder.policy.ending
    if ending.ids_per_word == 0:
        raise ValueError(
            f"oov {str(ending)!r} leaves words without a row, and aligned gives each of them one: 'zero' does that"
        )
    values, offsets, weights = encoder.encode_bags([[word] for word in words], include_last_offset=True)
    made = _made(store, encoder, values)
    vectors = np.zeros((len(words), store.dim), np.float32)
    for start in range(0, len(values), BLOCK):
        span = slice(start, min(start + BLOCK, len(values)))
        rows = _rows(store, values[span], made)
        rows = rows if weights is None else rows * weights[span, np.newaxis]
        first, last = np.searchsorted(offsets, (span.start, span.stop - 1), "right") - 1  # words with rows here
        bounds = np.clip(offsets[first : last + 2], span.start, span.stop)
        has = bounds[1:] > bounds[:-1]  # a word has several rows under hash:B:k, and none without n-grams
        if offsets[first] < start:  # and many, if it is long enough
            rows[0] += vectors[first]
        vectors[first : last + 1][has] = np.add.reduceat(rows, bounds[:-1][has] - start)
    return vectors


def _made(store: VectorsByWord, encoder: Encoder, ids: Ints) -> NDArray[np.float32] | None:
    """Make special rows in the store's precision, as its file would hold them; None where it does or none is needed."""
    if encoder.in_file or not (ids >= len(store)).any():
        return None
    rows = encode_rows(special_rows(store, encoder.policy, encoder.padding), store.dtype)
    return decode_rows(rows, store.dtype).astype(np.float32)


def _rows(store: VectorsByWord, ids: Ints, made: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Vectors of ids, (ids, dim), copied."""
    if made is None:
        return store.gather(ids).astype(np.float32)
    vectors = np.empty((len(ids), made.shape[1]), np.float32)
    own = ids < len(store)
    vectors[own] = store.gather(ids[own])
    vectors[~own] = made[ids[~own] - len(store)]
    return vectors
