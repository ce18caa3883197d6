"""Reads and writes Parquet with pyarrow (formats/parquet/SPEC.md)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from embstore.codecs.arrow.columns import choose, pyarrow
from embstore.codecs.arrow.rows import record_batches, table_schema
from embstore.codecs.arrow.table import format_errors, read_table
from embstore.core.batch import Source
from embstore.core.options import AS_IS, Progress, ReadOptions, WriteOptions
from embstore.files.atomic import replacing
from embstore.files.input import Input

if TYPE_CHECKING:
    from embstore.codecs.arrow.pyarrow_types import ColumnChunk, ParquetFile, RecordBatch, RowGroup

NAME = "parquet"
ROWS = 16384  # per batch read
DELTA_ROWS = 64  # per batch read of words that are encoded as differences
BATCH_BYTES = 1 << 26  # of the numbers of a batch read; one row may be larger
GROUP_BYTES = 16 << 20  # per row group written
DICTIONARIES = {"PLAIN_DICTIONARY", "RLE_DICTIONARY"}


def _parquet() -> ModuleType:
    pyarrow()
    from pyarrow import parquet

    module: ModuleType = parquet
    return module


def read(source: Input, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read a column of words and a column of lists, or one column per dimension; other columns are not read."""
    with format_errors(source.path, NAME):
        file = _open(source)
        schema, rows = file.schema_arrow, file.metadata.num_rows
    columns = choose(source.path, schema, options, NAME)
    with format_errors(source.path, NAME):
        coded = columns.words is not None and _encodings(file, columns.words) & DICTIONARIES
        records = (_open(source, [columns.words]) if coded else file).iter_batches(_step(file), columns=columns.names)
    return read_table(source, schema, records, rows, options, progress, NAME)


def _open(source: Input, dictionaries: list[str | None] | None = None) -> ParquetFile:
    opened: ParquetFile = _parquet().ParquetFile(pyarrow().PythonFile(source.open(), "r"), read_dictionary=dictionaries)
    return opened


def _encodings(file: ParquetFile, column: str) -> set[str]:
    """Return the encodings of a column: a dictionary may repeat a long word, which `parts_of` unpacks bit by bit."""
    return {encoding for chunk in _chunks(file) if chunk.path_in_schema == column for encoding in chunk.encodings}


def _step(file: ParquetFile) -> int:
    """Return the number of rows to read at once, so that no column of numbers takes more than `BATCH_BYTES`."""
    groups = (file.metadata.row_group(number) for number in range(file.metadata.num_row_groups))
    widest = max((_widest(group) for group in groups), default=1)
    delta = any("DELTA_BYTE_ARRAY" in chunk.encodings for chunk in _chunks(file))  # words that share long beginnings
    return max(1, min(ROWS, DELTA_ROWS if delta else ROWS, BATCH_BYTES // (8 * widest)))


def _widest(group: RowGroup) -> int:
    """Return the most numbers of a row, on average, in a column of a row group."""
    counts = (group.column(number).num_values for number in range(group.num_columns))
    return max((count // max(1, group.num_rows) for count in counts), default=1) or 1


def _chunks(file: ParquetFile) -> Iterator[ColumnChunk]:
    for number in range(file.metadata.num_row_groups):
        group = file.metadata.row_group(number)
        yield from (group.column(place) for place in range(group.num_columns))


def write(path: str | Path, source: Source, options: WriteOptions = AS_IS) -> None:
    """Write ``token`` and ``vector``, a fixed-size list, as byte-stream-split with zstd, snappy or no compression.

    bfloat16 is written as float32.
    """
    pa, schema = pyarrow(), table_schema(source)
    leaf = "vector.list.element"
    writer_options = {
        "compression": options.compression or "zstd",
        "use_dictionary": False,
        "column_encoding": {leaf: "BYTE_STREAM_SPLIT"},
    }
    with (
        replacing(path, overwrite=options.overwrite) as file,
        _parquet().ParquetWriter(file, schema, **writer_options) as writer,
    ):
        group: list[RecordBatch] = []
        size = 0
        for record in record_batches(path, source, schema, NAME):
            group.append(record)
            size += record.nbytes
            if size >= GROUP_BYTES:
                writer.write_table(pa.Table.from_batches(group), row_group_size=1 << 30)
                group, size = [], 0
        if group:
            writer.write_table(pa.Table.from_batches(group), row_group_size=1 << 30)
