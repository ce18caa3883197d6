"""Stored rows of a table: the interface `Rows`, an implementation, and decoding to vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embstore.core.batch import Ints, Vectors
from embstore.core.dtypes import columns_of, decode_rows
from embstore.core.options import Dtype


class Rows(Protocol):
    """A backend: the stored rows of a table, the vocabulary's first, then the special rows.

    Stored rows are little-endian float32 or float16; for ``bfloat16`` its bits as uint16; for ``int8`` uint8 of shape
    (rows, dim + 8), the codes of each row followed by its scale and offset.
    """

    @property
    def dtype(self) -> Dtype:
        """Dtype of the stored rows."""

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and stored columns."""

    @property
    def mapped(self) -> NDArray[Any] | None:
        """All rows as an array over a file, mapped copy-on-write; None if the rows are not mapped."""

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Return the rows [start, stop), a valid range: a copy, or a read-only view."""

    def take(self, rows: Ints) -> NDArray[Any]:
        """Return a copy of the given rows, valid row numbers in any order."""


class ArrayRows:
    """Rows in a NumPy array.

    Parameters
    ----------
    array
        Stored rows, (rows, columns).
    dtype
        Dtype of the stored rows.
    is_mapped
        Whether the array is a view of a file that is mapped copy-on-write.
    """

    def __init__(self, array: NDArray[Any], dtype: Dtype, *, is_mapped: bool = False) -> None:
        self.array, self.dtype = array, dtype
        self.shape: tuple[int, int] = len(array), array.shape[1]
        self.mapped = array if is_mapped else None
        self._read_only = array.view()  # slices of a read-only view are read-only
        self._read_only.flags.writeable = False

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Return a read-only view of the rows [start, stop)."""
        return self._read_only[start:stop]

    def take(self, rows: Ints) -> NDArray[Any]:
        """Return a copy of the given rows."""
        return self.array[rows]

    def __reduce__(self) -> tuple[object, ...]:
        return ArrayRows, (self.array, self.dtype)  # a copy, which is in memory


@dataclass(frozen=True, slots=True)
class DecodedRows:
    """The vectors of stored rows. Only this class decodes the rows of a store.

    Attributes
    ----------
    rows
        The stored rows.
    tokens
        Number of rows of the vocabulary.
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
        """Return the rows [start, stop), clipped to the table like a slice: see `Store.block`."""
        start, stop, _ = slice(start, stop).indices(self.rows.shape[0])
        stored = self.rows.read(start, max(start, stop))
        return stored if encoded else decode_rows(stored, self.rows.dtype)

    def row(self, row: int) -> Vectors:
        """Return one row, (dim,), for a valid row number; faster than `block`."""
        return decode_rows(self.rows.read(row, row + 1)[0], self.rows.dtype)

    def gather(self, rows: Ints, *, encoded: bool = False) -> Vectors:
        """Return a copy of the given rows, valid row numbers: see `Store.gather`."""
        stored = self.rows.take(rows)
        return stored if encoded else decode_rows(stored, self.rows.dtype)

    def check_rows(self, rows: ArrayLike) -> Ints:
        """Return row numbers as int64.

        Raises TypeError unless they are integers of shape (n,), and IndexError for a number out of range, such as the
        -1 of an unknown word.
        """
        given, count = np.asarray(rows), self.rows.shape[0]
        if given.ndim != 1 or (given.dtype.kind not in "iu" and len(given)):
            raise TypeError(f"expected row numbers, integers of shape (n,), not {given.dtype} of shape {given.shape}")
        numbers = given.astype(np.int64)
        wrong = numbers[(numbers < 0) | (numbers >= count)]
        if len(wrong):
            raise IndexError(f"row {wrong[0]} is out of range for a table of {count:,} rows")
        return numbers
