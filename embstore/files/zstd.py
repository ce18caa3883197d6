"""Decompression of zstd as a stream, for Python before 3.14, whose standard library has no zstd."""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING

import zstandard

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHUNK = 1024  # compressed bytes at a time: they decompress to 32 MB at most


class ZstdStream(io.RawIOBase):
    """The decompressed bytes of all zstd frames of a file, in order.

    The reader of the zstandard package accepts a truncated frame as complete; this one raises EOFError.
    """

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._packed, self._ready = b"", memoryview(b"")

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read the next decompressed bytes into a buffer; return their number, 0 at the end."""
        while not self._ready:
            packed = self._packed or self._raw.read(CHUNK)
            if self._frame is None:
                if not packed:
                    return 0
                self._frame = zstandard.ZstdDecompressor().decompressobj()
            elif not packed:
                raise EOFError("the last zstd frame is cut short")
            self._ready = memoryview(self._frame.decompress(packed))
            self._packed = self._frame.unused_data
            if self._frame.eof:
                self._frame = None
        view = memoryview(buffer)
        count = min(len(view), len(self._ready))
        view[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count


def compressor(file: IO[bytes]) -> zstandard.ZstdCompressionWriter:
    """Return a file object that compresses what is written to it; `file` stays open when it is closed."""
    return zstandard.ZstdCompressor(write_checksum=True).stream_writer(file, closefd=False)
