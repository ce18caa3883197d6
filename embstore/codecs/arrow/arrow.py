"""Arrow IPC files, which Feather version 2 also is, and IPC streams, by pyarrow (formats/arrow/SPEC.md)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from embstore.codecs.arrow.columns import choose, pyarrow
from embstore.codecs.arrow.rows import record_batches, table_schema
from embstore.codecs.arrow.table import read_table, translating
from embstore.codecs.registry.magic import is_arrow_stream
from embstore.core.batch import Source
from embstore.core.errors import FormatError
from embstore.core.options import Progress, ReadOptions
from embstore.files.atomic import replacing
from embstore.files.input import first_bytes, open_regular

NAME = "arrow"
END = b"\xff\xff\xff\xff\0\0\0\0"  # of a stream


def read(path: str | Path, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read an Arrow file or stream over a map: batches are views of it where it is not compressed."""
    path = Path(path)
    if first_bytes(path).startswith(b"FEA1"):
        raise FormatError(path, "Feather version 1, which Arrow gave up: save it anew with pandas", format=NAME)
    if _is_stream(path):
        _check_end(path)
    with translating(path, NAME):
        schema = _open(path).schema
        names = choose(path, schema, options, NAME).names
        rows = sum(record.num_rows for record in _records(_open(path, schema, names[:1])))
        file = _open(path, schema, names)
    return read_table(path, schema, _records(file), rows, options, progress, NAME)


def _ipc() -> Any:
    pyarrow()
    from pyarrow import ipc

    return ipc


def _is_stream(path: Path) -> bool:
    return is_arrow_stream(first_bytes(path, 8))


def _check_end(path: Path) -> None:
    """Refuse a stream without its end: one that was cut between two record batches would lack rows in silence."""
    with open_regular(path) as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - len(END)))
        if file.read(len(END)) != END:
            raise FormatError(path, "a stream without its end, ff ff ff ff 00 00 00 00: it is cut short", format=NAME)


def _open(path: Path, schema: Any = None, names: Sequence[str] = ()) -> Any:
    """Open a file or a stream over a map, to read some of its columns; of others nothing is unpacked."""
    fields = sorted(schema.get_field_index(name) for name in names)
    ipc = _ipc()
    opened = ipc.open_stream if _is_stream(path) else ipc.open_file
    mapped = pyarrow().memory_map(os.fsencode(path))  # bytes, as names of files need not be UTF-8
    return opened(mapped, options=ipc.IpcReadOptions(included_fields=fields))


def _records(opened: Any) -> Iterator[Any]:
    if isinstance(opened, _ipc().RecordBatchStreamReader):
        return iter(opened)
    return (opened.get_batch(i) for i in range(opened.num_record_batches))


def write(path: str | Path, source: Source) -> None:
    """Write ``token`` and ``vector``, a fixed-size list, uncompressed so that it can be mapped; bfloat16 as float32."""
    schema = table_schema(source)
    with replacing(path) as file, _ipc().new_file(file, schema) as writer:
        for record in record_batches(path, source, schema, NAME):
            writer.write_batch(record)
