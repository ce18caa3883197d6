"""GloVe text: one token, a space and its numbers per line, no header (formats/glove/SPEC.md)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from embstore.codecs.registry.detection import check_written
from embstore.codecs.shared.decimal import formatted, write_rows
from embstore.codecs.shared.line import Tail, header_of
from embstore.codecs.text.doubts import check_first_number, check_words_below, is_line_of_names, too_many_numbers
from embstore.codecs.text.reading import read_text
from embstore.codecs.text.shape import (
    SAMPLE,
    Shape,
    common_dim,
    ends_in_returns,
    find_malformed_number,
    most_common_dim,
)
from embstore.codecs.text.words import check_kept
from embstore.core.batch import Batch, Source, Tokens
from embstore.core.cures import cure, option
from embstore.core.errors import FormatError
from embstore.core.options import AS_IS, Progress, ReadOptions, WriteOptions
from embstore.files.input import Input

NAME = "glove"


def read(source: Input, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read GloVe text, plain, compressed or in a zip."""
    return read_text(source, options, progress, lambda lines: infer_shape(lines, options), NAME)


def infer_shape(lines: list[bytes], options: ReadOptions) -> Shape:
    """Infer the dimension, and whether the file has a header nevertheless."""
    header = header_of(lines[0])
    if options.header or (options.header is None and header and header[1]):
        return _with_header(lines, header, options)
    return _plain(lines, options.dim)


def _plain(lines: list[bytes], dim: int | None) -> Shape:
    return Shape(dim, "as requested", stated=True) if dim else most_common_dim(lines)


def _with_header(lines: list[bytes], header: tuple[int, int] | None, options: ReadOptions) -> Shape:
    """Infer the shape when the first line is two integers or was declared a header by the user."""
    check_words_below(header, lines)
    if not header or not header[1]:
        raise ValueError("a header is requested, but the first line is not two whole numbers, rows and dim")
    rows, dim = header
    if options.header:
        return Shape(dim, "from the header", stated=True, header_lines=1, rows=rows)
    others = [b"", *lines[1:]]  # line numbers in messages stay the same
    below = options.dim or (common_dim(list(map(Tail.of, others))) if any(others) else 1)
    if below != dim and not options.dim and any(others):
        most_common_dim(others)  # raises if malformed numbers are the cause
    if below == 1:
        either = cure("header-or-row", f"{option(header=True)} or {option(header=False)} says which")
        raise ValueError(f"{lines[0].decode()!r} may be a header or the first of one-dimensional rows: {either}")
    if below == dim:
        return Shape(dim, "from the header", stated=True, header_lines=1, rows=rows)
    if below == dim + 1:
        if options.word_column is not None:
            return Shape(dim, "from the header", stated=True, header_lines=1, rows=rows)
        raise too_many_numbers(dim, lines, below)
    if options.on_error == "stop":
        skipped = cure("wrong-header", f"{option(header=False, on_error='skip')} skips this line")
        raise ValueError(
            f"{lines[0].decode()!r} looks like a header, {rows:,} rows of {dim:,} numbers, but the rows below have "
            f"{below}; {skipped}"
        )
    return _plain(lines, options.dim)


def write(path: str | Path, source: Source, options: WriteOptions = AS_IS) -> None:
    """Write GloVe text, each number with the fewest digits that read back to the same float32.

    On an error nothing is written.
    """
    source = source.through(lambda batches: _check_first_rows(batches, path))
    from embstore.files.compressing import replacing_text  # here: reading starts faster without

    with replacing_text(path, overwrite=options.overwrite) as file:
        if not sum(write_rows(file, source, path, NAME)):
            raise FormatError(path, "no rows to write: the input holds none, or all were left out", format=NAME)
        check_written(file, path, NAME)


def _check_first_rows(batches: Iterator[Batch], path: str | Path) -> Iterator[Batch]:
    """Pass batches on; FormatError if `infer_shape` would misread the first rows of the written file."""
    first: list[bytes] = []
    lines: list[bytes] = []
    for batch in batches:
        if not first:
            _check_first_row(batch, path)
        if len(first) < SAMPLE:
            sample = batch.first(SAMPLE - len(first))
            first += sample.tokens.to_bytes()
            lines += _numbers_of(sample)
        yield batch
    found = find_malformed_number([Tail.of(token + b" 0") for token in first])
    if found is not None:
        shown = first[found].decode("utf-8", "replace")
        reason = (
            f"most of the first tokens end in something like a number, such as {shown!r}, "
            "and would not read back unchanged; word2vec keeps them"
        )
        raise FormatError(path, reason, format=NAME)
    if first:
        check_kept(first, path, NAME, stated=False)
        _check_first_numbers(lines, path)


def _numbers_of(batch: Batch) -> list[bytes]:
    """Return the numbers of rows, each as on a line after its token."""
    empty = Tokens(np.zeros(0, np.uint8), np.zeros(len(batch.tokens) + 1, np.int64))
    numbers = Batch(empty, np.ascontiguousarray(batch.vectors, np.float32))
    return b"".join(map(bytes, formatted(numbers))).split(b"\n")[:-1]


def _check_first_numbers(lines: list[bytes], path: str | Path) -> None:
    dim = len(lines[0].split())
    try:
        check_first_number(lines, [b""] * len(lines), dim)
        if is_line_of_names(lines, dim):
            raise ValueError
    except ValueError:
        reason = "the first numbers of the rows look like counts, and would not read back; word2vec keeps them"
        raise FormatError(path, reason, format=NAME) from None


def _check_first_row(batch: Batch, path: str | Path) -> None:
    """Raise FormatError if the first row looks like a header, such as ``7 1``, or like several lines."""
    row = Batch(batch.tokens[:1], np.ascontiguousarray(batch.vectors[:1], np.float32))
    line = bytes(next(formatted(row))).rstrip(b"\n") if len(row.tokens) else b""
    token = b"".join(row.tokens.to_bytes()).decode("utf-8", "replace")
    header = header_of(line)
    if header and header[1]:
        reason = f"the token {token!r} and its number look like a header; word2vec keeps them"
        raise FormatError(path, reason, format=NAME)
    if ends_in_returns(line):
        reason = (
            f"the token {token!r} and its numbers look like lines that end in carriage returns; word2vec keeps them"
        )
        raise FormatError(path, reason, format=NAME)
