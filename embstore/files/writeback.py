"""Start writing a growing file to disk early, so that the final fsync has little left to wait for."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import IO

STEP = 8 << 20  # bytes between two calls
WRITE = 2  # SYNC_FILE_RANGE_WRITE: start writing, do not wait


class Writeback:
    """Starts writing a growing file to disk, one `STEP` at a time.

    Linux starts to write modified pages after half a minute only, and fsync then waits for all of them. On systems
    without the call only this time is lost: it is fsync that ensures that the data is on disk.

    Parameters
    ----------
    file
        Open for writing, unbuffered.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._started = file, 0

    def advance(self, position: int) -> None:
        """Start writing everything up to a position."""
        if position - self._started >= STEP:
            call = _sync_file_range()
            if call is not None:
                call(self._file.fileno(), self._started, position - self._started, WRITE)
            self._started = position


@cache
def _sync_file_range() -> Callable[[int, int, int, int], int] | None:
    """Return https://man7.org/linux/man-pages/man2/sync_file_range.2.html of the C library, or None."""
    try:
        call = ctypes.CDLL(None).sync_file_range
    except (AttributeError, OSError, TypeError):  # not Linux, or another C library
        return None
    call.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return call
