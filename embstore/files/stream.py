"""The bytes of a file in order, unpacked and hashed on the way."""

from __future__ import annotations

import io
from pathlib import Path

from embstore.core.errors import FormatError
from embstore.files.checksum import Checksum
from embstore.files.input import Input
from embstore.files.unpacking import unpacked

BUFFER = 1 << 16  # packed bytes read at once


class Stream:
    """The bytes of a file in order, unpacked from gzip, bzip2, xz, zstd or a zip on the way.

    Parameters
    ----------
    source
        The file; several streams may read it, one after the other.
    member
        Name of the member of a zip; needed where it holds several.

    Attributes
    ----------
    path
        The path of the file.
    name
        File name, followed by the member's: ``glove.6B.zip/glove.6B.50d.txt``.
    total
        Size of the file as it lies on the disk, in bytes; `position` counts up to it.
    hashed
        Done when what was read last is in the checksum.

    Raises
    ------
    FormatError
        For a folder, a damaged zip, and where `member` names none of its members or is missing.
    """

    def __init__(self, source: Input, member: str | None = None) -> None:
        self.path, self.total = source.path, source.size
        self._source = source  # holds the descriptor
        self._raw = source.open()
        self._stream, inside = unpacked(source.head(16), io.BufferedReader(self._raw, BUFFER), source.path, member)
        self.name = f"{Path(source.path).name}/{inside}" if inside else Path(source.path).name
        self._is_packed = not isinstance(self._stream, io.BufferedReader)
        self._checksum = Checksum()
        self._ended = False

    @property
    def position(self) -> int:
        """How far the file on the disk has been read, in bytes."""
        return self._raw.tell()

    def fill(self, buffer: memoryview) -> int:
        """Fill a buffer, which nobody may change until `hashed` is done; less only at the end of the input."""
        filled = 0
        while filled < len(buffer):
            count = self._read_into(buffer[filled:])
            if not count:
                self._ended = True
                break
            filled += count
        self.hashed = self._checksum.update(buffer[:filled])
        return filled

    def _read_into(self, buffer: memoryview) -> int:
        if not self._is_packed:
            return self._raw.readinto(buffer)
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
        """End the stream; the input stays open."""
        self._checksum.close()
        self._stream.close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
