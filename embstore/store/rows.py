"""Where the rows of a table are kept, and the numbers that they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

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
        """Return the rows [start, stop), which exist, as a new array object: a view or a copy."""

    def take(self, rows: Ints) -> NDArray[Any]:
        """Return a copy of some rows, which exist, in any order."""


@dataclass(frozen=True, slots=True)
class ArrayRows:
    """Rows in a NumPy array.

    Attributes
    ----------
    array
        Stored rows, (rows, columns).
    dtype
        What they are stored as.
    is_mapped
        Whether the array lies over a file, mapped copy-on-write.
    """

    array: NDArray[Any]
    dtype: Dtype
    is_mapped: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and stored columns."""
        rows, columns = self.array.shape
        return rows, columns

    @property
    def mapped(self) -> NDArray[Any] | None:
        """The array, if it lies over a file."""
        return self.array if self.is_mapped else None

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Return a view of the rows [start, stop)."""
        return self.array[start:stop]

    def take(self, rows: Ints) -> NDArray[Any]:
        """Return a copy of some rows."""
        return self.array[rows]


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

    def block(self, start: int, stop: int) -> Vectors:
        """Return the rows [start, stop), (stop - start, dim): a read-only view where the backend gives one."""
        return decode_rows(read_only(self.rows.read(start, stop)), self.rows.dtype)

    def gather(self, rows: Ints) -> Vectors:
        """Return a copy of some rows, (rows, dim)."""
        return decode_rows(self.rows.take(rows), self.rows.dtype)


def read_only(rows: NDArray[Any]) -> NDArray[Any]:
    """Forbid writing to rows that a backend may have lent."""
    rows.flags.writeable = False
    return rows
