"""Reading and writing the header of NumPy's .npy, and mapping the matrix of a .npy file."""

from __future__ import annotations

import ast
import functools
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from embstore.codecs.shared.array import check_matrix, format_error
from embstore.core.batch import Vectors
from embstore.core.errors import FormatError
from embstore.core.options import Dtype, ReadOptions
from embstore.files.input import Input

MAX_HEADER = 10_000  # the limit of numpy.load: literal_eval of more could exhaust memory
WRITTEN_HEADER = 128  # bytes; what numpy.save writes for a matrix of any realistic size
ReadBytes = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class ArrayHeader:
    """The parsed header of a .npy; `size` is its length in bytes."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool
    size: int

    @property
    def nbytes(self) -> int:
        """Bytes of the data."""
        count = 1
        for length in self.shape:
            count *= length
        return count * self.dtype.itemsize

    def __str__(self) -> str:
        return f"{self.dtype.str} {list(self.shape)}"


def read_array_header(read: ReadBytes) -> ArrayHeader:
    """Read the header of a .npy, versions 1 to 3; ValueError with the reason if it is invalid.

    https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
    """
    magic = read(8)
    if magic[:6] != b"\x93NUMPY" or len(magic) < 8:
        raise ValueError("not a .npy: it does not begin with \\x93NUMPY")
    if magic[6:] not in (b"\1\0", b"\2\0", b"\3\0"):
        raise ValueError(f".npy version {magic[6]}.{magic[7]}, expected 1.0 to 3.0")
    width = 2 if magic[6] == 1 else 4
    length = int.from_bytes(read(width), "little")
    if length > MAX_HEADER:
        raise ValueError(f"a header of {length:,} bytes, expected {MAX_HEADER:,} at most")
    text = read(length)
    if len(text) < length:
        raise ValueError("cut short in its header")
    return _parsed(text, magic[6], 8 + width + length)


@functools.lru_cache(maxsize=64)  # an archive may have a million arrays alike
def _parsed(text: bytes, version: int, size: int) -> ArrayHeader:
    try:
        decoded = text.decode("utf-8" if version == 3 else "latin-1")
        if version < 3:
            decoded = re.sub(r"(\d)L\b", r"\1", decoded)  # the long integers of Python 2
        with warnings.catch_warnings(action="ignore"):  # what Python warns of in a literal is refused below
            header = ast.literal_eval(decoded.strip())
    except (TypeError, ValueError, SyntaxError, RecursionError, MemoryError):  # TypeError: a list as a key
        raise ValueError(f"the header is not a dictionary: {text[:60]!r}") from None
    if not isinstance(header, dict) or set(header) != {"descr", "fortran_order", "shape"}:
        raise ValueError("a header without descr, fortran_order and shape")
    descr, fortran, shape = header["descr"], header["fortran_order"], header["shape"]
    if not isinstance(shape, tuple) or not all(type(n) is int and 0 <= n < 1 << 60 for n in shape) or len(shape) > 32:
        raise ValueError(f"the shape {str(shape)[:60]}, expected a tuple of sizes")
    if type(fortran) is not bool:
        raise ValueError(f"fortran_order {str(fortran)[:60]}, expected True or False")
    try:
        if not isinstance(descr, str):
            raise TypeError
        dtype = np.dtype(descr)
    except (TypeError, ValueError, SyntaxError, OverflowError):
        raise ValueError(f"the dtype {str(descr)[:60]!r}, expected one such as '<f4'") from None
    return ArrayHeader(dtype, shape, fortran, size)


def map_matrix(source: Input, options: ReadOptions, name: str) -> tuple[Vectors, Dtype]:
    """Map the matrix of a .npy, check it and return it with the dtype to store it as.

    Errors give `name` as the format.
    """
    file = source.open()
    try:
        header = read_array_header(file.read)
        dtype = check_matrix(header.dtype, header.shape, options)
    except ValueError as error:
        raise format_error(source.path, name, "", error) from None
    expected = header.size + header.nbytes
    if source.size != expected:
        reason = f"{source.size:,} bytes, expected {expected:,} for {header}: it is cut short or the header is wrong"
        raise FormatError(source.path, reason, format=name)
    order: Literal["C", "F"] = "F" if header.fortran else "C"
    matrix: Vectors = np.ndarray(header.shape, header.dtype, source.map(), header.size, order=order)
    return matrix, dtype


def build_header(descr: str, shape: tuple[int, ...]) -> bytes:
    """Return the header that numpy.save writes for an array in C order, `WRITTEN_HEADER` bytes."""
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    return (
        b"\x93NUMPY\x01\x00"
        + (WRITTEN_HEADER - 10).to_bytes(2, "little")
        + text.ljust(WRITTEN_HEADER - 11).encode()
        + b"\n"
    )
