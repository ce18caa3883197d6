"""Converts batches to Arrow record batches for writing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from embstore.codecs.arrow.columns import pyarrow
from embstore.core.batch import Batch, Source, Vectors
from embstore.core.errors import FormatError

if TYPE_CHECKING:
    from embstore.codecs.arrow.pyarrow_types import FixedSizeListType, RecordBatch, Schema


def table_schema(source: Source) -> Schema:
    """Return the schema to write: ``token``, a string, and ``vector``, a fixed-size list."""
    pa = pyarrow()
    element = pa.float16() if source.dtype == "float16" else pa.float32()
    schema: Schema = pa.schema([("token", pa.string()), ("vector", pa.list_(element, source.dim))])
    return schema


def record_batches(path: str | Path, source: Source, schema: Schema, name: str) -> Iterator[RecordBatch]:
    """Yield the batches of a source as record batches.

    Raises FormatError if a token is not UTF-8, as Arrow strings must be, or if there are no rows.
    """
    count = 0
    for batch in source.batches:
        yield _record_batch(path, batch, schema, name)
        count += len(batch.tokens)
    if not count:
        raise FormatError(path, "no rows to write: the input holds none, or all were left out", format=name)


def _record_batch(path: str | Path, batch: Batch, schema: Schema, name: str) -> RecordBatch:
    pa = pyarrow()
    bad = batch.tokens.not_utf8()
    if bad:
        shown = batch.tokens[bad[0] : bad[0] + 1].data.tobytes()
        raise FormatError(
            path, f"the token {shown!r} is not UTF-8, as strings in this format must be: write a store", format=name
        )
    offsets = pa.py_buffer(batch.tokens.offsets.astype(np.int32))
    tokens = pa.StringArray.from_buffers(len(batch.tokens), offsets, pa.py_buffer(batch.tokens.data.tobytes()))
    kind = cast("FixedSizeListType", schema.field("vector").type)
    values: Vectors = np.ascontiguousarray(batch.vectors, kind.value_type.to_pandas_dtype()).reshape(-1)
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(values, kind.value_type), kind.list_size)
    record: RecordBatch = pa.record_batch([tokens, vectors], schema=schema)
    return record
