"""A store of formats/store/SPEC.md, assembled from parts, so that each part can be made invalid."""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import dataclass, field, replace
from typing import Any

from makers.rounding import float32_bits
from makers.xxh64 import xxh64

PAGE = 4096
ITEMSIZE = {"F32": 4, "F16": 2, "BF16": 2, "U8": 1}
UNSEALED = "0" * 64  # in place of the checksum of the header while that is computed
TAIL = 8  # bytes of scale and offset after the int8 codes
Part = tuple[str, str, list[int], bytes]


def counted(counts: list[int]) -> Part:
    """Return the tensor of the counts of the tokens."""
    return "vocab.counts", "I64", [len(counts)], struct.pack(f"<{len(counts)}q", *counts)


@dataclass(frozen=True)
class Store:
    """The parts of a store; `more` is metadata in addition to what a writer must write."""

    tokens: list[bytes]
    dim: int
    dtype: str
    weight: bytes
    slots: list[int]
    offsets: list[int]
    text: bytes
    more: dict[str, str] = field(default_factory=dict)
    checksums: bool = True
    seed: int = 0
    counts: list[int] | None = None

    @property
    def rows(self) -> int:
        """Number of rows, including the special rows."""
        return len(self.weight) // (self.columns * ITEMSIZE[self.dtype])

    @property
    def columns(self) -> int:
        """Number of stored columns."""
        return self.dim + (TAIL if self.dtype == "U8" else 0)

    def parts(self) -> list[Part]:
        """Name, dtype, shape and bytes of each tensor, in the order of the file."""
        return [
            ("embedding.weight", self.dtype, [self.rows, self.columns], self.weight),
            ("vocab.index", "U64", [len(self.slots)], struct.pack(f"<{len(self.slots)}Q", *self.slots)),
            ("vocab.offsets", "I64", [len(self.offsets)], struct.pack(f"<{len(self.offsets)}q", *self.offsets)),
            *([] if self.counts is None else [counted(self.counts)]),
            ("vocab.bytes", "U8", [len(self.text)], self.text),
        ]

    def metadata(self) -> dict[str, str]:
        """Return the metadata of the header."""
        sums = {f"embstore.sha256.{name}": hashlib.sha256(data).hexdigest() for name, _, _, data in self.parts()}
        return {
            "format": "pt",
            "embstore.version": "1.0",
            "embstore.hash": "xxh64",
            "embstore.hash_seed": str(self.seed),
            **({"embstore.dtype": "int8-rowwise"} if self.dtype == "U8" else {}),
            **(sums if self.checksums else {}),
            "embstore.sha256.header": UNSEALED,
            **self.more,
        }

    def header(self) -> dict[str, Any]:
        """Return the header, with keys in the order of writing."""
        entries: dict[str, Any] = {"__metadata__": dict(sorted(self.metadata().items()))}
        end = 0
        for name, dtype, shape, data in self.parts():
            entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + len(data)]}
            end += len(data)
        return entries

    def data(self) -> bytes:
        """Return the data after the header."""
        return b"".join(part[3] for part in self.parts())

    def file(self, alignment: int = PAGE) -> bytes:
        """Return the file."""
        return assemble(self.header(), self.data(), alignment)

    def but(self, **changes: Any) -> Store:
        """Return the store with some parts changed and no checksums of arrays: other checks must find the change."""
        return replace(self, checksums=False, **changes)


def assemble(header: dict[str, Any] | str | bytes, data: bytes, alignment: int = 8) -> bytes:
    """Return the file: a header, in which zeros become its checksum, padded with spaces; then the data."""
    text = json.dumps(header, separators=(",", ":")) if isinstance(header, dict) else header
    raw = text.encode() if isinstance(text, str) else text
    raw = raw.replace(UNSEALED.encode(), hashlib.sha256(raw).hexdigest().encode())
    raw = raw.ljust(-(-(8 + len(raw)) // alignment) * alignment - 8)
    return struct.pack("<Q", len(raw)) + raw + data


def store(tokens: list[bytes], rows: list[str], dtype: str = "F32", **more: str) -> Store:
    """Make a store of tokens and rows of decimals; rows after those of the tokens are special rows."""
    weight = b"".join(encode_row(row.split(), dtype) for row in rows)
    ends = [sum(map(len, tokens[:i])) for i in range(len(tokens) + 1)]
    slots, seed = index(tokens)
    return Store(tokens, len(rows[0].split()), dtype, weight, slots, ends, b"".join(tokens), more, seed=seed)


def encode_row(numbers: list[str], dtype: str) -> bytes:
    """Return the bytes of a row; for U8 the range must be 0 or 255 times a power of two, so that it is exact."""
    if dtype != "U8":
        return b"".join(encode(number, dtype) for number in numbers)
    values = [float(number) for number in numbers]
    offset = min(values)
    scale = (max(values) - offset) / 255
    codes = bytes(round((value - offset) / scale) if scale else 0 for value in values)
    return codes + struct.pack("<ff", scale, offset)


def encode(number: str, dtype: str) -> bytes:
    """Return the bytes of a number that the dtype represents exactly, or of NaN."""
    bits = bytes.fromhex(float32_bits(number))
    if dtype == "BF16":
        return bits[1::-1]
    return bits[::-1] if dtype == "F32" else struct.pack("<e", float(number))


def index(tokens: list[bytes], count: int = 2) -> tuple[list[int], int]:
    """Build an index of at least `count` slots; return it and its seed: 0, or the first derived one that suits."""
    while count < 2 * len(tokens):
        count *= 2
    for seed in [0, *derived_seeds(tokens)]:
        slots = placed(tokens, count, seed)
        if slots:
            return slots, seed
    raise AssertionError("no seed suits these tokens")


def derived_seeds(tokens: list[bytes]) -> list[int]:
    """Derive the seeds 1 to 15 from all tokens."""
    ends = [sum(map(len, tokens[:i])) for i in range(len(tokens) + 1)]
    offsets, text = struct.pack(f"<{len(ends)}q", *ends), b"".join(tokens)
    digests = hashlib.sha256(offsets).digest() + hashlib.sha256(text).digest()
    numbers = [hashlib.sha256(digests + struct.pack("<Q", number)).digest() for number in range(1, 16)]
    return [int.from_bytes(digest[:8], "little") for digest in numbers]


def placed(tokens: list[bytes], count: int, seed: int) -> list[int] | None:
    """Place each token, in row order, into the first empty slot from its home on; None if one is too far from home."""
    slots, spare = [0] * count, 64
    for row, token in enumerate(tokens):
        hashed, distance = xxh64(token, seed), 0
        while slots[(hashed + distance) % count]:
            distance += 1
        if distance > 64 or distance > spare:
            return None
        spare += 2 - distance
        slots[(hashed + distance) % count] = hashed >> 32 << 32 | row + 1
    used = "".join("x" if slot else " " for slot in slots)
    return None if max(map(len, (used + used).split(" "))) > 256 else slots
