"""Rows and words of arrays that can be read once, from front to back, such as those in an archive."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np

from embstore.core.batch import Ints, Tokens, Vectors


class SequentialRows:
    """A matrix that is read in blocks: like an array whose rows can be read once, in ascending order.

    Parameters
    ----------
    blocks
        Yields consecutive rows, each block (any number of rows, dim).
    shape, dtype
        Of the matrix.
    """

    def __init__(self, blocks: Iterator[Vectors], shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> None:
        self.shape, self.dtype = shape, dtype
        self._blocks, self._start, self._stop = blocks, 0, 0
        self._block: Vectors = np.empty((0, shape[1]), dtype)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, item: slice | Ints) -> Vectors:
        """Return a copy of the given rows, (rows, dim); rows in between are read and dropped."""
        rows = np.arange(item.start, item.stop) if isinstance(item, slice) else item
        copy = np.empty((len(rows), self.shape[1]), self.dtype)
        filled = 0
        while filled < len(rows):
            until = int(np.searchsorted(rows, self._stop))
            copy[filled:until] = self._block[rows[filled:until] - self._start]
            filled = max(filled, until)
            if filled < len(rows):
                self._block = next(self._blocks)
                self._start, self._stop = self._stop, self._stop + len(self._block)
        return copy


class SequentialTokens:
    """Words that are read in order: slices must be requested from front to back, without gaps."""

    def __init__(self, words: Iterator[bytes], count: int) -> None:
        self._words, self._count = words, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, item: slice) -> Tokens:
        return Tokens.pack(islice(self._words, item.stop - item.start))
