"""Cuts record batches whose words take far more memory than the file: a dictionary or views repeat a long word."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from embstore.codecs.arrow.columns import is_dictionary
from embstore.core.batch import Ints

if TYPE_CHECKING:
    from embstore.codecs.arrow.pyarrow_types import Array, RecordBatch

WORD_BYTES = 1 << 24  # of the words of a part; one word may be longer


def parts_of(record: RecordBatch, words: Array) -> Iterator[RecordBatch]:
    """Yield a record batch in parts, each with at most `WORD_BYTES` of words.

    Parameters
    ----------
    record
        The record batch.
    words
        Its column of words, validated.
    """
    lengths = _lengths(words)
    if lengths is None or lengths.sum() <= WORD_BYTES:
        yield record
        return
    ends, start = np.cumsum(lengths), 0
    while start < len(lengths):
        before = ends[start] - lengths[start]
        stop = max(start + 1, int(np.searchsorted(ends, before + WORD_BYTES, "right")))
        yield record.slice(start, stop - start)
        start = stop


def _lengths(words: Array) -> Ints | None:
    """Return the bytes of each word if a cast to plain strings would copy repeated ones; None for plain strings."""
    kind = words.type
    if is_dictionary(kind):
        indices = np.asarray(words.indices.to_numpy(zero_copy_only=False), np.int64)
        return np.asarray(_lengths_of_values(words.dictionary))[indices]
    if str(kind).endswith("_view"):
        return _lengths_of_values(words)
    return None


def _lengths_of_values(values: Array) -> Ints:
    from pyarrow import compute

    if not str(values.type).endswith("_view"):
        return np.asarray(compute.binary_length(values).to_numpy(zero_copy_only=False), np.int64)
    _, views, *_ = values.buffers()  # of 16 bytes; the first four are the length
    assert views is not None  # noqa: S101
    lengths = np.frombuffer(memoryview(views), np.int32).reshape(-1, 4)[:, 0]
    return lengths[values.offset : values.offset + len(values)].astype(np.int64)
