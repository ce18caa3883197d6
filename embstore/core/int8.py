"""int8 rows: 8 bits per dimension, then the scale and the offset of the row; value = scale * code + offset.

Layout and rounding are those of torch's ``quantized::embedding_bag_byte_prepack``, which FBGEMM calls 8-bit row-wise
with a fused scale and bias (https://pytorch.org/FBGEMM/), so that its bags can use the stored rows directly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from embstore.core.cures import cure, option
from embstore.core.errors import EmbstoreError

TAIL = 8  # bytes after the codes of a row: float32 scale, float32 offset
BLOCK = 8192  # rows decoded at a time
EPSILON = np.float32(1e-8)  # FBGEMM adds it to the range, which may be 0

Floats = NDArray[np.float32]


def quantize(vectors: NDArray[Any]) -> NDArray[np.uint8]:
    """Encode vectors as int8 rows.

    Parameters
    ----------
    vectors
        (rows, dim), floating. The offset of a row is its smallest value, its scale is its range / 255.

    Returns
    -------
    uint8 of shape (rows, dim + 8). The error of a value is at most half the scale of its row, plus 1e-8 and the
    rounding of float32 arithmetic. Rows whose values are all equal are exact.

    Raises
    ------
    EmbstoreError
        For a row that `not_quantizable` returns.
    """
    wide, low, extent = _extents(vectors)
    if not np.isfinite(extent).all():
        raise not_quantizable_error("a row")
    rows = np.empty((len(wide), wide.shape[1] + TAIL), np.uint8)
    rows[:, :-TAIL] = np.rint((wide - low) * (np.float32(255) / (extent + EPSILON)))
    # whether the smallest value is -0.0 or 0.0 depends on the order of comparisons: write 0.0
    rows[:, -TAIL:] = np.concatenate((extent / np.float32(255), low + np.float32(0)), axis=1).astype("<f4").view("u1")
    return rows


def dequantize(rows: NDArray[np.uint8]) -> Floats:
    """Decode int8 rows: (..., dim + 8) of uint8 to (..., dim) of float32.

    Computed in float64, in which the product is exact, then rounded. The result equals that of torch's kernels, which
    use a fused multiply-add, unless the sum is so close to a tie that float64 rounds it to the tie.
    """
    vectors = np.empty((*rows.shape[:-1], rows.shape[-1] - TAIL), np.float32)
    flat = rows.reshape(-1, rows.shape[-1])
    with np.errstate(invalid="ignore", over="ignore"):  # only in damaged files, which `verify` reports
        for start in range(0, len(flat), BLOCK):
            block = flat[start : start + BLOCK]
            scale, offset = np.hsplit(scales(block).astype(np.float64), 2)
            vectors.reshape(-1, vectors.shape[-1])[start : start + BLOCK] = scale * block[:, :-TAIL] + offset
    return vectors


def scales(rows: NDArray[np.uint8]) -> Floats:
    """Return a copy of the scale and offset of each row: (..., dim + 8) of uint8 to (..., 2) of float32."""
    return np.ascontiguousarray(rows[..., -TAIL:]).view("<f4")


def not_quantizable(vectors: NDArray[Any]) -> NDArray[np.int64]:
    """Return the positions of the rows that int8 cannot store: NaN, Inf or a range beyond float32."""
    return np.flatnonzero(~np.isfinite(_extents(vectors)[2]))


def not_quantizable_error(place: str) -> EmbstoreError:
    """Return the error for a row that `not_quantizable` returns."""
    as_float32 = cure("int8-range", f"{option(dtype='float32')} stores it")
    return EmbstoreError(f"{place} has NaN, Inf or a range beyond float32, which int8 cannot store; {as_float32}")


def _extents(vectors: NDArray[Any]) -> tuple[Floats, Floats, Floats]:
    """Return rows as float32, their smallest values and their ranges, both (rows, 1)."""
    with np.errstate(invalid="ignore", over="ignore"):
        wide = np.asarray(vectors, np.float32)
        low = wide.min(axis=1, keepdims=True)
        return wide, low, wide.max(axis=1, keepdims=True) - low
