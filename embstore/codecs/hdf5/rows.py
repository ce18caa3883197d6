"""Rows of an HDF5 matrix, memory-mapped or read from the child process, and their words."""

from __future__ import annotations

import numpy as np

from embstore.codecs.hdf5.process import Child
from embstore.core.batch import Ints, Tokens, Vectors, offsets_of
from embstore.files.input import Input


def mapped_rows(source: Input, shape: tuple[int, int], dtype: str, offset: int) -> Vectors:
    """Memory-map contiguous rows; the child has checked that they lie within the file."""
    return np.ndarray(shape, dtype, source.map(), offset)


class PipedTokens:
    """Words sent by the child: read each block once, in order, and before its rows."""

    def __init__(self, child: Child, count: int) -> None:
        self._child, self._count = child, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, item: slice) -> Tokens:
        offsets = offsets_of(np.frombuffer(self._child.read(8 * (item.stop - item.start)), np.int64))
        return Tokens(np.frombuffer(self._child.read(int(offsets[-1])), np.uint8), offsets)


class PipedRows:
    """Rows sent by the child: like an array whose rows can be read once, in ascending order.

    Attributes
    ----------
    shape, dtype
        As of an array.
    """

    def __init__(self, child: Child, shape: tuple[int, int], dtype: str, step: int) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        self._child, self._step = child, step
        self._start = self._stop = 0
        self._block: Vectors = np.empty((0, 0))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, item: slice | Ints) -> Vectors:
        """Return a copy of the given rows, (rows, dim); rows in between are read and discarded."""
        rows = np.arange(item.start, item.stop) if isinstance(item, slice) else item
        copy = np.empty((len(rows), self.shape[1]), self.dtype)
        filled = 0
        while filled < len(rows):
            until = int(np.searchsorted(rows, self._stop))
            if until > filled:
                copy[filled:until] = self._block[rows[filled:until] - self._start]
                filled = until
            else:
                self._advance()
        return copy

    def _advance(self) -> None:
        count = min(self._step, len(self) - self._stop)
        data = self._child.read(count * self.shape[1] * self.dtype.itemsize)
        self._block = np.frombuffer(data, self.dtype).reshape(count, self.shape[1])
        self._start, self._stop = self._stop, self._stop + count
