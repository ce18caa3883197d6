"""Decompression of gzip, bzip2, xz and zstd, and of the members of a zip; libraries are imported on first use."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol, cast

from embstore.core.dependencies import needed
from embstore.core.errors import FormatError

if TYPE_CHECKING:
    from zipfile import ZipExtFile, ZipInfo

ZIP = b"PK\3\4"
ENCRYPTED = 1  # flag bit of a zip member
METHODS = {0: "none", 8: "deflate"}  # of compression of a zip member


class Decompressed(Protocol):
    """A stream of decompressed bytes."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Read the next bytes into a buffer; return their number, 0 at the end."""

    def close(self) -> None:
        """Close the stream."""


def _gzip(raw: IO[bytes]) -> Decompressed:
    import gzip

    return gzip.GzipFile(fileobj=raw)


def _bzip2(raw: IO[bytes]) -> Decompressed:
    import bz2

    return bz2.BZ2File(raw)


def _xz(raw: IO[bytes]) -> Decompressed:
    from embstore.files.xz import XzStream

    return XzStream(raw)


def _zstd(raw: IO[bytes]) -> Decompressed:
    if sys.version_info >= (3, 14):
        from compression import zstd

        return zstd.ZstdFile(raw)
    with needed("zstandard", "a .zst file"):
        from embstore.files.zstd import ZstdStream
    return ZstdStream(raw)


COMPRESSIONS: dict[bytes, Callable[[IO[bytes]], Decompressed]] = {
    b"\x1f\x8b\x08": _gzip,
    **{b"BZh%d1AY&SY" % level: _bzip2 for level in range(1, 10)},  # text may begin with "BZh" too
    b"\xfd7zXZ\0": _xz,
    b"\x28\xb5\x2f\xfd": _zstd,
}


def is_compressed(head: bytes) -> bool:
    """Return whether a file with these first bytes is compressed or a zip."""
    return any(head.startswith(magic) for magic in (*COMPRESSIONS, ZIP))


def decompressed(head: bytes, raw: io.BufferedReader, path: str | Path, member: str | None) -> tuple[Decompressed, str]:
    """Return the decompressed stream, or `raw` itself, and the name of the zip member, "" if it is no zip.

    Parameters
    ----------
    head
        The first 16 bytes of the file, fewer if it is shorter.
    raw
        The file, at its beginning.

    Raises
    ------
    FormatError
        For a damaged zip, and a `member` that is unknown or missing.
    """
    if head.startswith(ZIP):
        return _open_member(raw, path, member)
    if member is not None:
        raise FormatError(path, f"not a zip, so it has no member {member!r}: leave member= out")
    for magic, decompress in COMPRESSIONS.items():
        if head.startswith(magic):
            return decompress(raw), ""
    return raw, ""


def _open_member(raw: IO[bytes], path: str | Path, member: str | None) -> tuple[Decompressed, str]:
    import zipfile

    try:
        archive = zipfile.ZipFile(raw)
        chosen = _choose(archive.namelist(), path, member)
        check_member(archive.getinfo(chosen), path)
        return cast("ZipExtFile", archive.open(chosen)), chosen
    except (FormatError, MemoryError):
        raise
    except Exception as error:  # zipfile raises many classes for a damaged directory
        raise FormatError(path, f"damaged zip: {ascii(str(error))[1:-1][:200]}") from error


def check_member(member: ZipInfo, path: str | Path, name: str = "") -> None:
    """Raise FormatError, which names the format `name`, for a zip member that needs a password or much memory.

    Of all methods of compression, zipfile decompresses only deflate in blocks: 4 kB of bzip2 become 4 GB at once.
    """
    if member.compress_type not in METHODS:
        shown, known = _shown(member.filename), " or ".join(METHODS.values())
        reason = f"{shown} is compressed by method {member.compress_type}, expected {known}: unzip it first"
        raise FormatError(path, reason, format=name)
    if member.flag_bits & ENCRYPTED:
        shown = _shown(member.filename)
        reason = f"{shown} is encrypted, and embstore does not ask for passwords: unzip it first"
        raise FormatError(path, reason, format=name)


def _shown(name: str) -> str:
    short = name if len(name) <= 200 else f"{name[:200]}..."
    return short if short.isprintable() else ascii(short)


def _choose(names: list[str], path: str | Path, member: str | None) -> str:
    files = [name for name in names if not name.endswith("/") and "__MACOSX/" not in name]
    shown = [_shown(name) for name in files[:20]]
    listed = ", ".join(shown) + (f" and {len(files) - 20} more" if len(files) > 20 else "")
    if member is None and len(files) != 1:
        raise FormatError(path, f"a zip with {len(files)} members ({listed}): name one with member=")
    chosen = files[0] if member is None else member
    if chosen not in files:
        raise FormatError(path, f"no member {chosen!r} in this zip: it has {listed}")
    return chosen
