"""Mutators of packed files: the payload is changed and packed again, so that the change gets to its reader."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from random import Random

import zstandard

from fuzz.mutate.plain import Mutator

Change = Callable[[bytes, Random, bytes], bytes]

PACKERS: dict[bytes, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    b"\x1f\x8b": (gzip.decompress, lambda data: gzip.compress(data, mtime=0)),
    b"BZh": (bz2.decompress, bz2.compress),
    b"\xfd7zXZ": (lzma.decompress, lzma.compress),
    b"\x28\xb5\x2f\xfd": (
        lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
        lambda data: zstandard.ZstdCompressor().compress(data),
    ),
}
NAMES = ["", "x", "../x", "/x", "a/b.txt", "x.npy", "data.pkl", "é", "x" * 300, "version", "__MACOSX/x"]


def payload(change: Change) -> Mutator:
    """Return the mutator that changes what is packed."""

    def mutate(raw: bytes, random: Random, other: bytes) -> bytes:
        unpack, pack = next(pair for magic, pair in PACKERS.items() if raw.startswith(magic))
        inner = unpack(raw)
        packed = pack(change(inner, random, inner))
        return packed + pack(inner[: random.randint(0, len(inner))]) if random.random() < 0.1 else packed

    return mutate


def members(change: Change) -> Mutator:
    """Return the mutator of the members of a zip file, which get their right checksums."""

    def mutate(raw: bytes, random: Random, other: bytes) -> bytes:
        found = read_members(raw)
        if not found:
            return raw[: random.randint(0, len(raw))]
        place, second = random.randrange(len(found)), random.randrange(len(found))
        name, data = found[place]
        match random.randrange(10):
            case 0:
                del found[place]
            case 1:
                found[place] = (random.choice(NAMES), data)
            case 2:
                found[place] = (found[second][0], data)
            case 3:
                found.append((random.choice([name, *NAMES]), data))
            case 4:
                found[place] = (name, found[second][1])
            case _:
                found[place] = (name, change(data, random, found[second][1]))
        return write_members(found, random.choice([zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))

    return mutate


def read_members(raw: bytes) -> list[tuple[str, bytes]]:
    """Return the members of a zip file; none if it is damaged already."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            return [(info.filename, archive.read(info)) for info in archive.infolist()]
    except (zipfile.BadZipFile, zlib.error, RuntimeError, ValueError, EOFError, OSError):
        return []


def write_members(found: list[tuple[str, bytes]], packing: int) -> bytes:
    """Write a zip file, without a warning for a name that is there twice."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packing) as archive:
        for name, data in found:
            archive.NameToInfo.pop(name, None)
            archive.writestr(zipfile.ZipInfo(name), data, packing)
    return buffer.getvalue()
