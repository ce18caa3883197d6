"""CSV and TSV: a column of words, and one column per number or one of lists (formats/csv/SPEC.md)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from embstore.codecs.registry.detection import check_written
from embstore.codecs.shared.cells import CellError, numbers_of, shown, split_list
from embstore.codecs.shared.decimal import WIDEST, number_lines
from embstore.codecs.shared.delimiters import DELIMITERS, decimal_comma, delimiters_of
from embstore.codecs.shared.line import SKIPPED
from embstore.codecs.shared.matrix import rows_in_batch
from embstore.codecs.shared.records import Records, Row, is_row
from embstore.codecs.shared.text_lines import TextLines
from embstore.codecs.shared.word_list_files import load_word_list
from embstore.codecs.tables.columns import Columns, choose
from embstore.codecs.tables.header import head_of
from embstore.codecs.tables.tokens import unwritable
from embstore.core.batch import Batch, Findings, Source, Tokens, Vectors
from embstore.core.cures import cure, option
from embstore.core.errors import FormatError
from embstore.core.limits import MAX_DIM, MAX_LINE, MAX_TOKEN
from embstore.core.options import AS_IS, Progress, ReadOptions, WriteOptions
from embstore.files.atomic import write_all
from embstore.files.compressing import replacing_text
from embstore.files.input import Input
from embstore.files.stream import Stream

NAME = "csv"
SAMPLE = 100  # records that show the columns
COUNTED = "columns that count the rows left out"
OTHERS = "columns left out"


def read(source: Input, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read delimited text, plain, compressed or in a zip."""
    from_file = bool(options.vocab) and Path(str(options.vocab)).is_file()
    words = _words_of_file(source, options) if from_file else None
    findings = Findings()
    stream = Stream(source, options.member)
    try:
        reader = _Reader(stream, options, findings, words)
        sample = reader.open()
    except BaseException:
        stream.close()
        raise
    return Source(
        dim=reader.dim,
        batches=reader.batches(sample, progress),
        estimate=reader.estimate,
        findings=findings,
        provenance=lambda: {**stream.provenance(), "format": NAME},
    )


def _words_of_file(source: Input, options: ReadOptions) -> Tokens:
    """Return the words in the file that ``vocab=`` names, one for each row, which are counted before."""
    with Stream(source, options.member) as stream:
        reader = _Reader(stream, options, Findings(), Tokens.pack([]))
        numbers, _ = reader.open()
        count = len(numbers)
        while records := reader.records.take(SAMPLE)[0]:
            count += len(records)
    words = load_word_list(source, options, count, NAME)
    if not words.is_whole:
        raise FormatError(source.path, f"rows without a word in {options.vocab}", format=NAME)
    return words.tokens


