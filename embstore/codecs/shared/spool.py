"""Spooling the rows of a source to disk, for formats that store the words or the number of rows before the rows.

The words are kept in memory, since they take far less than the rows.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from embstore.core.batch import Source
from embstore.core.dtypes import bytes_of, encode_rows
from embstore.core.errors import FormatError
from embstore.core.options import Dtype


@contextlib.contextmanager
def spooled_rows(
    source: Source, path: str | Path, name: str, dtype: Dtype | None = None
) -> Iterator[tuple[list[bytes], IO[bytes]]]:
    """Read a whole source: its words into memory, its rows into an unnamed temporary file in the folder of `path`.

    Parameters
    ----------
    dtype
        dtype of the spooled rows; None for float16 if the source is float16, else float32.

    Yields
    ------
    The words, and the file: only rows, little-endian, positioned at its beginning.

    Raises
    ------
    FormatError
        If there are no rows.
    """
    spooled = dtype or ("float16" if source.dtype == "float16" else "float32")
    words: list[bytes] = []
    with tempfile.TemporaryFile(dir=Path(path).parent) as file:
        for batch in source.batches:
            file.write(bytes_of(encode_rows(batch.vectors, spooled)))
            words += batch.tokens.to_bytes()
        if not words:
            raise FormatError(path, "no rows to write: the input holds none, or all were left out", format=name)
        file.seek(0)
        yield words, file
