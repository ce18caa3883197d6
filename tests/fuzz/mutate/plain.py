"""Mutators that know nothing of a format: bits, runs, cuts, copies, and integers that overflow."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

Mutator = Callable[[bytes, Random, bytes], bytes]

INTEGERS = [
    0, 1, 2, 3, 7, 8, -1, -2, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**16, 2**24, 2**31 - 1, 2**31, -(2**31),
    2**32 - 1, 2**32, 2**40, 2**62, 2**63 - 1, -(2**63), 2**63, 2**64 - 1,
]  # fmt: skip


def flip_bits(raw: bytes, random: Random, other: bytes) -> bytes:
    """Flip one to four bits."""
    changed = bytearray(raw)
    for _ in range(random.randint(1, 4) if raw else 0):
        changed[random.randrange(len(raw))] ^= 1 << random.randrange(8)
    return bytes(changed)


def overwrite(raw: bytes, random: Random, other: bytes) -> bytes:
    """Overwrite a run with one byte, or with random ones."""
    start, stop = span(raw, random)
    value = random.choice([0, 0xFF, 0x20, 0x0A, random.randrange(256)])
    run = bytes([value]) * (stop - start) if random.random() < 0.6 else random.randbytes(stop - start)
    return raw[:start] + run + raw[stop:]


def cut(raw: bytes, random: Random, other: bytes) -> bytes:
    """Cut the end off, or the beginning."""
    place = random.randint(0, len(raw))
    return raw[:place] if random.random() < 0.8 else raw[place:]


def remove(raw: bytes, random: Random, other: bytes) -> bytes:
    """Take a run out."""
    start, stop = span(raw, random)
    return raw[:start] + raw[stop:]


def insert(raw: bytes, random: Random, other: bytes) -> bytes:
    """Put random bytes in."""
    place = random.randint(0, len(raw))
    return raw[:place] + random.randbytes(random.choice([1, 2, 4, 8, 64])) + raw[place:]


def duplicate(raw: bytes, random: Random, other: bytes) -> bytes:
    """Put a run in twice."""
    start, stop = span(raw, random)
    return raw[:stop] + raw[start:stop] * random.choice([1, 1, 2, 20]) + raw[stop:]


def splice(raw: bytes, random: Random, other: bytes) -> bytes:
    """Continue with the rest of another file, or put a run of it in the place of one."""
    place, there = random.randint(0, len(raw)), random.randint(0, len(other))
    if random.random() < 0.5:
        return raw[:place] + other[there:]
    start, stop = span(other, random)
    return raw[:place] + other[start:stop] + raw[place + stop - start :]


def integer(raw: bytes, random: Random, other: bytes) -> bytes:
    """Write an integer of 1, 2, 4 or 8 bytes, of either order, at a multiple of its size; mostly near an end."""
    size = random.choice([1, 2, 4, 4, 8, 8])
    if len(raw) < size:
        return raw
    reach = len(raw) // size
    near = min(reach, 64)
    place = size * random.choice([random.randrange(near), reach - 1 - random.randrange(near), random.randrange(reach)])
    order = "little" if random.random() < 0.8 else "big"
    old = int.from_bytes(raw[place : place + size], "little")
    value = random.choice([random.choice(INTEGERS), old + 1, old - 1, old * 2]) % (1 << 8 * size)
    return raw[:place] + (value.to_bytes(size, "little" if order == "little" else "big")) + raw[place + size :]


def span(raw: bytes, random: Random) -> tuple[int, int]:
    """Choose a run: short ones as often as long ones."""
    start = random.randint(0, len(raw))
    return start, min(len(raw), start + random.choice([1, 2, 4, 8, 16, 64, 1024, len(raw)]))


PLAIN: list[Mutator] = [flip_bits, overwrite, cut, remove, insert, duplicate, splice, integer, integer]
