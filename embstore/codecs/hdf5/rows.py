"""Rows of an HDF5 matrix, memory-mapped or read from the child process, and their words."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from embstore.codecs.hdf5.process import Child
from embstore.codecs.shared.sequential import SequentialRows
from embstore.codecs.shared.whole_numbers import note
from embstore.core.batch import Findings, Tokens, Vectors, offsets_of
from embstore.files.input import Input


def mapped_rows(source: Input, shape: tuple[int, int], dtype: str, offset: int) -> Vectors:
    """Memory-map contiguous rows; the child has checked that they lie within the file."""
    return np.ndarray(shape, dtype, source.map(), offset)


class PipedTokens:
    """Words sent by the child: read each block once, in order, and before its rows.

    Parameters
    ----------
    child
        The child.
    count
        Number of words.
    numbers
        Where to count them, if they are the decimal text of whole numbers.
    """

    def __init__(self, child: Child, count: int, numbers: Findings | None = None) -> None:
        self._child, self._count, self._numbers = child, count, numbers

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, item: slice) -> Tokens:
        offsets = offsets_of(np.frombuffer(self._child.read(8 * (item.stop - item.start)), np.int64))
        tokens = Tokens(np.frombuffer(self._child.read(int(offsets[-1])), np.uint8), offsets)
        return tokens if self._numbers is None else note(tokens, self._numbers)


def piped_rows(child: Child, shape: tuple[int, int], dtype: str, step: int) -> SequentialRows:
    """Return the rows sent by the child, `step` in a block."""
    kind = np.dtype(dtype)

    def blocks() -> Iterator[Vectors]:
        for start in range(0, shape[0], step):
            count = min(step, shape[0] - start)
            yield np.frombuffer(child.read(count * shape[1] * kind.itemsize), kind).reshape(count, shape[1])

    return SequentialRows(blocks(), shape, kind)
