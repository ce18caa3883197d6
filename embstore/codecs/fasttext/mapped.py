"""The bytes of a mapped model, taken from front to back, each size checked before it is believed."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embstore.core.errors import FormatError
from embstore.files.input import Input

NAME = "fasttext"


class Mapped:
    """A file and how far it has been read.

    Attributes
    ----------
    bytes
        All of the file.
    position
        Where the next part begins.
    """

    def __init__(self, source: Input) -> None:
        self.path, self.position = source.path, 0
        if source.require_file().size < 8:
            raise self.error("cut short in its header")
        self.bytes = source.map()

    @property
    def left(self) -> int:
        """How many bytes have not been read."""
        return len(self.bytes) - self.position

    def take(self, form: str, what: str) -> tuple[Any, ...]:
        """Unpack some numbers; FormatError names what they are of where the file ends before."""
        size = struct.calcsize(form)
        if size > self.left:
            raise self.error(f"cut short in its {what}")
        self.position += size
        return struct.unpack_from(form, self.bytes, self.position - size)

    def array(self, dtype: str, count: int, what: str) -> NDArray[Any]:
        """View an array, of any alignment; FormatError where the file does not hold it."""
        size = np.dtype(dtype).itemsize * count
        if not 0 <= size <= self.left:
            raise self.error(f"cut short in its {what}: {size:,} bytes, but {self.left:,} are left")
        self.position += size
        return np.ndarray((count,), dtype, self.bytes, self.position - size)

    def error(self, reason: str) -> FormatError:
        """Make the error to raise."""
        return FormatError(self.path, reason, format=NAME)
