"""Mutators of .npy: its header, a Python literal, written again with its right length."""

from __future__ import annotations

import re
from random import Random

from fuzz.mutate.plain import INTEGERS

MAGIC = b"\x93NUMPY"
DTYPES = [
    b"'<f4'", b"'>f4'", b"'<f8'", b"'<f2'", b"'|O'", b"'<i8'", b"'|S0'", b"'|S3'", b"'<U2'", b"'|V4'", b"'<c8'",
    b"[('a', '<f4')]", b"'<M8[s]'", b"''", b"'|b1'", b"None", b"'<f16'",
]  # fmt: skip
LITERALS = [b"None", b"()", b"[]", b"{}", b"(" * 300, b"1j", b"'x'", b"True", b"-1", b"1.5", b"b''", b"9" * 5000]


def header(raw: bytes, random: Random, other: bytes) -> bytes:
    """Change a number, a dtype or another literal of the header."""
    wide = 4 if raw[6] > 1 else 2
    start = 8 + wide
    stop = start + int.from_bytes(raw[8:start], "little")
    text = raw[start:stop]
    match random.randrange(4):
        case 0:
            text = changed(text, rb"\d+", str(random.choice(INTEGERS)).encode(), random)
        case 1:
            text = changed(text, rb"'[<>|][^']*'", random.choice(DTYPES), random)
        case 2:
            text = changed(text, rb"True|False|\([^)]*\)|'[^']*'", random.choice(LITERALS), random)
        case _:
            text = changed(text, rb"[{}(),:' ]", random.choice([b"", b"\n", b"#", b"\\", b"(", b"\x00"]), random)
    size = len(text) % (1 << 8 * wide)
    return raw[:8] + size.to_bytes(wide, "little") + text + raw[stop:]


def changed(text: bytes, pattern: bytes, value: bytes, random: Random) -> bytes:
    """Replace one of the places where a pattern is found."""
    found = list(re.finditer(pattern, text))
    if not found:
        return text + value
    place = random.choice(found)
    return text[: place.start()] + value + text[place.end() :]
