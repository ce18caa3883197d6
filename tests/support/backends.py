"""Stores whose rows come from something that is no NumPy array."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embstore.core.batch import Ints
from embstore.core.dtypes import encode_rows
from embstore.core.index import VocabBuilder, pack_for_hashing
from embstore.core.options import Dtype
from embstore.store.rows import Rows
from embstore.store.store import Store

WORDS = ["the", "frog", "sat", "on", "mat"]
VECTORS = np.random.default_rng(3).standard_normal((7, 4)).astype(np.float32)  # the last two are special rows
METADATA = {"embstore.oov": "lower,zero", "embstore.padding": "1"}
DTYPES: list[Dtype] = ["float32", "bfloat16", "int8"]


@dataclass
class RowsAsBytes:
    """A Python list of rows as bytes, which counts how many were read."""

    lines: list[bytes]
    dtype: Dtype
    kind: str
    read_rows: list[int] = field(default_factory=list)
    mapped: None = None

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.lines), len(self.lines[0]) // np.dtype(self.kind).itemsize

    def read(self, start: int, stop: int) -> NDArray[Any]:
        assert 0 <= start <= stop <= len(self.lines)
        return self.take(np.arange(start, stop))

    def take(self, rows: Ints) -> NDArray[Any]:
        self.read_rows += rows.tolist()
        joined = b"".join(self.lines[row] for row in rows.tolist())
        return np.frombuffer(bytearray(joined), self.kind).reshape(len(rows), self.shape[1])


def as_bytes(array: NDArray[Any], dtype: Dtype) -> RowsAsBytes:
    return RowsAsBytes([row.tobytes() for row in array], dtype, array.dtype.str)


def store_over(
    backend: Callable[[NDArray[Any], Dtype], Rows], dtype: Dtype, words: list[str] = WORDS, shift: float = 0
) -> Store:
    builder = VocabBuilder()
    builder.add(pack_for_hashing(words))
    return Store(backend(encode_rows(VECTORS + shift, dtype), dtype), builder.vocab(), dict(METADATA))


def equal(found: Any, expected: Any) -> None:
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    assert found.tobytes() == expected.tobytes()
