"""Decompression of xz as a stream, with a limit to the memory that a file may ask for."""

from __future__ import annotations

import io
import lzma
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHUNK = 1 << 16  # compressed bytes at a time
MEMORY = 256 << 20  # `xz -9` needs 65 MB, but a file may ask for 4 GB


class XzStream(io.RawIOBase):
    """The decompressed bytes of all xz streams of a file, in order.

    ``lzma.LZMAFile`` allocates whatever the file asks for.
    """

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._stream: lzma.LZMADecompressor | None = None
        self._packed = b""

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read the next decompressed bytes into a buffer; return their number, 0 at the end."""
        view = memoryview(buffer)
        while True:
            if not self._packed and (self._stream is None or self._stream.needs_input):
                self._packed = self._raw.read(CHUNK)
                if not self._packed:
                    return self._end()
            if self._stream is None:
                self._packed = self._packed.lstrip(b"\0")  # padding between streams
                self._stream = lzma.LZMADecompressor(memlimit=MEMORY) if self._packed else None
                continue
            data = self._decompress(self._stream, len(view))
            if data:
                view[: len(data)] = data
                return len(data)

    def _decompress(self, stream: lzma.LZMADecompressor, size: int) -> bytes:
        try:
            data = stream.decompress(self._packed, size)
        except lzma.LZMAError as error:
            if "Memory usage limit" in str(error):
                raise lzma.LZMAError(f"it needs more than {MEMORY >> 20} MB of memory to decompress") from None
            raise
        self._packed = stream.unused_data if stream.eof else b""
        if stream.eof:
            self._stream = None
        return data

    def _end(self) -> int:
        if self._stream is not None:
            raise EOFError("Compressed file ended before the end-of-stream marker was reached")
        return 0
