"""Rows for a vocabulary of the caller's: row i is the vector of words[i]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from embstore.batch import Ints
from embstore.dtypes import decode_rows, dim_of, encode_rows
from embstore.encoder import Encoder
from embstore.oov import OovLike, Policy, Skip
from embstore.resolver import Lookup
from embstore.special import Table, special_rows


class VectorsByWord(Lookup, Table, Protocol):
    """Words and rows: a `Store`, or anything with what both of these have."""


def aligned(store: VectorsByWord, words: Sequence[str], oov: OovLike = None) -> NDArray[np.float32]:
    """Build the matrix of a vocabulary: see `Store.aligned`."""
    encoder = Encoder(store, oov)
    if isinstance(words, str):
        raise TypeError(f"aligned takes a list of words, not one string: {words!r}")
    if isinstance(encoder.policy.ending, Skip):
        raise ValueError("oov 'skip' leaves words without a row, and aligned gives each of them one: 'zero' does that")
    values, offsets, _ = encoder.encode_bags([[word] for word in words])
    rows = _vectors(store, encoder, values)
    return rows if len(rows) == len(offsets) else np.add.reduceat(rows, offsets)  # several of one word: hash:B:k


def _vectors(store: VectorsByWord, encoder: Encoder, ids: Ints) -> NDArray[np.float32]:
    """Vectors of ids, (ids, dim), copied."""
    tokens = len(store)
    if encoder.in_file or not (ids >= tokens).any():
        return decode_rows(store.raw[ids], store.dtype).astype(np.float32)
    vectors = np.empty((len(ids), dim_of(store.raw, store.dtype)), np.float32)
    own = ids < tokens
    vectors[own] = decode_rows(store.raw[ids[own]], store.dtype)
    made = _rounded(store, encoder.policy, encoder.padding)
    vectors[~own] = made[ids[~own] - tokens]
    return vectors


def _rounded(store: Table, policy: Policy, padding: bool) -> Any:
    """Make special rows in the store's precision, as its file would hold them."""
    return decode_rows(encode_rows(special_rows(store, policy, padding), store.dtype), store.dtype)
