"""zstd frames as a stream of their bytes, for Python before 3.14, whose standard library reads none."""

from __future__ import annotations

import io
from typing import IO, Any

import zstandard

CHUNK = 1024  # packed bytes taken at a time: no more than 32 MB can come of them


class Frames(io.RawIOBase):
    """The frames of a file, one behind the other.

    The package's own reader takes a frame that is cut short for a whole one; here that is an EOFError.
    """

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._frame: Any = None
        self._packed, self._ready = b"", memoryview(b"")

    def readable(self) -> bool:
        """Tell that this stream can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer from what is unpacked next; 0 at the end."""
        while not self._ready:
            packed = self._packed or self._raw.read(CHUNK)
            if self._frame is None:
                if not packed:
                    return 0
                self._frame = zstandard.ZstdDecompressor().decompressobj()
            elif not packed:
                raise EOFError("the last zstd frame has no end")
            self._ready = memoryview(self._frame.decompress(packed))
            self._packed = self._frame.unused_data
            if self._frame.eof:
                self._frame = None
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count
