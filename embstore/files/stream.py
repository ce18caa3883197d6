"""The bytes of a file in order, decompressed and hashed while they are read."""

from __future__ import annotations

import io
from pathlib import Path

from embstore.core.errors import FormatError
from embstore.files.checksum import Checksum
from embstore.files.input import Input
from embstore.files.unpacking import decompressed

BUFFER = 1 << 16  # compressed bytes per read


class Stream:
    """The bytes of a file in order; gzip, bzip2, xz, zstd and zip are decompressed.

    Parameters
    ----------
    source
        The file; several streams may read it, one after the other.
    member
        Name of the member of a zip; required if it has several.

    Attributes
    ----------
    path
        The path of the file.
    name
        File name, followed by the member's: ``glove.6B.zip/glove.6B.50d.txt``.
    member
        Name of the member of a zip; empty for other files.
    total
        Size of the file on disk in bytes, before decompression; `position` counts up to it.
    hashed
        Future that is done when the bytes of the last `fill` have been hashed.

    Raises
    ------
    FormatError
        For a folder, a damaged zip, and a `member` that is unknown or missing.
    """

    def __init__(self, source: Input, member: str | None = None) -> None:
        self.path, self.total = source.path, source.size
        self._source = source  # keeps the descriptor open
        self._raw = source.open()
        head, path = source.head(16), source.path
        self._stream, self.member = decompressed(head, io.BufferedReader(self._raw, BUFFER), path, member)
        name = Path(source.path).name
        self.name = f"{name}/{self.member}" if self.member else name
        self._is_compressed = not isinstance(self._stream, io.BufferedReader)
        self._checksum = Checksum()
        self._ended = False

    @property
    def position(self) -> int:
        """Number of bytes of the file on disk read so far."""
        return self._raw.tell()

    def fill(self, buffer: memoryview) -> int:
        """Fill a buffer and return the number of bytes, fewer only at the end of the input.

        The buffer must not change until `hashed` is done.
        """
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
        if not self._is_compressed:
            return self._raw.readinto(buffer)
        try:
            return self._stream.readinto(buffer)
        except MemoryError:
            raise
        except Exception as error:  # each library raises its own classes for damaged data
            raise FormatError(self.path, f"cannot be read, it is damaged or cut short: {error}") from error

    def provenance(self) -> dict[str, str]:
        """Return the name and, after the last byte, size in bytes and sha256 of the decompressed content."""
        if not self._ended:
            return {"name": self.name}
        return {"name": self.name, "size": str(self._checksum.size), "sha256": self._checksum.hexdigest()}

    def close(self) -> None:
        """Close the stream; the input stays open."""
        self._checksum.close()
        self._stream.close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
