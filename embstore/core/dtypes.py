"""Dtypes of stored rows: encoding vectors as stored rows, and decoding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embstore.core import int8
from embstore.core.batch import Batch, RowBlocks, SpecialBlocks, Vectors
from embstore.core.options import Dtype

NUMPY_DTYPES: dict[Dtype, str] = {"float32": "<f4", "float16": "<f2", "bfloat16": "<u2", "int8": "u1"}
TENSOR_DTYPES: dict[Dtype, str] = {"float32": "F32", "float16": "F16", "bfloat16": "BF16", "int8": "U8"}


def to_bfloat16(vectors: Vectors) -> NDArray[np.uint16]:
    """Round float32 to bfloat16 bits, ties to even. NaN stays NaN; one that bfloat16 has keeps its bits."""
    bits = np.ascontiguousarray(vectors, "<f4").view("<u4")
    rounded = ((bits + (((bits >> 16) & 1) + np.uint32(0x7FFF))) >> 16).astype("<u2")
    nan = (bits >> 16 | np.where(bits & 0xFFFF, np.uint32(0x40), np.uint32(0))).astype("<u2")
    return np.where(np.isnan(vectors), nan, rounded)


def from_bfloat16(bits: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Convert bfloat16 bits to float32, exactly."""
    return (bits.astype("<u4") << 16).view("<f4")


def encode_rows(vectors: Vectors, dtype: Dtype) -> NDArray[Any]:
    """Return vectors as stored rows: little-endian, C-contiguous; copied only if necessary."""
    with np.errstate(over="ignore"):  # a value out of range becomes Inf, which the callers count
        if dtype == "bfloat16":
            return to_bfloat16(vectors)
        if dtype == "int8":
            return int8.quantize(vectors)
        return np.ascontiguousarray(vectors, NUMPY_DTYPES[dtype])


def encode_batch(batch: Batch, dtype: Dtype) -> NDArray[Any]:
    """Return the vectors of a batch as stored rows; for int8 the original codes, if the batch has them."""
    return encode_rows(batch.vectors, dtype) if dtype != "int8" or batch.codes is None else batch.codes


def encode_special(special: SpecialBlocks, table: RowBlocks, dtype: Dtype) -> Iterator[NDArray[Any]]:
    """Yield the special rows of a source as stored rows, in blocks; `table` has the rows of the vocabulary."""
    for rows in special(table) if callable(special) else [special]:
        if rows.dtype != np.uint8:
            yield encode_rows(rows, dtype)
        else:  # codes of another store are not rounded again
            yield rows if dtype == "int8" else encode_rows(int8.dequantize(rows), dtype)


def decode_rows(rows: NDArray[Any], dtype: Dtype) -> Vectors:
    """Return the vectors of stored rows, (..., dim): a view, or float32 for dtypes that NumPy lacks."""
    if dtype == "bfloat16":
        return from_bfloat16(rows)
    return int8.dequantize(rows) if dtype == "int8" else rows


def columns_of(dim: int, dtype: Dtype) -> int:
    """Return the number of stored columns for `dim` numbers: int8 rows have 8 more, for scale and offset."""
    return dim + int8.TAIL if dtype == "int8" else dim


def bytes_of(array: NDArray[Any]) -> memoryview:
    """Return a view of the bytes of a C-contiguous array, for hashing and writing."""
    return array.reshape(-1).view(np.uint8).data
