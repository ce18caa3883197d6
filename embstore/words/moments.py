"""Mean and standard deviation of a table, computed in one pass over blocks of its rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embstore.core.batch import RowBlocks

BLOCK = 8192  # rows at a time; the last bits of the mean depend on it


def moments(table: RowBlocks) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation of the finite rows in each dimension, two arrays of float64 (dim,).

    The table is read once, in blocks, without a copy of the whole: Chan, Golub and LeVeque, "Algorithms for computing
    the sample variance" (1983). For a table without finite rows the mean is 0 and the deviation 1.
    """
    count, mean, squares = 0, np.zeros(table.dim), np.zeros(table.dim)
    for start in range(0, len(table), BLOCK):
        block = table.block(start, min(start + BLOCK, len(table))).astype(np.float64)
        block = block[np.isfinite(block).all(axis=1)]
        if not len(block):
            continue
        block_mean = block.mean(axis=0)
        shift, total = block_mean - mean, count + len(block)
        squares += ((block - block_mean) ** 2).sum(axis=0) + shift**2 * (count * len(block) / total)
        mean += shift * (len(block) / total)
        count = total
    return (mean, np.sqrt(squares / count)) if count else (mean, np.ones(table.dim))
