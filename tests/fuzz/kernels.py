"""Hostile arrays for the compiled functions, and the same for the plain ones: same result, or same class of error."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embstore.core import _native, _speedups

EXTREME = [0, 1, 2, 7, 8, -1, 2**31, 2**32, 2**62, 2**63 - 1, -(2**63)]
Arguments = list[Any]


def unaligned(array: NDArray[Any]) -> NDArray[Any]:
    """Return a copy at an odd address."""
    raw = np.empty(array.nbytes + 1, np.uint8)
    moved = raw[1:].view(array.dtype).reshape(array.shape)
    moved[...] = array
    return moved


def some_bytes(random: Random, most: int = 64) -> NDArray[np.uint8]:
    """Return random bytes, often none."""
    return np.frombuffer(bytearray(random.randbytes(random.choice([0, 0, 1, 8, most]))), np.uint8)


def packed(random: Random, *, hostile: bool) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return bytes and offsets of tokens; hostile ones decrease, wrap or end beyond."""
    tokens = [random.randbytes(random.choice([0, 1, 3, 8, 33])) for _ in range(random.randint(0, 6))]
    offsets = np.cumsum([0, *map(len, tokens)]).astype(np.int64)
    if hostile and random.random() < 0.2:
        offsets = np.array([0, 2**63 - 1, -(2**63), -1, 8], np.int64)
    for _ in range(random.randint(0, 2) if hostile else 0):
        offsets[random.randrange(len(offsets))] = random.choice(EXTREME)
    return np.frombuffer(bytearray(b"".join(tokens)), np.uint8), offsets


def hash_tokens(random: Random) -> Arguments:
    return [*packed(random, hostile=True), random.choice([0, 2**64 - 1])]


def find_tokens(random: Random) -> Arguments:
    data, offsets = packed(random, hostile=True)
    words, ends = packed(random, hostile=random.random() < 0.3)
    if random.random() < 0.5:
        words, ends = data, offsets
    slots = np.zeros(random.choice([0, 1, 2, 3, 8, 16]), np.uint64)
    try:
        hashes = _native.hash_tokens(words, ends, 0)
    except ValueError:
        hashes = np.zeros(1, np.uint64)
    for slot in range(len(slots)):
        low = random.choice([0, 1, 2, 3, len(offsets), len(offsets) - 1, 2**31, 2**32 - 1])
        top = int(random.choice(hashes.tolist() or [0])) >> 32 << 32
        slots[slot] = random.choice([0, top | low])
    place = unaligned if random.random() < 0.5 else np.array
    return [place(slots.view(np.uint8)), place(offsets.view(np.uint8)), data, words, ends, 0]


def find_strings(random: Random) -> Arguments:
    words: list[Any] = [random.choice(["", "a", "é", "x" * 40, "日本", "a\x00"]) for _ in range(random.randint(0, 4))]
    return [*find_tokens(random)[:3], words, 0]


def insert_tokens(random: Random) -> Arguments:
    data, offsets = packed(random, hostile=random.random() < 0.5)
    added = max(0, len(offsets) - 1 + random.choice([0, 0, 0, 1, -1]))
    slots = np.zeros(random.choice([16, 16, 8, 2]), np.uint64)
    if random.random() < 0.3:
        slots[:] = random.choice([1, 2**32 - 1, 2**64 - 1, 2**63])
        slots[random.randrange(len(slots))] = 0
    return [slots, data, offsets, 0, added, 0, 64]


def parse_rows(random: Random) -> Arguments:
    lines = [random.choice([b"a 1 2", b"b -1e3 .5", b" ", b"", b"a\tb 1 2", b"x" * 40 + b" 1e400 0"]) for _ in range(4)]
    text = random.choice([b"\n".join(lines) + b"\n", random.randbytes(40) + b"\n", b"", b"a 1 2\r\n"])
    if random.random() < 0.4 and text:
        changed = bytearray(text)
        changed[random.randrange(len(text))] = random.randrange(256)
        text = bytes(changed)
    slack = random.choice([16, 16, 16, 15, 0])
    block = np.frombuffer(text + b"\n" * slack, np.uint8)
    stop = len(text) + random.choice([0, 0, 0, 0, -1, 1])
    vectors = np.zeros((random.randint(0, 5), random.choice([2, 2, 1, 0])), np.float32)
    offsets = np.zeros(random.randint(1, 6), np.int64)
    return [block, random.choice([0, 0, 0, -1, 2]), stop, vectors, some_bytes(random) * 0, offsets, 0]


def format_rows(random: Random) -> Arguments:
    data, offsets = packed(random, hostile=random.random() < 0.5)
    count = max(0, len(offsets) - 1 + random.choice([0, 0, 0, 0, 1, -1]))
    values = [0.0, -0.0, 0.1, 1.5, 999999, 1e-9, 123456.7]
    vectors = np.array([[random.choice(values) for _ in range(3)] for _ in range(count)], np.float32).reshape(count, 3)
    if random.random() < 0.5:
        vectors = unaligned(vectors)
    text = np.zeros(random.choice([0, 1, 60, 1000]), np.uint8)
    return [data, offsets, vectors, random.choice([0, 0, 1, -1]), text, random.choice([0, 0, 5, -1, 2**40])]


def split_rows(random: Random) -> Arguments:
    block = random.choice([b"a 12345678b 12345678", b"\na 12345678\nb 12345678", b"", random.randbytes(30)])
    data = np.frombuffer(block, np.uint8)
    rows = np.zeros((random.randint(0, 3), random.choice([8, 8, 4, 1])), np.uint8)
    offsets = np.zeros(random.randint(1, 4), np.int64)
    if random.random() < 0.1:
        offsets[0] = random.choice([-1, -(2**63), 2**40])
    stop = len(block) + random.choice([0, 0, 0, 1, -1])
    return [data, random.choice([0, 0, -1, 3]), stop, random.random() < 0.5, rows, some_bytes(random), offsets, 0]


MAKERS: list[Callable[[Random], Arguments]] = [
    hash_tokens, find_tokens, find_strings, insert_tokens, parse_rows, format_rows, split_rows,
]  # fmt: skip
STOPS_EARLIER = {"parse_rows", "format_rows"}  # the compiled ones leave more lines to their caller


def outcome(function: Callable[..., Any], arguments: Arguments) -> tuple[str, object]:
    """Call a function; return its result as a comparable value, or the class of its error."""
    try:
        result = function(*arguments)
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        return "error", type(error).__name__
    parts = result if isinstance(result, tuple) else (result,)
    return "result", tuple(part.tolist() if isinstance(part, np.ndarray) else int(part) for part in parts)


def main(count: int, names: list[str]) -> int:
    """Call each function, or those named, so often; return 1 if the two differ."""
    counts: Counter[str] = Counter()
    differ = []
    for maker in MAKERS:
        name = maker.__name__
        if names and name not in names:
            continue
        for number in range(count):
            compiled = outcome(getattr(_speedups, name), maker(Random(f"{name}:{number}")))
            plain = outcome(getattr(_native, name), maker(Random(f"{name}:{number}")))
            counts[f"{name} {compiled[0]}"] += 1
            if compiled != plain and not (name in STOPS_EARLIER and compiled[0] == plain[0] == "result"):
                differ.append(f"{name}:{number}: compiled {compiled}, plain {plain}")
    sys.stdout.write("\n".join([*differ[:40], f"{len(differ)} differ; {dict(counts)}"]) + "\n")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000, sys.argv[2:]))
