"""Reads and writes Parquet with pyarrow and folders of its files (formats/parquet/SPEC.md)."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from embstore.codecs.arrow.columns import choose, pyarrow
from embstore.codecs.arrow.part_files import Parts
from embstore.codecs.arrow.rows import record_batches, table_schema
from embstore.codecs.arrow.table import format_errors, read_table
from embstore.codecs.registry.folders import parquet_parts
from embstore.core.batch import Source
from embstore.core.options import AS_IS, Progress, ReadOptions, WriteOptions
from embstore.files.atomic import replacing
from embstore.files.input import Input

if TYPE_CHECKING:
    from embstore.codecs.arrow.pyarrow_types import ParquetFile, RecordBatch, Schema

NAME = "parquet"
ROWS = 16384  # per batch read
BATCH_BYTES = 1 << 26  # of the numbers of a batch read, in lists of a fixed size; one row may be larger
GROUP_BYTES = 16 << 20  # per row group written


def _parquet() -> ModuleType:
    pyarrow()
    from pyarrow import parquet

    module: ModuleType = parquet
    return module


def read(source: Input, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read a column of words and a column of lists, or one column per dimension; other columns are not read.

    A folder of such files is read as one table.
    """
    if source.is_folder and (paths := parquet_parts(source.path)):
        return Parts(source, paths, _look, _read, NAME).table(options, progress)
    return _read(source, options, progress)


def _look(source: Input) -> tuple[Schema, int]:
    file = _open(source)
    return file.schema_arrow, file.metadata.num_rows


def _open(source: Input) -> ParquetFile:
    with format_errors(source.path, NAME):
        file: ParquetFile = _parquet().ParquetFile(pyarrow().PythonFile(source.open(), "r"))
        return file


def _read(source: Input, options: ReadOptions, progress: Progress | None) -> Source:
    file = _open(source)
    schema, rows = file.schema_arrow, file.metadata.num_rows
    columns = choose(source.path, schema, options, NAME)
    # the size of other lists is in the metadata of their columns, which end the process if they are damaged
    dim = getattr(schema.field(columns.vectors[0]).type, "list_size", 1)
    records = file.iter_batches(max(1, min(ROWS, BATCH_BYTES // (8 * max(1, dim)))), columns=columns.names)
    return read_table(source, schema, records, rows, options, progress, NAME)


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
