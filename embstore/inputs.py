"""Opening files to read: regular files only, compressed or in a zip, hashed on the way."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from embstore.checksum import Checksum
from embstore.errors import FormatError, MissingDependencyError

DAMAGED = (EOFError, OSError, lzma.LZMAError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError)
DAMAGED_ZIP = (*DAMAGED, ValueError, IndexError, struct.error)  # what zipfile lets out of a directory of garbage


def open_regular(path: str | Path) -> IO[bytes]:
    """Open a file unbuffered for reading, and nothing but a regular file: a FIFO would hang, a device never end."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except IsADirectoryError:
        raise FormatError(path, "a folder, expected a file") from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        kind = "a folder" if stat.S_ISDIR(mode) else "a pipe, socket or device"
        raise FormatError(path, f"{kind}, expected a regular file")
    return io.FileIO(descriptor, "rb", closefd=True)


def first_bytes(path: str | Path, size: int = 4096) -> bytes:
    """Return the first bytes of a regular file."""
    with open_regular(path) as file:
        return file.read(size)


def _zstd(raw: IO[bytes]) -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd

        return zstd.ZstdFile(raw)
    try:
        import zstandard
    except ImportError:
        raise MissingDependencyError("zstandard", "a .zst file") from None
    return zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)


COMPRESSIONS: dict[bytes, Callable[[Any], Any]] = {
    b"\x1f\x8b": lambda raw: gzip.GzipFile(fileobj=raw),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
    b"\x28\xb5\x2f\xfd": _zstd,
}


def is_compressed(head: bytes) -> bool:
    """Tell whether a file that begins so is one that `Input` unpacks."""
    return any(head.startswith(magic) for magic in (*COMPRESSIONS, b"PK\3\4"))


class Input:
    """The bytes of a file in order, unpacked on the way from gzip, bzip2, xz, zstd or a zip.

    Parameters
    ----------
    path
        The file.
    member
        Name of the member of a zip; needed where it holds several.

    Attributes
    ----------
    name
        File name, with the member's behind it: ``glove.6B.zip/glove.6B.50d.txt``.
    total
        Size of the file, or of the member as packed, in bytes; `position` counts up to it.
    """

    def __init__(self, path: str | Path, member: str | None = None) -> None:
        self.path = path
        self.name = Path(path).name
        self._raw = open_regular(path)
        self.total = os.fstat(self._raw.fileno()).st_size
        self._checksum = Checksum()
        self._ended = False
        try:
            self._stream = self._open(member)
        except BaseException:
            self._raw.close()
            raise

    def _open(self, member: str | None) -> Any:
        head = self._raw.read(8)
        self._raw.seek(0)
        if head.startswith(b"PK\3\4"):
            return self._open_member(member)
        if member is not None:
            raise FormatError(self.path, f"not a zip, so it has no member {member!r}: leave member= out")
        for magic, unpack in COMPRESSIONS.items():
            if head.startswith(magic):
                return unpack(self._raw)
        return self._raw

    def _open_member(self, member: str | None) -> Any:
        try:
            archive = zipfile.ZipFile(self._raw)
            chosen = self._choose(archive.namelist(), member)
            self.name = f"{self.name}/{chosen}"
            return archive.open(chosen)
        except FormatError:
            raise
        except DAMAGED_ZIP as error:
            raise FormatError(self.path, f"damaged zip: {ascii(str(error))[1:-1][:200]}") from error

    def _choose(self, names: list[str], member: str | None) -> str:
        files = [name for name in names if not name.endswith("/") and "__MACOSX/" not in name]
        shown = [name if name.isprintable() else ascii(name) for name in files[:20]]
        listed = ", ".join(shown) + (f" and {len(files) - 20} more" if len(files) > 20 else "")
        if member is None and len(files) != 1:
            raise FormatError(self.path, f"a zip with {len(files)} members ({listed}): name one with member=")
        chosen = files[0] if member is None else member
        if chosen not in files:
            raise FormatError(self.path, f"no member {chosen!r} in this zip: it has {listed}")
        return chosen

    @property
    def position(self) -> int:
        """How far the file on disk has been read, in bytes."""
        return 0 if self._raw.closed else self._raw.tell()

    def fill(self, buffer: memoryview) -> int:
        """Fill a buffer, which which nobody may change later; less only at the end of the input."""
        filled = 0
        while filled < len(buffer):
            count = self._readinto(buffer[filled:])
            if not count:
                self._ended = True
                break
            filled += count
        self._checksum.update(buffer[:filled])
        return filled

    def _readinto(self, buffer: memoryview) -> int:
        try:
            count: int = self._stream.readinto(buffer)
        except DAMAGED as error:
            raise self._damaged(error) from error
        except Exception as error:  # zstandard raises a class of its own, and need not be installed
            if type(error).__name__ != "ZstdError":
                raise
            raise self._damaged(error) from error
        return count

    def _damaged(self, error: Exception) -> FormatError:
        return FormatError(self.path, f"cannot be read, it is damaged or cut short: {error}")

    def provenance(self) -> dict[str, str]:
        """Name of what was read and, where it was read to its end, size in bytes and sha256, unpacked."""
        if not self._ended:
            return {"name": self.name}
        return {"name": self.name, "size": str(self._checksum.size), "sha256": self._checksum.hexdigest()}

    def close(self) -> None:
        """Close the file."""
        self._checksum.close()
        self._stream.close()
        self._raw.close()

    def __enter__(self) -> Input:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
