"""A minimal reader of stores in pure Python, written from the SPEC alone, as a model for other languages."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from makers.xxh64 import xxh64

MAX_PROBE = 1024


class Reader:
    """A store of float32 rows in memory, without the checks that the SPEC requires of a reader."""

    def __init__(self, path: str | Path) -> None:
        self.data = Path(path).read_bytes()
        self.begin = 8 + int.from_bytes(self.data[:8], "little")
        self.header: dict[str, Any] = json.loads(self.data[8 : self.begin])
        self.seed = int(self.header["__metadata__"].get("embstore.hash_seed", "0"))
        self.rows, self.dim = self.header["embedding.weight"]["shape"]
        self.slots: int = self.header["vocab.index"]["shape"][0]
        self.tokens: int = self.header["vocab.offsets"]["shape"][0] - 1

    def numbers(self, tensor: str, kind: str, first: int, count: int) -> tuple[Any, ...]:
        """Return numbers of a tensor; `kind` is a format character of the struct module."""
        start = self.begin + self.header[tensor]["data_offsets"][0]
        return struct.unpack_from(f"<{count}{kind}", self.data, start + first * struct.calcsize(f"<{kind}"))

    def token(self, row: int) -> bytes:
        """Return the token of a row."""
        first, last = self.numbers("vocab.offsets", "q", row, 2)
        start = self.begin + self.header["vocab.bytes"]["data_offsets"][0]
        return self.data[start + first : start + last]

    def find(self, word: bytes) -> int:
        """Return the row of a word, or -1."""
        hashed = xxh64(word, self.seed)
        for step in range(MAX_PROBE):
            (entry,) = self.numbers("vocab.index", "Q", (hashed + step) % self.slots, 1)
            if not entry:
                break
            row = int(entry & 0xFFFFFFFF) - 1
            if entry >> 32 == hashed >> 32 and 0 <= row < self.tokens and self.token(row) == word:
                return row
        return -1

    def vector(self, row: int) -> tuple[float, ...]:
        """Return the vector of a row."""
        return self.numbers("embedding.weight", "f", row * self.dim, self.dim)