class _Reader:
    """Reads the rows of delimited text.

    Parameters
    ----------
    words
        The words of all rows, if they come from another file.
    """

    def __init__(self, stream: Stream, options: ReadOptions, findings: Findings, words: Tokens | None) -> None:
        self.stream, self.options, self.findings, self.words = stream, options, findings, words
        self.path = stream.path
        self.row = 0  # records read so far, without the header
        self.dim = self.estimate = 0

    def open(self) -> tuple[list[int], list[Row]]:
        """Find the delimiter, the header and the columns; return the first records, as `Records.take` does."""
        lines = TextLines(self.stream, self.findings, NAME)
        try:
            delimiter = self._delimiter(lines.head)
            self.records = Records(lines, delimiter, self.findings, self.path, NAME)
            numbers, records = self.records.take(SAMPLE)
            if not records:
                raise ValueError("nothing but empty lines, expected a word and its numbers in each row")
            self.head = head_of(records, self.options.header)
            if self.head.names:
                numbers, records = numbers[1:], records[1:]
            elif delimiter == "\t":
                glove = cure("csv-quotes", f"if quotes have no meaning in this file, {option(format='glove')} reads it")
                self.records.hint = f"; {glove}"
            self.columns = self._columns(records)
        except ValueError as error:
            if isinstance(error, FormatError):
                raise
            raise FormatError(self.path, str(error), format=NAME) from None
        self._note_columns()
        text = sum(map(len, chain.from_iterable(records))) + sum(map(len, records))
        self.estimate = len(records) * self.stream.total // max(1, text)
        return numbers, records

    def _delimiter(self, head: str) -> str:
        if not head:
            raise ValueError("an empty file, expected a word and its numbers in each row")
        if "\r" in head.rstrip("\r\n") and "\n" not in head.rstrip("\r\n") and "\r\n" not in head:
            raise ValueError("lines that end in carriage returns only, expected newlines: save it with those")
        found = delimiters_of(head)
        if len(found) != 1:
            names = ", ".join(DELIMITERS.values())
            where = f"both {' and '.join(DELIMITERS[each] for each in found)}" if found else f"none of {names}"
            raise ValueError(f"{where} separate{'s' * (not found)} a word and numbers in most of the first rows")
        comma = decimal_comma(head, found[0])
        if comma is not None:
            raise ValueError(f"numbers with decimal commas, such as {shown(comma)}, expected points: rewrite them")
        return found[0]

    def _columns(self, records: list[Row]) -> Columns:
        if not records:
            raise ValueError("a header without rows")
        metadata = self.path.with_name("metadata.tsv")
        beside = metadata if metadata.is_file() and metadata != self.path else None
        columns = choose(self.head, self.options, from_file=self.words is not None, beside=beside)
        first = self.head.rows[0][columns.vectors[0]]
        self.dim = len(split_list(first)) if columns.lists else len(columns.vectors)
        if not 0 < self.dim <= MAX_DIM:
            raise ValueError(f"{self.dim:,} numbers in a row, expected 1 to {MAX_DIM:,}")
        return columns

    def _note_columns(self) -> None:
        for column in self.columns.counters:
            self.findings.add(COUNTED, column + 1)
        for name in self.columns.others:
            self.findings.add(OTHERS, repr(name[:60]))

    def batches(self, sample: tuple[list[int], list[Row]], progress: Progress | None) -> Iterator[Batch]:
        """Yield the rows; the stream is closed at the end."""
        numbers, records = sample
        step = rows_in_batch(4 * self.dim)
        with self.stream:
            while records:
                for start in range(0, len(records), step):
                    yield from self._batch(numbers[start : start + step], records[start : start + step])
                if progress:
                    progress(self.stream.position, self.stream.total)
                numbers, records = self.records.take(step)
        if self.words is not None and self.row != len(self.words):
            raise FormatError(self.path, "was changed while it was read: read it again", format=NAME)

    def _batch(self, numbers: list[int], records: list[Row]) -> Iterator[Batch]:
        """Yield the rows of some records; at one that cannot be read, those before it, then the error."""
        try:
            batch = self._parsed(records)
        except ValueError:
            batch = None
        if batch is not None:
            self.row += len(records)
            yield batch
            return
        kept: list[Batch] = []
        for number, record in zip(numbers, records, strict=True):
            try:
                kept.append(self._parsed([record]))
            except ValueError as error:
                if self.options.on_error == "stop":
                    yield from kept
                    skip = cure("csv-skip", f"{option(on_error='skip')} leaves such lines out")
                    raise FormatError(self.path, f"{error}; {skip}", where=number, format=NAME) from None
                self.findings.add(SKIPPED, f"line {number}")
            self.row += 1
        yield from kept

    def _parsed(self, records: list[Row]) -> Batch:
        """Return the rows of records; ValueError if one cannot be read."""
        for record in records:
            if len(record) != self.head.width:
                raise ValueError(f"{len(record)} cells, expected {self.head.width}")
        for column, start in self.columns.counters.items():
            for number, record in enumerate(records, start + self.row):
                if record[column] != str(number):
                    raise ValueError(f"{shown(record[column])} in column {column + 1}, which counts rows: not {number}")
        return Batch(self._tokens(records), self._vectors(records))

    def _tokens(self, records: list[Row]) -> Tokens:
        column = self.columns.words
        if column is None:
            assert self.words is not None  # noqa: S101
            return self.words[self.row : self.row + len(records)]
        words = [record[column] for record in records]
        if not all(words):
            raise ValueError(f"an empty cell in column {column + 1}, expected a word")
        for word in words:
            if len(word) > MAX_TOKEN // 4 and len(word.encode("utf-8", "surrogateescape")) > MAX_TOKEN:
                raise ValueError(f"a word of more than {MAX_TOKEN:,} bytes")
            if word[0] == " " and word.lstrip(" ")[:1] == '"':
                raise ValueError(f"the word {shown(word)} has a quote after a space, expected it first in its cell")
        return Tokens.pack(words)

    def _vectors(self, records: list[Row]) -> Vectors:
        columns = self.columns.vectors
        if self.columns.lists:
            lists = [split_list(record[columns[0]]) for record in records]
            wrong = next((found for found in lists if len(found) != self.dim), None)
            if wrong is not None:
                raise ValueError(f"a list of {len(wrong)} in column {columns[0] + 1}, expected {self.dim} numbers")
            cells = list(chain.from_iterable(lists))
        elif columns[-1] - columns[0] == len(columns) - 1:
            first, stop = columns[0], columns[-1] + 1
            cells = list(chain.from_iterable(record[first:stop] for record in records))
        else:
            cells = [record[column] for record in records for column in columns]
        try:
            return numbers_of(cells).reshape(len(records), self.dim)
        except CellError as error:
            column = columns[0 if self.columns.lists else error.place % self.dim]
            raise ValueError(f"{error}, in column {column + 1}") from None


def write(path: str | Path, source: Source, options: WriteOptions = AS_IS) -> None:
    """Write CSV with a header, each word in quotes, each number with the fewest digits that read back.

    On an error nothing is written.
    """
    if source.dim * WIDEST > MAX_LINE - 2 * MAX_TOKEN:
        raise FormatError(path, f"{source.dim:,} numbers make lines too long to read back: write a store", format=NAME)
    rows = 0
    with replacing_text(path, overwrite=options.overwrite) as file:
        header = ",".join(["token", *(f"d{number}" for number in range(source.dim))])
        write_all(file, header.encode() + b"\n")
        for batch in source.batches:
            tokens = batch.tokens.to_bytes()
            bad = next(chain(unwritable(batch.tokens), _unreadable(tokens, source.dim)), None)
            if bad is not None:
                raise FormatError(path, f"the token {bad!r:.60} would not read back; a store keeps it", format=NAME)
            lines = number_lines(batch.vectors, b",")
            quoted = (b'"%s",' % token.replace(b'"', b'""') for token in tokens)
            write_all(file, b"".join(word + line for word, line in zip(quoted, lines, strict=True)))
            rows += len(tokens)
        if not rows:
            raise FormatError(path, "no rows to write: the input holds none, or all were left out", format=NAME)
        check_written(file, path, NAME)


def _unreadable(tokens: list[bytes], dim: int) -> Iterator[bytes]:
    """Yield tokens that are refused on reading: empty, like a lost word; with a line that is a row by itself."""
    for token in tokens:
        first, newline, _ = token.partition(b"\n")
        if not token or (newline and is_row(first.decode("utf-8", "replace"), ",", dim + 1)):
            yield token
