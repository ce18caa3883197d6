"""`embstore info`: describe a file of embeddings."""

from __future__ import annotations

from collections.abc import Generator
from itertools import islice
from pathlib import Path
from typing import Unpack

import click

from embstore.cli.options import FILE, as_json, progress_bar, reading_options
from embstore.cli.printing import print_columns, print_json
from embstore.codecs.registry.detection import open_to_read
from embstore.codecs.registry.table import Codec
from embstore.core.batch import Batch
from embstore.core.errors import FormatError
from embstore.core.json_values import Json
from embstore.core.options import Reading, ReadOptions
from embstore.files.input import Input
from embstore.ops.read import read
from embstore.ops.report import size_of
from embstore.store.header import read_header
from embstore.store.store import map_input

SHOWN = 5  # tokens


@click.command("info")
@click.argument("path", type=FILE)
@click.option("--count", is_flag=True, help="Read the whole file to count its rows, if it does not state their number.")
@reading_options
@as_json
def info_command(path: Path, count: bool, as_json: bool, **reading: Unpack[Reading]) -> None:
    """Show the format, rows, dim, dtype, first tokens and provenance of a file.

    For a store, only the header and the first tokens are read. For a safetensors file in which the table cannot be
    determined, the tensors are listed: choose one with --key.

    \b
    Argument:
      PATH  a store, or any other file or folder that embstore reads

    \b
    Examples:
      embstore info glove.6B.50d.safetensors
      embstore info glove.6B.zip --member glove.6B.100d.txt --count --json
    """  # noqa: D301
    options = ReadOptions(**reading)
    file, codec = open_to_read(path, options)
    tensors: dict[str, str] | None = None
    known: dict[str, Json] = {"path": str(path), "format": codec.name, "bytes": size_of(path)}
    try:
        known |= _store(file) if codec.mapped else _foreign(file, codec, options, count)
    except FormatError as error:
        if not codec.has_tensors or options.non_default() or path.is_dir():
            raise
        known["table"], tensors = f"not determined: {error.reason}", _tensors(path)
    if as_json:
        print_json(known if tensors is None else {**known, "tensors": tensors})
        return
    print_columns({name: _shown(value) for name, value in known.items()})
    print_columns(tensors or {})


def _store(file: Input) -> dict[str, Json]:
    table = map_input(file)
    shape = {"rows": len(table), "special": table.special, "dim": table.dim, "dtype": table.dtype}
    metadata = {name: value for name, value in sorted(table.metadata.items()) if name.startswith("embstore.")}
    return shape | {"tokens": list(islice(table.itos, SHOWN)), **metadata}


def _foreign(file: Input, codec: Codec, options: ReadOptions, count: bool) -> dict[str, Json]:
    with progress_bar(show=count) as progress:
        source = read(file, codec, options, progress)
        first = next(source.batches, None)
        rows = source.rows
        if count:
            rows = sum(len(batch.tokens) for batch in source.batches) + (len(first.tokens) if first else 0)
    if isinstance(source.batches, Generator):
        source.batches.close()
    return {"rows": rows, "dim": source.dim, "dtype": source.dtype, "tokens": _first_tokens(first)}


def _tensors(path: Path) -> dict[str, str]:
    with Input(path) as file:
        tensors = read_header(file).tensors
    return {name: f"{tensor.dtype} {' x '.join(map(str, tensor.shape))}" for name, tensor in tensors.items()}


def _first_tokens(batch: Batch | None) -> list[str]:
    tokens = batch.tokens[:SHOWN].to_bytes() if batch else []
    return [token.decode("utf-8", "surrogateescape") for token in tokens]


def _shown(value: Json) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    if value is None:
        return "unknown (`--count` reads the file to count them)"
    return f"{value:,}" if isinstance(value, int) else str(value)
