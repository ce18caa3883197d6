"""Where the rows of a table are kept, and the numbers that they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from embstore.core.batch import Ints, Vectors
from embstore.core.dtypes import columns_of, decode_rows
from embstore.core.options import Dtype


class Rows(Protocol):
    """A backend: the stored rows of a table, the special ones after the vocabulary's.

    Stored rows are little-endian float32 or float16; uint16, the bits of ``bfloat16``; uint8 of shape
    (rows, dim + 8) for ``int8``, each row's codes followed by its scale and offset.
    """

    @property
    def dtype(self) -> Dtype:
        """What the rows are stored as."""

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and stored columns."""

    @property
    def mapped(self) -> NDArray[Any] | None:
        """All rows as an array over a file, mapped copy-on-write; None where they are not in a map."""

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Return the rows [start, stop), which exist: a copy, or a read-only view."""

    def take(self, rows: Ints) -> NDArray[Any]:
        """Return a copy of some rows, which exist, in any order."""


class ArrayRows:
    """Rows in a NumPy array.

    Parameters
    ----------
    array
        Stored rows, (rows, columns).
    dtype
        What they are stored as.
    is_mapped
        Whether the array lies over a file, mapped copy-on-write.
    """

    def __init__(self, array: NDArray[Any], dtype: Dtype, *, is_mapped: bool = False) -> None:
        self.array, self.dtype = array, dtype
        self.shape: tuple[int, int] = len(array), array.shape[1]
        self.mapped = array if is_mapped else None
        self._lent = array.view()  # a view of a read-only view is read-only, without setting its flag each time
        self._lent.flags.writeable = False

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Return a read-only view of the rows [start, stop)."""
        return self._lent[start:stop]

    def take(self, rows: Ints) -> NDArray[Any]:
        """Return a copy of some rows."""
        return self.array[rows]

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(ArrayRows, is_mapped=self.mapped is not None), (self.array, self.dtype)


@dataclass(frozen=True, slots=True)
class DecodedRows:
    """The numbers of stored rows. The only place that decodes them.

    Attributes
    ----------
    rows
        Where they are kept.
    tokens
        How many of them are the vocabulary's.
    """

    rows: Rows
    tokens: int

    @property
    def dim(self) -> int:
        """Numbers in a row (embedding_dim)."""
        return self.rows.shape[1] - columns_of(0, self.rows.dtype)

    def __len__(self) -> int:
        return self.tokens

    def block(self, start: int, stop: int, *, encoded: bool = False) -> Vectors:
        """Return the rows [start, stop) of all, as a slice does: see `Store.block`."""
        start, stop, _ = slice(start, stop).indices(self.rows.shape[0])
        stored = self.rows.read(start, max(start, stop))
        return stored if encoded else decode_rows(stored, self.rows.dtype)

    def row(self, row: int) -> Vectors:
        """Return one row, which exists, (dim,): what `block` has, by a shorter way."""
        return decode_rows(self.rows.read(row, row + 1)[0], self.rows.dtype)

    def gather(self, rows: Ints, *, encoded: bool = False) -> Vectors:
        """Return a copy of some rows, which exist: see `Store.gather`."""
        stored = self.rows.take(rows)
        return stored if encoded else decode_rows(stored, self.rows.dtype)

    def checked(self, rows: Any) -> Ints:
        """Return row numbers as int64; IndexError where one is no row, such as the -1 of an unknown word."""
        numbers, count = np.asarray(rows, np.int64), self.rows.shape[0]
        wrong = numbers[(numbers < 0) | (numbers >= count)]
        if len(wrong):
            raise IndexError(f"row {wrong[0]} of a table of {count:,} rows")
        return numbers
