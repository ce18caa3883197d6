"""Converts batches to Arrow record batches for writing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from embstore.codecs.arrow.columns import pyarrow
from embstore.core.batch import Batch, Source
from embstore.core.errors import FormatError


def table_schema(source: Source) -> Any:
    """Return the schema to write: ``token``, a string, and ``vector``, a fixed-size list."""
    pa = pyarrow()
    element = pa.float16() if source.dtype == "float16" else pa.float32()
    return pa.schema([("token", pa.string()), ("vector", pa.list_(element, source.dim))])


def record_batches(path: str | Path, source: Source, schema: Any, name: str) -> Iterator[Any]:
    """Yield the batches of a source as record batches.

    Raises FormatError if a token is not UTF-8, as Arrow strings must be, or if there are no rows.
    """
    count = 0
    for batch in source.batches:
        yield _record_batch(path, batch, schema, name)
        count += len(batch.tokens)
    if not count:
        raise FormatError(path, "no rows to write: the input holds none, or all were left out", format=name)


def _record_batch(path: str | Path, batch: Batch, schema: Any, name: str) -> Any:
    pa = pyarrow()
    bad = batch.tokens.not_utf8()
    if bad:
        shown = batch.tokens[bad[0] : bad[0] + 1].data.tobytes()
        raise FormatError(
            path, f"the token {shown!r} is not UTF-8, as strings in this format must be: write a store", format=name
        )
    offsets = pa.py_buffer(batch.tokens.offsets.astype(np.int32))
    tokens = pa.StringArray.from_buffers(len(batch.tokens), offsets, pa.py_buffer(batch.tokens.data.tobytes()))
    element = schema.field("vector").type.value_type
    values = np.ascontiguousarray(batch.vectors, element.to_pandas_dtype()).reshape(-1)
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(values, element), schema.field("vector").type.list_size)
    return pa.record_batch([tokens, vectors], schema=schema)
