"""A file for libhdf5 to write into that never fails it: the process crashes where closing an HDF5 file fails."""

from __future__ import annotations

import io
from typing import IO, Any

from embstore.files.atomic import write_all


class Target(io.RawIOBase):
    """A file whose first error waits for `check`; what is written from then on is kept in memory, to be read back.

    libhdf5 writes again as it closes, and once more at the end of the process; an error there, as of a full disk,
    ends in a crash. So it is told that all went well, closes what it has, and the error is raised behind it. What is
    kept is little, as `check` is called after every block. Signals must wait while libhdf5 works: Python would handle
    one in any of these methods.

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
        """Raise what went wrong."""
        if self._error is not None:
            raise self._error

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place; libhdf5 asks for the end too, which it counts by itself once something went wrong."""
        self._position = offset if whence == 0 else self._file.seek(0, 2) + offset
        return self._position

    def tell(self) -> int:
        """Return the place."""
        return self._position

    def write(self, data: Any) -> int:
        """Write all of it, or keep it."""
        if self._error is None:
            try:
                self._file.seek(self._position)
                write_all(self._file, data)
            except Exception as error:
                self._error = error
        if self._error is not None:
            self._kept.append((self._position, bytes(data)))
        self._position += len(data)
        return len(data)

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with what was written; zeros where nothing was."""
        start, view = self._position, memoryview(buffer).cast("B")
        view[:] = bytes(len(view))
        self._file.seek(start)
        self._file.readinto(view)  # type: ignore[attr-defined]
        for place, data in self._kept:
            first, last = max(place, start), min(place + len(data), start + len(view))
            if first < last:
                view[first - start : last - start] = data[first - place : last - place]
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
