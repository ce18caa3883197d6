"""What `embstore.save` takes as vectors: arrays, tensors, columns and data frames, and lists of rows.

Tensors are known by their type's name, so that nothing here imports torch; pyarrow is imported for its columns alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeGuard, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embstore.codecs.arrow.matrix import check_lengths, matrix_of_column
from embstore.core.batch import Vectors
from embstore.core.options import Dtype
from embstore.words.columns import ArrowArray, ArrowStream

SHOWN = 60  # characters of a row in a message
IN_NUMPY = ("float16", "float32", "float64")


class Tensor(Protocol):
    """What is used of ``torch.Tensor``."""

    @property
    def dtype(self) -> object:
        """The dtype; ``str`` returns its name, such as ``torch.float32``."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of its dimensions."""

    def __getitem__(self, rows: slice) -> Self:
        """Return a view of some rows."""

    def is_floating_point(self) -> bool:
        """Whether its dtype is floating."""

    def detach(self) -> Self:
        """Return a view without gradients."""

    def cpu(self) -> Self:
        """Return a copy on the CPU, or the tensor itself."""

    def float(self) -> Self:
        """Return a copy as float32."""

    def numpy(self) -> NDArray[Any]:
        """Return a view as an array."""


MatrixLike = ArrayLike | Tensor | Iterable[ArrayLike | Tensor] | ArrowStream | ArrowArray
"""An array or tensor, a data frame, or rows: a list or a column of arrays, lists or tensors."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows of floating numbers, read in blocks.

    Attributes
    ----------
    rows
        (rows, dim): an array, or a tensor on any device.
    dtype
        The dtype of a store that has the rows without rounding; ``float32`` for wider ones.
    """

    rows: NDArray[Any] | Tensor
    dtype: Dtype

    @property
    def dim(self) -> int:
        """Numbers in a row."""
        return self.rows.shape[1]

    def block(self, start: int, stop: int) -> Vectors:
        """Return the rows [start, stop) as an array; those of ``bfloat16`` as float32, which is exact."""
        rows = self.rows[start:stop]
        return rows if isinstance(rows, np.ndarray) else numbers_of(rows)


def as_matrix(vectors: MatrixLike, count: int) -> Matrix:
    """Return vectors as a matrix of `count` rows: a view where possible.

    Raises
    ------
    ValueError
        For another shape or dtype; names the first row that has another length, or is not of numbers.
    """
    rows, kind = _rows_of(vectors)
    shape = tuple(rows.shape)
    if len(shape) != 2 or shape[0] != count or not shape[1]:
        raise ValueError(f"{count} tokens need vectors of shape ({count}, dim), not {shape}")
    if not (rows.dtype.kind == "f" if isinstance(rows, np.ndarray) else rows.is_floating_point()):
        raise ValueError(f"vectors of {kind}: expected a floating dtype; convert them with astype first")
    if kind == "bfloat16":
        return Matrix(rows, "bfloat16")
    return Matrix(rows, "float16" if kind.endswith(("float16", "f2")) else "float32")


def is_tensor(value: object) -> TypeGuard[Tensor]:
    """Return whether a value is a tensor of torch."""
    return any((kind.__module__, kind.__name__) == ("torch", "Tensor") for kind in type(value).__mro__)


def is_spread(tensor: object) -> bool:
    """Return whether a tensor is a ``DTensor`` of torch, of which a process has a part."""
    return hasattr(tensor, "full_tensor")


def numbers_of(tensor: Tensor) -> NDArray[Any]:
    """Return a tensor on any device as an array, a view where possible; what NumPy lacks as float32, which is exact."""
    values = tensor.detach().cpu()
    lacking = values.is_floating_point() and _kind(values) not in IN_NUMPY
    return (values.float() if lacking else values).numpy()


def _kind(value: object) -> str:
    return str(getattr(value, "dtype", "")).removeprefix("torch.")


def _rows_of(vectors: MatrixLike) -> tuple[NDArray[Any] | Tensor, str]:
    """Return vectors as an array or tensor, and their dtype."""
    if is_tensor(vectors):
        if is_spread(vectors):
            raise ValueError("the vectors are spread over processes: gather them on every rank by full_tensor() first")
        return vectors, _kind(vectors)
    if not isinstance(getattr(vectors, "dtype", None), np.dtype) and len(getattr(vectors, "shape", ())) != 2:
        matrix = matrix_of_column(vectors)  # not of a data frame, whose Arrow data has columns, not rows
        if matrix is not None:
            return matrix, _kind(matrix)
    listed = list(vectors) if isinstance(vectors, list | tuple) else None
    if listed and any(map(is_tensor, listed)):
        return _stacked(listed)
    try:
        array = np.asarray(cast("ArrayLike", vectors))
    except ValueError:  # rows of several lengths
        return _stacked(list(cast("Iterable[ArrayLike]", vectors)))
    if array.ndim and (array.dtype == object or (array.ndim == 2 and array.dtype.kind in "US")):
        return _stacked(listed if listed is not None else list(array))
    return array, _kind(array)


def _stacked(rows: Sequence[ArrayLike | Tensor]) -> tuple[NDArray[Any], str]:
    """Copy rows of equal length into a matrix; those of bfloat16 become float32."""
    arrays = [_row(number, row) for number, row in enumerate(rows)]
    check_lengths(np.array([len(array) for array in arrays]))
    matrix = np.stack(arrays)
    return matrix, "bfloat16" if all(_kind(row) == "bfloat16" for row in rows) else _kind(matrix)


def _row(number: int, row: ArrayLike | Tensor) -> NDArray[Any]:
    """Return one row: (dim,) of numbers."""
    with contextlib.suppress(ValueError):  # lists of several lengths in one cell
        array = numbers_of(row) if is_tensor(row) else np.asarray(cast("ArrayLike", row))
        array = np.array(array.tolist()) if array.dtype == object and array.ndim else array
        if array.ndim == 1 and array.dtype.kind in "iuf":
            return array
    shown = repr(row)
    shown = shown if len(shown) <= SHOWN else f"{shown[: SHOWN - 3]}..."
    raise ValueError(f"row {number} of the vectors is {shown}, expected a row of numbers")
