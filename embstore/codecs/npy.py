"""NumPy's .npy: a matrix, and its words beside it (formats/npy/SPEC.md)."""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np

from embstore.batch import Source, Vectors
from embstore.codecs.array import (
    WRITTEN_HEADER,
    array_source,
    build_header,
    check_matrix,
    read_array_header,
    refused,
    vector_descr,
)
from embstore.codecs.matrix import Origin
from embstore.codecs.wordlist import WordsBeside, words_for
from embstore.dtypes import bytes_of, encode_rows
from embstore.errors import FormatError
from embstore.files.atomic import replacing_together, write_all
from embstore.files.inputs import open_regular
from embstore.options import Dtype, Progress, ReadOptions

NAME = "npy"


def read(path: str | Path, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read a mapped .npy, its words from ``vocab=``, ``<stem>.vocab.txt`` or ``<stem>.vocab.json``."""
    matrix, dtype = mapped(path, options)
    words = words_for(path, options, len(matrix), NAME)
    return array_source(matrix, words, dtype, Origin(path, NAME), progress)


def mapped(path: str | Path, options: ReadOptions, name: str = NAME) -> tuple[Vectors, Dtype]:
    """Map the matrix of a .npy, checked, and return what its numbers are kept as; `name` is the format's in errors."""
    with open_regular(path) as file:
        try:
            header = read_array_header(file.read)
            dtype = check_matrix(header.dtype, header.shape, options)
        except ValueError as error:
            raise refused(path, name, "", error) from None
        size = Path(path).stat().st_size
        expected = header.size + header.nbytes
        if size != expected:
            reason = f"{size:,} bytes, expected {expected:,} for {header}: it is cut short or the header is wrong"
            raise FormatError(path, reason, format=name)
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    matrix: Vectors = np.ndarray(header.shape, header.dtype, data, header.size, order="F" if header.fortran else "C")
    return matrix, dtype


def write(path: str | Path, source: Source) -> None:
    """Write a .npy and its words beside it, both whole or not at all; bfloat16 becomes float32."""
    beside, rows = WordsBeside(path, NAME), 0
    kept: Dtype = "float16" if source.dtype == "float16" else "float32"
    with replacing_together() as together:
        file = together.new(path)
        file.seek(WRITTEN_HEADER)
        for batch in source.batches:
            write_all(file, bytes_of(encode_rows(batch.vectors, kept)))
            beside.add(batch.tokens)
            rows += len(batch.tokens)
        if not rows:
            raise FormatError(path, "no rows to write: the input holds none, or all were left out", format=NAME)
        file.seek(0)
        write_all(file, build_header(vector_descr(source.dtype), (rows, source.dim)))
        beside.write(together)
