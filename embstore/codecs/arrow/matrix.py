"""A column of lists in memory as a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from embstore.words.columns import ArrowArray, ArrowStream, as_arrow


def matrix_of_column(column: ArrowStream | ArrowArray | object) -> NDArray[Any] | None:
    """Return the rows of a column of lists of equal length, (rows, dim): a view of one that is in one piece.

    Returns None for an object that is no column of Arrow data, which imports nothing.

    Raises
    ------
    ValueError
        For a column of anything else, for nulls, and for lists of several lengths; names the row.
    """
    lists = as_arrow(column)
    if lists is None:
        return None
    from pyarrow import compute

    if not hasattr(lists.type, "value_field"):
        raise ValueError(f"vectors in a column of {lists.type}: expected a column of lists of numbers")
    if lists.null_count:
        raise ValueError(f"row {lists.is_null().index(True).as_py()} of the vectors is null, expected a row of numbers")
    sizes = np.asarray(compute.list_value_length(lists)).astype(np.int64)
    dim = int(sizes[0]) if len(sizes) else 0
    check_lengths(sizes)
    values = compute.list_flatten(lists)
    if values.null_count:
        row = values.is_null().index(True).as_py() // dim
        raise ValueError(f"row {row} of the vectors contains a null, expected a row of numbers")
    return np.asarray(values).reshape(len(sizes), dim)


def check_lengths(sizes: NDArray[np.int64]) -> None:
    """Raise ValueError, which names the row, unless all rows have as many numbers as the first."""
    odd = np.flatnonzero(sizes != sizes[:1])
    if len(odd):
        row = odd[0]
        raise ValueError(f"row {row} of the vectors has {sizes[row]} numbers, expected {sizes[0]} as in row 0")
