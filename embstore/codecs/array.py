"""NumPy's .npy header, and a matrix with its words as a source: what npy, npz and torch share."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embstore.batch import Findings, Source, Vectors
from embstore.codecs.matrix import Origin, matrix_source, rows_in_batch
from embstore.codecs.tokenizer import WordList
from embstore.dtypes import from_bfloat16
from embstore.errors import FormatError
from embstore.options import Dtype, Progress, ReadOptions

MAX_HEADER = 10_000  # as numpy.load has it: literal_eval of more could exhaust memory
WRITTEN_HEADER = 128  # bytes, as numpy.save has it for a matrix of any size in use
Reader = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class ArrayHeader:
    """What the header of a .npy says, and how many bytes it takes."""

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


def read_array_header(read: Reader) -> ArrayHeader:
    """Read the header of a .npy, versions 1 to 3; ValueError says what is wrong with it.

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


def _parsed(text: bytes, version: int, size: int) -> ArrayHeader:
    try:
        decoded = text.decode("utf-8" if version == 3 else "latin-1")
        if version < 3:
            decoded = re.sub(r"(\d)L\b", r"\1", decoded)  # the long integers of Python 2
        header = ast.literal_eval(decoded.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        raise ValueError(f"a header that is no dictionary: {text[:60]!r}") from None
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


def check_matrix(dtype: np.dtype[Any], shape: tuple[int, ...], options: ReadOptions) -> Dtype:
    """Return what the numbers of a matrix are kept as; ValueError where it is no table of embeddings."""
    if dtype.hasobject:
        raise ValueError("an array of Python objects, which would be unpickled: save the matrix and the words apart")
    if len(shape) != 2 or 0 in shape:
        raise ValueError(f"an array of shape {shape}, expected (rows, dim)")
    if dtype.kind in "iub":
        if options.dtype is None:
            raise ValueError(f"whole numbers ({dtype}), not embeddings; --dtype float32 says what they shall become")
        return options.dtype
    if dtype.kind != "f" or dtype.itemsize not in (2, 4, 8):
        raise ValueError(f"numbers of {dtype}, expected float16, float32 or float64")
    return "float16" if dtype.itemsize == 2 else "float32"


def array_source(
    array: Vectors,
    words: WordList,
    dtype: Dtype,
    origin: Origin,
    progress: Progress | None,
    *,
    bfloat16: bool = False,
) -> Source:
    """Return the source of an array, mapped or in memory, of any byte order and layout.

    Parameters
    ----------
    array
        (rows, dim), checked by `check_matrix`.
    words
        Checked by `wordlist.fitting`.
    bfloat16
        Whether the array holds the bits of these, as uint16.
    """
    findings = Findings()
    if words.named_rows < len(array):
        findings.add("rows without a word left out", times=len(array) - words.named_rows)
    in_order = words.is_whole

    def rows(start: int, stop: int) -> Vectors:
        taken = array[start:stop] if in_order else array[words.rows[start:stop]]
        return from_bfloat16(taken) if bfloat16 else native(taken)

    step = rows_in_batch(array.shape[1] * array.dtype.itemsize)
    return matrix_source(words.tokens, array.shape[1], dtype, rows, origin, progress, findings, step=step)


def native(taken: Vectors) -> Vectors:
    """Return rows as a batch has them: floating, in the machine's byte order, C-contiguous; copied where needed."""
    dtype = np.dtype(np.float32) if taken.dtype.kind != "f" else taken.dtype.newbyteorder("=")
    return np.require(taken, dtype, ["C", "A"])


def vector_descr(dtype: Dtype) -> str:
    """Return what a .npy calls the numbers of a table; bfloat16, which NumPy lacks, becomes float32."""
    return "<f2" if dtype == "float16" else "<f4"


def build_header(descr: str, shape: tuple[int, ...]) -> bytes:
    """Return the header of an array in C order as numpy.save writes it, `WRITTEN_HEADER` bytes."""
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    return (
        b"\x93NUMPY\x01\x00"
        + (WRITTEN_HEADER - 10).to_bytes(2, "little")
        + text.ljust(WRITTEN_HEADER - 11).encode()
        + b"\n"
    )


def refused(path: str | Path, name: str, where: str, error: ValueError) -> FormatError:
    """Return the error of a file for what `read_array_header` or `check_matrix` found."""
    return FormatError(path, str(error), where=where, format=name)
