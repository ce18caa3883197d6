"""Opening files to read: regular files only, compressed or in a zip, hashed on the way."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path

from embstore.core.errors import FormatError
from embstore.files.checksum import Checksum
from embstore.files.unpacking import unpacked


def open_regular(path: str | Path) -> io.FileIO:
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
    hashed
        Done when what was read last is in the checksum.
    """

    def __init__(self, path: str | Path, member: str | None = None) -> None:
        self.path = path
        self.name = Path(path).name
        self._raw = open_regular(path)
        self.total = os.fstat(self._raw.fileno()).st_size
        self._checksum = Checksum()
        self._ended = False
        try:
            self._stream, inside = unpacked(self._raw, path, member)
        except BaseException:
            self._raw.close()
            raise
        if inside:
            self.name = f"{self.name}/{inside}"

    @property
    def position(self) -> int:
        """How far the file on disk has been read, in bytes."""
        return 0 if self._raw.closed else self._raw.tell()

    def fill(self, buffer: memoryview) -> int:
        """Fill a buffer, which nobody may change until `hashed` is done; less only at the end of the input."""
        filled = 0
        while filled < len(buffer):
            count = self._readinto(buffer[filled:])
            if not count:
                self._ended = True
                break
            filled += count
        self.hashed = self._checksum.update(buffer[:filled])
        return filled

    def _readinto(self, buffer: memoryview) -> int:
        if self._stream is self._raw:
            return self._raw.readinto(buffer) or 0
        try:
            count: int = self._stream.readinto(buffer)
        except MemoryError:
            raise
        except Exception as error:  # each library has classes of its own for what is damaged
            raise FormatError(self.path, f"cannot be read, it is damaged or cut short: {error}") from error
        return count

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
