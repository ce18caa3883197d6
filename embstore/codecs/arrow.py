"""Arrow IPC files, which Feather version 2 also is, by pyarrow (formats/arrow/SPEC.md)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from embstore.atomic import replacing
from embstore.batch import Progress, ReadOptions, Source
from embstore.codecs.arrow_columns import choose, pyarrow
from embstore.codecs.arrow_rows import record_batches, table_schema
from embstore.codecs.arrow_table import read_table, translating
from embstore.errors import FormatError
from embstore.inputs import first_bytes

NAME = "arrow"


def read(path: str | Path, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read an Arrow file over a map: batches are views of it where it is not compressed."""
    path = Path(path)
    if first_bytes(path).startswith(b"FEA1"):
        raise FormatError(path, "Feather version 1, which Arrow gave up: save it anew with pandas", format=NAME)
    with translating(path, NAME):
        schema = _open(path).schema
        names = choose(path, schema, options, NAME).names
        rows = sum(record.num_rows for record in _records(_open(path, schema, names[:1])))
        file = _open(path, schema, names)
    return read_table(path, schema, _records(file), rows, options, progress, NAME)


def _open(path: Path, schema: Any = None, names: Sequence[str] = ()) -> Any:
    """Open a file over a map, to read some of its columns; of others nothing is unpacked."""
    fields = sorted(schema.get_field_index(name) for name in names)
    ipc = pyarrow("ipc")
    return ipc.open_file(pyarrow().memory_map(str(path)), options=ipc.IpcReadOptions(included_fields=fields))


def _records(file: Any) -> Iterator[Any]:
    return (file.get_batch(i) for i in range(file.num_record_batches))


def write(path: str | Path, source: Source) -> None:
    """Write ``token`` and ``vector``, a fixed-size list, uncompressed so that it can be mapped; bfloat16 as float32."""
    schema = table_schema(source)
    with replacing(path) as file, pyarrow("ipc").new_file(file, schema) as writer:
        for record in record_batches(path, source, schema, NAME):
            writer.write_batch(record)
