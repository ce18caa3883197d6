"""GloVe text: a token, a space and its numbers on each line, no header (formats/glove/SPEC.md)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from embstore.atomic import replacing
from embstore.batch import Batch, Progress, ReadOptions, Source
from embstore.codecs.decimal import formatted, write_rows
from embstore.codecs.lines import COUNT, Shape, most_common_dim
from embstore.codecs.text import read_text
from embstore.errors import FormatError

NAME = "glove"


def read(path: str | Path, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read GloVe text, plain, compressed or in a zip."""
    return read_text(path, options, progress, lambda lines: settle(lines, options), NAME)


def settle(lines: list[bytes], options: ReadOptions) -> Shape:
    """Make out the dimension, and whether a header stands first by mistake."""
    fields = lines[0].split(b" ")
    head = [int(text) for text in fields] if len(fields) == 2 and all(map(COUNT.fullmatch, fields)) else []
    if options.header or (options.header is None and head and head[1]):
        return _with_header(lines, head, options)
    return _plain(lines, options.dim)


def _plain(lines: list[bytes], dim: int | None) -> Shape:
    return Shape(dim, "by dim=", stated=True) if dim else most_common_dim(lines)


def _with_header(lines: list[bytes], head: list[int], options: ReadOptions) -> Shape:
    """Decide about a first line of two whole numbers, or one that was said to be a header."""
    if not head or not head[1]:
        raise ValueError("header=True, but the first line is not two whole numbers, rows and dim")
    rows, dim = head
    if options.header:
        return Shape(dim, "from the header", stated=True, header_lines=1, rows=rows)
    below = options.dim or (most_common_dim(lines[1:]).dim if any(lines[1:]) else 1)
    if below == 1:
        raise ValueError(
            f"{lines[0].decode()!r} may be a header or the first of one-dimensional rows: "
            "say which with --header or --no-header (header=True or False)"
        )
    if below == dim:
        return Shape(dim, "from the header", stated=True, header_lines=1, rows=rows)
    if options.on_error == "stop":
        raise ValueError(
            f"{lines[0].decode()!r} reads like a header, {rows:,} rows of {dim:,} numbers, but the rows below have "
            f"{below}; --no-header with --on-error skip leaves it out"
        )
    return _plain(lines, options.dim)


def write(path: str | Path, source: Source) -> None:
    """Write GloVe text, whole or not at all; each number as short as reads back to the same float32."""
    source = source.through(lambda batches: _no_header(batches, path))
    with replacing(path) as file:
        if not sum(write_rows(file, source, path, NAME)):
            raise FormatError(path, "no rows to write: the input holds none, or all were left out", format=NAME)


def _no_header(batches: Iterator[Batch], path: str | Path) -> Iterator[Batch]:
    """Refuse a table of one dimension whose first row, ``7 1`` say, would be taken for a header."""
    first = True
    for batch in batches:
        if first and batch.vectors.shape[1] == 1:
            row = Batch(batch.tokens[:1], np.ascontiguousarray(batch.vectors[:1], np.float32))
            fields = bytes(next(formatted(row))).rstrip(b"\n").split(b" ")
            if len(fields) == 2 and all(map(COUNT.fullmatch, fields)) and int(fields[1]):
                reason = f"the token {fields[0].decode()!r} and its number read like a header; word2vec keeps them"
                raise FormatError(path, reason, format=NAME)
        first = False
        yield batch
