"""Vectors for the vocabulary of the caller: row i is the vector of words[i]."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from embstore.core.batch import Ints, RowBlocks, Vectors
from embstore.core.dtypes import decode_rows, encode_rows
from embstore.core.options import Dtype
from embstore.words.columns import FlatWords, listed
from embstore.words.encoder import Encoder
from embstore.words.lookup import Lookup
from embstore.words.policy import OovLike
from embstore.words.special_rows import special_rows

BLOCK = 8192  # rows at a time: a word may have many rows


class VectorsByWord(Lookup, RowBlocks, Protocol):
    """Words and rows: a `Store`, or any object with these members."""

    dtype: Dtype

    def gather(self, rows: Ints) -> Vectors:
        """Return a copy of the given rows, (rows, dim)."""


def aligned(store: VectorsByWord, words: FlatWords, oov: OovLike = None) -> NDArray[np.float32]:
    """Build the matrix of a vocabulary: see `Store.aligned`."""
    encoder = Encoder(store, oov)
    if isinstance(words, str):
        raise TypeError(f"aligned takes a list of words, not one string: {words!r}")
    words = listed(words)
    ending = encoder.policy.ending
    if ending.ids_per_word == 0:
        raise ValueError(
            f"oov {str(ending)!r} gives unknown words no vector, and aligned needs one for each word: use 'zero'"
        )
    values, offsets, weights = encoder.encode_bags([[word] for word in words], include_last_offset=True)
    special = _missing_special_rows(store, encoder, values)
    vectors = np.zeros((len(words), store.dim), np.float32)
    for start in range(0, len(values), BLOCK):
        span = slice(start, min(start + BLOCK, len(values)))
        rows = _vectors(store, values[span], special)
        rows = rows if weights is None else rows * weights[span, np.newaxis]
        first, last = np.searchsorted(offsets, (span.start, span.stop - 1), "right") - 1  # words in this block
        bounds = np.clip(offsets[first : last + 2], span.start, span.stop)
        has_rows = bounds[1:] > bounds[:-1]  # a word without n-grams has no rows
        if offsets[first] < start:  # the first word began in the block before
            rows[0] += vectors[first]
        vectors[first : last + 1][has_rows] = np.add.reduceat(rows, bounds[:-1][has_rows] - start)
    return vectors


def _missing_special_rows(store: VectorsByWord, encoder: Encoder, ids: Ints) -> NDArray[np.float32] | None:
    """Make the special rows, rounded as in a file; None if the file has them or the ids do not need them."""
    if encoder.in_file or not (ids >= len(store)).any():
        return None
    rows = encode_rows(special_rows(store, encoder.policy, encoder.padding), store.dtype)
    return decode_rows(rows, store.dtype).astype(np.float32)


def _vectors(store: VectorsByWord, ids: Ints, special: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Return a copy of the vectors of ids, (ids, dim)."""
    if special is None:
        return store.gather(ids).astype(np.float32)
    vectors = np.empty((len(ids), special.shape[1]), np.float32)
    known = ids < len(store)
    vectors[known] = store.gather(ids[known])
    vectors[~known] = special[ids[~known] - len(store)]
    return vectors
