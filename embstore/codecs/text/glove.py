"""GloVe text: a token, a space and its numbers on each line, no header (formats/glove/SPEC.md)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from embstore.codecs.registry.detection import check_written
from embstore.codecs.shared.decimal import formatted, write_rows
from embstore.codecs.shared.line import Tail, header_of
from embstore.codecs.text.reading import read_text
from embstore.codecs.text.shape import SAMPLE, Shape, common_dim, ends_in_returns, misspelt, most_common_dim
from embstore.core.batch import Batch, Source
from embstore.core.errors import FormatError
from embstore.core.options import AS_IS, Progress, ReadOptions, WriteOptions
from embstore.files.atomic import replacing
from embstore.files.input import Input

NAME = "glove"


def read(source: Input, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read GloVe text, plain, compressed or in a zip."""
    return read_text(source, options, progress, lambda lines: settle(lines, options), NAME)


def settle(lines: list[bytes], options: ReadOptions) -> Shape:
    """Make out the dimension, and whether a header stands first by mistake."""
    header = header_of(lines[0])
    if options.header or (options.header is None and header and header[1]):
        return _with_header(lines, header, options)
    return _plain(lines, options.dim)


def _plain(lines: list[bytes], dim: int | None) -> Shape:
    return Shape(dim, "by dim=", stated=True) if dim else most_common_dim(lines)


def _with_header(lines: list[bytes], header: tuple[int, int] | None, options: ReadOptions) -> Shape:
    """Decide about a first line of two whole numbers, or one that was said to be a header."""
    if not header or not header[1]:
        raise ValueError("header=True, but the first line is not two whole numbers, rows and dim")
    rows, dim = header
    if options.header:
        return Shape(dim, "from the header", stated=True, header_lines=1, rows=rows)
    others = [b"", *lines[1:]]  # which keep their numbers, for messages
    below = options.dim or (common_dim(list(map(Tail.of, others))) if any(others) else 1)
    if below != dim and not options.dim and any(others):
        most_common_dim(others)  # raises where the numbers below are to blame
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


def write(path: str | Path, source: Source, options: WriteOptions = AS_IS) -> None:
    """Write GloVe text, whole or not at all; each number as short as reads back to the same float32."""
    del options
    source = source.through(lambda batches: _read_alike(batches, path))
    with replacing(path) as file:
        if not sum(write_rows(file, source, path, NAME)):
            raise FormatError(path, "no rows to write: the input holds none, or all were left out", format=NAME)
        check_written(file, path, NAME)


def _read_alike(batches: Iterator[Batch], path: str | Path) -> Iterator[Batch]:
    """Refuse a table whose first rows, all that `settle` looks at, would be taken for something else."""
    first: list[bytes] = []
    for batch in batches:
        if not first:
            _check_first(batch, path)
        first += batch.tokens[: SAMPLE - len(first)].to_bytes()
        yield batch
    found = misspelt([Tail.of(token + b" 0") for token in first])
    if found is not None:
        shown = first[found].decode("utf-8", "replace")
        reason = (
            f"most of the first tokens end in what looks like a number, as {shown!r} does: "
            "it would not be told from theirs; word2vec keeps them"
        )
        raise FormatError(path, reason, format=NAME)


def _check_first(batch: Batch, path: str | Path) -> None:
    """Refuse a first row like a header, ``7 1`` say, and one like several lines."""
    row = Batch(batch.tokens[:1], np.ascontiguousarray(batch.vectors[:1], np.float32))
    line = bytes(next(formatted(row))).rstrip(b"\n") if len(row.tokens) else b""
    token = b"".join(row.tokens.to_bytes()).decode("utf-8", "replace")
    header = header_of(line)
    if header and header[1]:
        reason = f"the token {token!r} and its number read like a header; word2vec keeps them"
        raise FormatError(path, reason, format=NAME)
    if ends_in_returns(line):
        reason = (
            f"the token {token!r} and its numbers read like lines that end in carriage returns; word2vec keeps them"
        )
        raise FormatError(path, reason, format=NAME)
