"""Rows that wait: for formats that want words, or a count, before rows that are counted as they come."""

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
def waiting_rows(
    source: Source, path: str | Path, name: str, dtype: Dtype | None = None
) -> Iterator[tuple[list[bytes], IO[bytes]]]:
    """Read a whole source: its words into memory, its rows into a file without a name beside `path`.

    Parameters
    ----------
    dtype
        What to keep the rows as; None keeps float16 and makes float32 of the rest.

    Yields
    ------
    The words, and the file with nothing but rows, little-endian, at its beginning.

    Raises
    ------
    FormatError
        Where there are no rows.
    """
    kept = dtype or ("float16" if source.dtype == "float16" else "float32")
    words: list[bytes] = []
    with tempfile.TemporaryFile(dir=Path(path).parent) as file:
        for batch in source.batches:
            file.write(bytes_of(encode_rows(batch.vectors, kept)))
            words += batch.tokens.to_bytes()
        if not words:
            raise FormatError(path, "no rows to write: the input holds none, or all were left out", format=name)
        file.seek(0)
        yield words, file
