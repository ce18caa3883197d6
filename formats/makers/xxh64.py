"""XXH64 in pure Python, written from its specification.

https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
"""

from __future__ import annotations

MASK = (1 << 64) - 1
P1, P2, P3, P4, P5 = (
    0x9E3779B185EBCA87,
    0xC2B2AE3D27D4EB4F,
    0x165667B19E3779F9,
    0x85EBCA77C2B2AE63,
    0x27D4EB2F165667C5,
)


def rotate(x: int, bits: int) -> int:
    """Rotate 64 bits to the left."""
    x &= MASK
    return (x << bits | x >> (64 - bits)) & MASK


def lane(accumulator: int, word: int) -> int:
    """Return an accumulator after one round."""
    return rotate(accumulator + word * P2, 31) * P1 & MASK


def xxh64(data: bytes, seed: int = 0) -> int:
    """Hash bytes."""
    rest = data
    if len(data) >= 32:
        lanes = [seed + P1 + P2, seed + P2, seed, seed - P1]
        while len(rest) >= 32:
            words = [int.from_bytes(rest[i : i + 8], "little") for i in (0, 8, 16, 24)]
            lanes = [lane(accumulator, word) for accumulator, word in zip(lanes, words, strict=True)]
            rest = rest[32:]
        h = sum(rotate(accumulator, bits) for accumulator, bits in zip(lanes, (1, 7, 12, 18), strict=True))
        for accumulator in lanes:
            h = (h ^ lane(0, accumulator)) * P1 + P4 & MASK
    else:
        h = seed + P5
    return _finish(h + len(data) & MASK, rest)


def _finish(h: int, rest: bytes) -> int:
    while len(rest) >= 8:
        h, rest = rotate(h ^ lane(0, int.from_bytes(rest[:8], "little")), 27) * P1 + P4 & MASK, rest[8:]
    if len(rest) >= 4:
        h, rest = rotate(h ^ int.from_bytes(rest[:4], "little") * P1 & MASK, 23) * P2 + P3 & MASK, rest[4:]
    for byte in rest:
        h = rotate(h ^ byte * P5 & MASK, 11) * P1 & MASK
    h = (h ^ h >> 33) * P2 & MASK
    h = (h ^ h >> 29) * P3 & MASK
    return h ^ h >> 32


def word_with_hash(h: int) -> bytes:
    """Return the only word of 8 bytes with a given hash under the seed 0: every step of the hash can be inverted."""

    def divided(x: int, factor: int) -> int:
        return x * pow(factor, -1, 1 << 64) & MASK

    h ^= h >> 32
    h = divided(h, P3)
    h ^= h >> 29 ^ h >> 58
    h = divided(h, P2)
    h ^= h >> 33
    h = rotate(divided(h - P4 & MASK, P1), 64 - 27) ^ P5 + 8
    return divided(rotate(divided(h, P1), 64 - 31), P2).to_bytes(8, "little")


def collisions(count: int) -> list[bytes]:
    """Return words with different hashes, but with one home slot in every index."""
    return [word_with_hash(number << 32 | 7) for number in range(count)]
