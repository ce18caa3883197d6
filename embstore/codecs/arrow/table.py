"""Converts columns of Arrow record batches to tokens and vectors, for Parquet and Arrow files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from embstore.codecs.arrow.columns import Columns, choose, is_whole, pyarrow
from embstore.codecs.arrow.parts import parts_of
from embstore.codecs.arrow.vectors import is_list
from embstore.codecs.shared.matrix import Origin, rows_in_batch
from embstore.codecs.shared.whole_numbers import decimal_tokens, note
from embstore.codecs.shared.word_list import read_word_list
from embstore.codecs.shared.words_by_row import WordList
from embstore.core.batch import Batch, Findings, Source, Tokens, Vectors
from embstore.core.errors import FormatError
from embstore.core.options import Progress, ReadOptions
from embstore.files.input import Input

if TYPE_CHECKING:
    from embstore.codecs.arrow.pyarrow_types import Array, RecordBatch, Schema


def read_table(
    source: Input,
    schema: Schema,
    records: Iterator[RecordBatch],
    rows: int,
    options: ReadOptions,
    progress: Progress | None,
    name: str,
) -> Source:
    """Return the source of record batches.

    Parameters
    ----------
    records
        Record batches with the columns that `choose` returns.
    rows
        Number of rows of all record batches.
    """
    path = source.path
    findings = Findings()
    words = _words_from_file(source, options, rows, name, findings)
    reader = _Converter(path, choose(path, schema, options, name), words, name, findings)
    if reader.columns.left_out:
        findings.add(
            "columns of numbers left out", ", ".join(reader.columns.left_out[:20]), len(reader.columns.left_out)
        )
    records = _with_format_errors(records, path, name)
    first = next((record for record in records if record.num_rows), None)
    if first is None:
        raise FormatError(path, "a table without rows", format=name)
    reader.dim = reader.vectors(first).shape[1]
    origin = Origin(source, name)
    return Source(
        dim=reader.dim,
        batches=reader.batches(chain([first], records), rows, origin, progress),
        dtype=reader.columns.dtype,
        rows=rows,
        findings=findings,
        provenance=lambda: dict(origin.notes),
    )


def _words_from_file(source: Input, options: ReadOptions, rows: int, name: str, findings: Findings) -> WordList | None:
    if not options.vocab or not Path(options.vocab).is_file():
        return None
    words = read_word_list(source.open_companion(options.vocab), rows, options, findings)
    if len(words.tokens) != rows or not words.is_whole:
        reason = f"{rows} rows, but {len(words.tokens)} words: they belong to another file"
        raise FormatError(source.path, reason, format=name)
    return words


@contextlib.contextmanager
def format_errors(path: Path, name: str) -> Iterator[None]:
    """Turn errors of pyarrow, and names that are not UTF-8, into a FormatError."""
    try:
        yield
    except (pyarrow().ArrowException, OSError, UnicodeDecodeError) as error:
        reason = f"cannot be read, it is damaged or cut short: {' '.join(str(error).split())}"
        raise FormatError(path, reason, format=name) from error


def _with_format_errors(records: Iterator[RecordBatch], path: Path, name: str) -> Iterator[RecordBatch]:
    with format_errors(path, name):
        yield from records


@dataclass(slots=True)
class _Converter:
    """Converts record batches to batches; `dim` is taken from the first one."""

    path: Path
    columns: Columns
    words: WordList | None
    name: str
    findings: Findings
    dim: int = 0
    done: int = 0

    def batches(
        self, records: Iterator[RecordBatch], rows: int, origin: Origin, progress: Progress | None
    ) -> Iterator[Batch]:
        with origin:
            for record in self._parts(records):
                tokens, vectors = self.tokens(record), self.vectors(record)
                step = rows_in_batch(self.dim * vectors.itemsize)
                seen = None if self.words is None or self.words.counts is None else self.words.counts[self.done :]
                for start in range(0, len(tokens), step):
                    counts = None if seen is None else seen[start : min(start + step, len(tokens))]
                    yield Batch(tokens[start : start + step], vectors[start : start + step], counts=counts)
                self.done += len(tokens)
                position = origin.total * self.done // max(rows, self.done)
                origin.advance(position)
                if progress:
                    progress(position, origin.total)
            origin.finish()

    def _parts(self, records: Iterator[RecordBatch]) -> Iterator[RecordBatch]:
        for record in records:
            if self.columns.words is None:
                yield record
            else:
                yield from parts_of(record, self._checked(record, self.columns.words))

    def tokens(self, record: RecordBatch) -> Tokens:
        """Return a view of the words of a record batch."""
        if self.words is not None:
            return self.words.tokens[self.done : self.done + record.num_rows]
        assert self.columns.words is not None  # noqa: S101
        column = self._checked(record, self.columns.words)
        if is_whole(column.type):
            return note(decimal_tokens(np.asarray(column.to_numpy(zero_copy_only=False))), self.findings)
        array = column.cast(pyarrow().large_binary())
        _, bounds, data = array.buffers()
        assert bounds is not None  # noqa: S101
        offsets = np.frombuffer(memoryview(bounds), np.int64)[array.offset : array.offset + len(array) + 1]
        whole = np.frombuffer(memoryview(data), np.uint8) if data is not None else np.empty(0, np.uint8)
        return Tokens(whole[offsets[0] : offsets[-1]], offsets - offsets[0])

    def vectors(self, record: RecordBatch) -> Vectors:
        """Return the vectors of a record batch, (rows, dim), as a view where possible."""
        columns = [self._checked(record, column) for column in self.columns.vectors]
        if not is_list(columns[0].type):
            return np.column_stack([column.to_numpy(zero_copy_only=False) for column in columns])
        column, where = columns[0], self.columns.vectors[0]
        from pyarrow import compute

        lengths = compute.list_value_length(column).to_numpy(zero_copy_only=False)
        dim = self.dim or int(lengths[0])
        if not dim or (lengths != dim).any():
            row = int(np.flatnonzero(lengths != dim)[0]) if dim else 0
            raise self._error(f"{lengths[row]} numbers in row {self.done + row}, expected {dim or 'at least 1'}", where)
        values = column.flatten()
        if values.null_count:
            raise self._error("a number is null", where)
        numbers = np.asarray(values.to_numpy(zero_copy_only=False)).reshape(-1, dim)
        return numbers if numbers.dtype.kind == "f" else numbers.astype(np.float32)

    def _checked(self, record: RecordBatch, name: str) -> Array:
        """Return a column after validation: none of its offsets lead out of its buffers, and no value is null."""
        column = record.column(name)
        with format_errors(self.path, self.name):
            column.validate(full=True)
        if column.null_count:
            row = self.done + column.is_null().index(True).as_py()
            raise self._error(f"row {row} is null, expected a value in every row", name)
        return column

    def _error(self, reason: str, where: str) -> FormatError:
        return FormatError(self.path, reason, where=where, format=self.name)
