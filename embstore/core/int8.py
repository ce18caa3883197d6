"""Rows of 8 bits: a code for each dimension, then the row's scale and offset; value = scale * code + offset.

Layout and rounding are those of torch's ``quantized::embedding_bag_byte_prepack``, which FBGEMM calls 8-bit row-wise
with a fused scale and bias (https://pytorch.org/FBGEMM/), so that its bags take the rows as they lie in the file.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from embstore.core.errors import EmbstoreError

TAIL = 8  # bytes behind a row's codes: float32 scale, float32 offset
BLOCK = 8192  # rows widened at a time
EPSILON = np.float32(1e-8)  # what FBGEMM adds to a range that may be 0

Floats = NDArray[np.float32]
UNFIT = "NaN, Inf or a range beyond float32, which 8 bits with a scale cannot hold: --dtype float32 keeps it"


def quantize(vectors: NDArray[Any]) -> NDArray[np.uint8]:
    """Round rows to 8 bits.

    Parameters
    ----------
    vectors
        (rows, dim), floating; the smallest value of a row becomes its offset, and a 255th of its range its scale.

    Returns
    -------
    uint8 of shape (rows, dim + 8). No value is further from what it was than half the row's scale, 1e-8, and what
    float32 arithmetic rounds off. Rows of zeros, and of any one value, are kept as they are.

    Raises
    ------
    EmbstoreError
        For a row of `unfit`.
    """
    wide, low, extent = _extents(vectors)
    if not np.isfinite(extent).all():
        raise EmbstoreError(f"a row holds {UNFIT}")
    rows = np.empty((len(wide), wide.shape[1] + TAIL), np.uint8)
    rows[:, :-TAIL] = np.rint((wide - low) * (np.float32(255) / (extent + EPSILON)))
    # a smallest value of -0.0 or 0.0 depends on the order of comparing: 0.0 is written
    rows[:, -TAIL:] = np.concatenate((extent / np.float32(255), low + np.float32(0)), axis=1).astype("<f4").view("u1")
    return rows


def dequantize(rows: NDArray[np.uint8]) -> Floats:
    """Return the numbers of rows: (..., dim + 8) of uint8 to (..., dim) of float32.

    Computed in float64, in which a product is exact, and then rounded: to what torch's kernels give, which fuse the
    two operations, wherever float64 can tell a tie from what is next to it.
    """
    vectors = np.empty((*rows.shape[:-1], rows.shape[-1] - TAIL), np.float32)
    flat = rows.reshape(-1, rows.shape[-1])
    with np.errstate(invalid="ignore", over="ignore"):  # in a damaged file, which `verify` finds
        for start in range(0, len(flat), BLOCK):
            block = flat[start : start + BLOCK]
            scale, offset = np.hsplit(scales(block).astype(np.float64), 2)
            vectors.reshape(-1, vectors.shape[-1])[start : start + BLOCK] = scale * block[:, :-TAIL] + offset
    return vectors


def scales(rows: NDArray[np.uint8]) -> Floats:
    """Scale and offset of each row, copied: (..., dim + 8) of uint8 to (..., 2) of float32."""
    return np.ascontiguousarray(rows[..., -TAIL:]).view("<f4")


def unfit(vectors: NDArray[Any]) -> NDArray[np.int64]:
    """Positions of the rows that 8 bits cannot hold."""
    return np.flatnonzero(~np.isfinite(_extents(vectors)[2]))


def _extents(vectors: NDArray[Any]) -> tuple[Floats, Floats, Floats]:
    """Rows as float32, their least values and their ranges, (rows, 1)."""
    with np.errstate(invalid="ignore", over="ignore"):
        wide = np.asarray(vectors, np.float32)
        low = wide.min(axis=1, keepdims=True)
        return wide, low, wide.max(axis=1, keepdims=True) - low
