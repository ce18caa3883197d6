"""A file object for libhdf5 that never raises, because an error while libhdf5 closes a file crashes the process."""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING

from embstore.files.atomic import write_all

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


class Target(io.RawIOBase):
    """A file object that keeps its first error for `check`, and keeps later writes in memory, to be read back.

    libhdf5 also writes when it closes a file and when the process exits; an error there, such as a full disk, crashes
    the process. So every write appears to succeed, libhdf5 closes the file, and `check` raises the error after that.
    Little is kept in memory, because `check` is called after every block. Defer signals while libhdf5 runs: Python
    would call their handlers inside any of these methods.

    Parameters
    ----------
    file
        Open for reading and writing, unbuffered.
    """

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file
        self._position = 0
        self._error: Exception | None = None
        self._kept: list[tuple[int, bytes]] = []

    def check(self) -> None:
        """Raise the first error, if there was one."""
        if self._error is not None:
            raise self._error

    def seek(self, offset: int, whence: int = 0) -> int:
        """Set the position; libhdf5 also asks for the end, but keeps its own count of it after an error."""
        self._position = offset if whence == 0 else self._file.seek(0, 2) + offset
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def write(self, data: ReadableBuffer) -> int:
        """Write all bytes; after an error keep them in memory."""
        view = memoryview(data)
        if self._error is None:
            try:
                self._file.seek(self._position)
                write_all(self._file, view)
            except Exception as error:
                self._error = error
        if self._error is not None:
            self._kept.append((self._position, bytes(view)))
        self._position += len(view)
        return len(view)

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill a buffer with the bytes written, and zeros where none were."""
        start, view = self._position, memoryview(buffer).cast("B")
        view[:] = bytes(len(view))
        self._file.seek(start)
        self._file.readinto(view)  # type: ignore[attr-defined]
        for position, data in self._kept:
            first, last = max(position, start), min(position + len(data), start + len(view))
            if first < last:
                view[first - start : last - start] = data[first - position : last - position]
        self._position += len(view)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        """Set the size of the file."""
        size = self._position if size is None else size
        if self._error is None:
            try:
                self._file.truncate(size)
            except Exception as error:
                self._error = error
        return size
