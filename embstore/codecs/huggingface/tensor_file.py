"""Writes a safetensors file of one matrix as a stream; the header comes last, when the number of rows is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO

from embstore.core.batch import Source, Tokens
from embstore.core.dtypes import TENSOR_DTYPES, bytes_of, encode_rows
from embstore.core.errors import FormatError
from embstore.core.options import Dtype
from embstore.files.atomic import write_all
from embstore.store.header import ALIGNMENT, build_header


def write_tensor(
    file: IO[bytes],
    source: Source,
    tensor: str,
    dtype: Dtype,
    on_tokens: Callable[[Tokens], None],
    path: str | Path,
    name: str,
) -> None:
    """Write the vectors of a source as one tensor, and pass the tokens of each batch to `on_tokens`.

    Raises FormatError, which names `path` and the format `name`, if there are no rows.
    """
    file.seek(ALIGNMENT)
    count = 0
    for batch in source.batches:
        write_all(file, bytes_of(encode_rows(batch.vectors, dtype)))
        on_tokens(batch.tokens)
        count += len(batch.tokens)
    if not count:
        raise FormatError(path, "no rows to write: the input holds none, or all were left out", format=name)
    file.seek(0)
    write_all(file, build_header([(tensor, TENSOR_DTYPES[dtype], (count, source.dim))], {"format": "pt"}, ALIGNMENT))
