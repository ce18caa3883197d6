"""Reads Arrow IPC files, Feather version 2 and IPC streams, and writes IPC files (formats/arrow/SPEC.md)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from embstore.codecs.arrow.columns import choose, pyarrow
from embstore.codecs.arrow.dataset import dataset_files
from embstore.codecs.arrow.part_files import Parts
from embstore.codecs.arrow.rows import record_batches, table_schema
from embstore.codecs.arrow.table import format_errors, read_table
from embstore.codecs.registry.folders import is_dataset
from embstore.codecs.registry.magic import is_arrow_stream
from embstore.core.batch import Source
from embstore.core.errors import FormatError
from embstore.core.options import AS_IS, Progress, ReadOptions, WriteOptions
from embstore.files.atomic import replacing
from embstore.files.input import Input

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

    from embstore.codecs.arrow.pyarrow_types import FileReader, RecordBatch, Schema, StreamReader

NAME = "arrow"
END = b"\xff\xff\xff\xff\0\0\0\0"  # end-of-stream marker


def read(source: Input, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read an Arrow file or stream through a memory map; without compression, batches are views of it.

    A folder that Hugging Face's datasets saved is read as one table.
    """
    if source.is_folder and is_dataset(source.path):
        return Parts(source, dataset_files(source), _look, _read, NAME).table(options, progress)
    return _read(source, options, progress)


def _look(source: Input) -> tuple[Schema, int]:
    _check(source)
    with format_errors(source.path, NAME):
        mapped = pyarrow().py_buffer(source.map())
        schema, _ = _open(source, mapped)
        return schema, sum(record.num_rows for record in _open(source, mapped, range(len(schema))[:1])[1])


def _read(source: Input, options: ReadOptions, progress: Progress | None) -> Source:
    _check(source)
    with format_errors(source.path, NAME):
        mapped = pyarrow().py_buffer(source.map())
        schema, _ = _open(source, mapped)
        columns = [schema.get_field_index(name) for name in choose(source.path, schema, options, NAME).names]
        rows = sum(record.num_rows for record in _open(source, mapped, columns[:1])[1])
        _, records = _open(source, mapped, columns)
    return read_table(source, schema, records, rows, options, progress, NAME)


def _check(source: Input) -> None:
    """Refuse Feather version 1, and a stream that is cut short."""
    if source.head().startswith(b"FEA1"):
        raise FormatError(source.path, "Feather version 1 is not supported: save it again with pandas", format=NAME)
    if _is_stream(source):
        _check_end(source)


def _is_stream(source: Input) -> bool:
    return is_arrow_stream(source.head(8))


def _check_end(source: Input) -> None:
    """Refuse a stream without its end marker: if it was cut between two record batches, rows would be lost silently."""
    if source.read_at(max(0, source.size - len(END)), len(END)) != END:
        reason = "a stream without its end marker, ff ff ff ff 00 00 00 00: it is cut short"
        raise FormatError(source.path, reason, format=NAME)


def _open(source: Input, mapped: ReadableBuffer, columns: Sequence[int] = ()) -> tuple[Schema, Iterator[RecordBatch]]:
    """Open a memory-mapped file or stream, and return its schema and its record batches with some of its columns.

    Other columns are not decompressed.
    """
    ipc = _ipc()
    data, options = pyarrow().BufferReader(mapped), ipc.IpcReadOptions(included_fields=sorted(columns))
    if _is_stream(source):
        stream: StreamReader = ipc.open_stream(data, options=options)
        return stream.schema, iter(stream)
    file: FileReader = ipc.open_file(data, options=options)
    return file.schema, (file.get_batch(i) for i in range(file.num_record_batches))


def _ipc() -> ModuleType:
    pyarrow()
    from pyarrow import ipc

    module: ModuleType = ipc
    return module


def write(path: str | Path, source: Source, options: WriteOptions = AS_IS) -> None:
    """Write ``token`` and ``vector``, a fixed-size list, uncompressed so that it can be mapped; bfloat16 as float32."""
    schema = table_schema(source)
    with replacing(path, overwrite=options.overwrite) as file, _ipc().new_file(file, schema) as writer:
        for record in record_batches(path, source, schema, NAME):
            writer.write_batch(record)
