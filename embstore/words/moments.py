"""Mean and deviation of a table, computed in one pass over blocks of its rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embstore.core.batch import RowBlocks

BLOCK = 8192  # rows in a pass over a table; the last bits of its mean depend on it


def moments(table: RowBlocks) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and deviation in each dimension, two of float64 (dim,), over the rows that are finite.

    The table is read once, in blocks, and never copied whole: Chan, Golub and LeVeque, "Algorithms for computing
    the sample variance" (1983). A table without finite rows has mean 0 and deviation 1.
    """
    count, mean, squares = 0, np.zeros(table.dim), np.zeros(table.dim)
    for start in range(0, len(table), BLOCK):
        block = table.block(start, min(start + BLOCK, len(table))).astype(np.float64)
        block = block[np.isfinite(block).all(axis=1)]
        if not len(block):
            continue
        block_mean = block.mean(axis=0)
        apart, total = block_mean - mean, count + len(block)
        squares += ((block - block_mean) ** 2).sum(axis=0) + apart**2 * (count * len(block) / total)
        mean += apart * (len(block) / total)
        count = total
    return (mean, np.sqrt(squares / count)) if count else (mean, np.ones(table.dim))
