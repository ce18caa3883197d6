"""Words chosen to collide in an index: XXH64 of 8 bytes without a secret seed can be inverted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embstore.core.batch import Tokens

P1, P2, P3, P4, P5 = (
    0x9E3779B185EBCA87,
    0xC2B2AE3D27D4EB4F,
    0x165667B19E3779F9,
    0x85EBCA77C2B2AE63,
    0x27D4EB2F165667C5,
)
MASK = (1 << 64) - 1


def words_with_hashes(hashes: NDArray[np.uint64], seed: int = 0) -> Tokens:
    """The words of 8 bytes that have these XXH64 hashes: each step of the hash, inverted, from last to first."""

    def divided(x: NDArray[np.uint64], factor: int) -> NDArray[np.uint64]:
        return x * np.uint64(pow(factor, -1, 1 << 64))

    def rotated_right(x: NDArray[np.uint64], bits: int) -> NDArray[np.uint64]:
        return (x >> np.uint64(bits)) | (x << np.uint64(64 - bits))

    with np.errstate(over="ignore"):
        h = hashes ^ (hashes >> np.uint64(32))
        h = divided(h, P3)
        h = h ^ (h >> np.uint64(29)) ^ (h >> np.uint64(58))
        h = divided(h, P2)
        h = h ^ (h >> np.uint64(33))
        h = rotated_right(divided(h - np.uint64(P4), P1), 27)
        h = divided(h ^ np.uint64((seed + P5 + 8) & MASK), P1)
        words = divided(rotated_right(h, 31), P2)
    return Tokens(words.astype("<u8").view(np.uint8), np.arange(len(hashes) + 1, dtype=np.int64) * 8)


def clusters(count: int, size: int, seed: int = 0) -> Tokens:
    """Distinct words in clusters of `size`, each cluster with one home slot in every index of up to 2^32 slots."""
    number = np.arange(count, dtype=np.uint64)
    home = (number // np.uint64(size)) * np.uint64(2654435761) & np.uint64(0xFFFFFFFF)
    return words_with_hashes(number << np.uint64(32) | home, seed)
