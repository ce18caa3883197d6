"""A table that was found in an open HDF5 file, and the functions that read its rows and words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from embstore.codecs.hdf5.h5py_types import Dataset

Read = Callable[[int, int], "NDArray[Any]"]
"""Reads rows [start, stop), or those of them that there are."""


@dataclass(frozen=True, slots=True)
class Words:
    """Words in the file.

    Attributes
    ----------
    name
        Path of their dataset, or of the group whose names they are.
    read
        Reads strings as bytes, or integers if `numbers`.
    chunk
        Number of words that are decompressed at once.
    """

    name: str
    read: Read
    chunk: int = 1
    numbers: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows, and perhaps their words.

    Attributes
    ----------
    name
        Path of the matrix.
    read
        Reads rows as an array (rows, dim) of `dtype`.
    chunk
        Number of rows that are decompressed at once.
    chunk_bytes
        Bytes of all chunks that a row lies in.
    offset
        Position of the rows in the file, where they can be mapped.
    words
        None if the words are in another file.
    findings
        What is odd: the sentence, the first place, the number of times.
    """

    name: str
    rows: int
    dim: int
    dtype: np.dtype[Any]
    read: Read
    chunk: int = 1
    chunk_bytes: int = 0
    offset: int | None = None
    words: Words | None = None
    findings: list[tuple[str, str, int]] = field(default_factory=list)


def matrix_table(name: str, matrix: Dataset, *, transposed: bool) -> Table:
    """Return the table of a dataset (rows, dim), or (dim, rows) where `transposed`; it has no words yet."""
    first, second = matrix.shape or ()
    axis = int(transposed)
    rows, dim = (second, first) if transposed else (first, second)

    def read(start: int, stop: int) -> NDArray[Any]:
        return np.ascontiguousarray(matrix[:, start:stop].T if transposed else matrix[start:stop])

    chunk = chunk_of(matrix, axis)
    offset = None if transposed else matrix.id.get_offset()
    chunk_bytes = chunk * dim * matrix.dtype.itemsize
    return Table(name, rows, dim, matrix.dtype, read, chunk, chunk_bytes, offset)


def words_in(name: str, words: Dataset) -> Words:
    """Return the words of a dataset of strings or integers, (rows,)."""
    numbers = words.dtype.kind in "iu"
    return Words(name, lambda start, stop: words[start:stop], chunk_of(words, 0), numbers)


def chunk_of(dataset: Dataset, axis: int) -> int:
    """Return the length of a chunk along an axis; 1 for a dataset without chunks."""
    return 1 if dataset.chunks is None else int(dataset.chunks[axis])
