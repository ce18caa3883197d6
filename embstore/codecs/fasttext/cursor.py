"""Reads a memory-mapped model from front to back, and checks each size against the size of the file."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embstore.core.errors import FormatError
from embstore.files.input import Input

NAME = "fasttext"


class Cursor:
    """A memory-mapped file and the position of the next read.

    Attributes
    ----------
    bytes
        The whole file.
    position
        Position of the next read.
    """

    def __init__(self, source: Input) -> None:
        self.path, self.position = source.path, 0
        if source.require_file().size < 8:
            raise self.error("cut short in its header")
        self.bytes = source.map()

    @property
    def left(self) -> int:
        """Number of bytes not read yet."""
        return len(self.bytes) - self.position

    def take(self, form: str, what: str) -> tuple[int, ...]:
        """Read whole numbers in a `struct` format; raise FormatError, which names `what`, if the file is too short."""
        size = struct.calcsize(form)
        if size > self.left:
            raise self.error(f"cut short in its {what}")
        self.position += size
        return struct.unpack_from(form, self.bytes, self.position - size)

    def array(self, dtype: str, count: int, what: str) -> NDArray[Any]:
        """View an array, of any alignment; raise FormatError, which names `what`, if the file is too short."""
        size = np.dtype(dtype).itemsize * count
        if not 0 <= size <= self.left:
            raise self.error(f"cut short in its {what}: {size:,} bytes, but {self.left:,} are left")
        self.position += size
        return np.ndarray((count,), dtype, self.bytes, self.position - size)

    def error(self, reason: str) -> FormatError:
        """Return the error to raise."""
        return FormatError(self.path, reason, format=NAME)
