"""Have the system write to the disk while more is written, so that the flush at the end finds little to wait for."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import IO, Any

STEP = 8 << 20  # bytes between two calls
WRITE = 2  # SYNC_FILE_RANGE_WRITE: begin, wait for nothing


class Writeback:
    """How much of a file that grows has been handed to the disk.

    Linux waits half a minute before it writes by itself, and fsync then waits for all of it at once. Where there is
    no such call, nothing is lost but that time: what is on the disk at the end, fsync alone decides.

    Parameters
    ----------
    file
        Open for writing, unbuffered.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._begun = file, 0

    def advance(self, position: int) -> None:
        """Begin with what has been written up to a position."""
        if position - self._begun >= STEP:
            call = _sync_file_range()
            if call is not None:
                call(self._file.fileno(), self._begun, position - self._begun, WRITE)
            self._begun = position


@cache
def _sync_file_range() -> Any:
    """Find the call in the C library, https://man7.org/linux/man-pages/man2/sync_file_range.2.html; None elsewhere."""
    try:
        call = ctypes.CDLL(None).sync_file_range
    except (AttributeError, OSError, TypeError):  # another system, another library
        return None
    call.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return call
