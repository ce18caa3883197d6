"""JSON: an object from word to list, a list of records, or words and vectors in two lists (formats/json/SPEC.md)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from embstore.codecs.registry.detection import check_written
from embstore.codecs.shared.json_file import names_for_message, parse_json, shown
from embstore.codecs.tables.fields import Fields, fields_of, unclear
from embstore.codecs.tables.json_rows import json_rows
from embstore.codecs.tables.vectors import Rows
from embstore.core.batch import Batch, Source
from embstore.core.cures import cure, option
from embstore.core.errors import FormatError
from embstore.core.options import AS_IS, Progress, ReadOptions, WriteOptions
from embstore.files.atomic import write_all
from embstore.files.compressing import replacing_text
from embstore.files.input import Input
from embstore.files.stream import Stream

NAME = "json"
BLOCK = 1 << 20
MAX_FILE = 1 << 30  # bytes, which take up to ten times as much when they are parsed
EXPECTED = "an object from word to list of numbers"


def read(source: Input, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read JSON, plain, compressed or in a zip: the whole file is parsed at once."""
    path = source.path
    with Stream(source, options.member) as stream:
        data = _content(stream)
        if progress:
            progress(stream.position, stream.total)
        origin = {**stream.provenance(), "format": NAME}
    try:
        words, vectors = _table(_parsed(data, path), options)
        rows = Rows(len(vectors[0]) if isinstance(vectors[0], list) else 0)
    except ValueError as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(path, str(error), format=NAME) from None
    return Source(
        dim=rows.dim,
        batches=_batches(words, vectors, rows, path),
        rows=len(words),
        provenance=lambda: dict(origin),
    )


def _content(stream: Stream) -> bytes:
    data = bytearray()
    while True:
        block = bytearray(BLOCK)
        filled = stream.fill(memoryview(block))
        data += memoryview(block)[:filled]
        if len(data) > MAX_FILE:
            reason = f"JSON of more than {MAX_FILE >> 20:,} MB, which is parsed at once: convert it to JSON lines"
            raise FormatError(stream.path, reason, format=NAME)
        if filled < BLOCK:
            return bytes(data).removeprefix(b"\xef\xbb\xbf")


def _parsed(data: bytes, path: Path) -> object:
    try:
        return parse_json(data, path, EXPECTED, NAME)
    except FormatError as error:
        if "Extra data: line" not in error.reason:
            raise
        lines = cure("json-lines", f"{option(format='jsonl')} reads JSON lines")
        raise FormatError(path, f"{error.reason}; {lines}", format=NAME) from None


def _table(value: object, options: ReadOptions) -> tuple[list[object], list[object]]:
    """Return the words and the vectors of a table; ValueError if it is none, or unclear."""
    if isinstance(value, list):
        if not value:
            raise ValueError(f"an empty list, expected {EXPECTED}")
        return _records(value, fields_of(value[0], options))
    if not isinstance(value, dict) or not value:
        raise ValueError(f"{'an empty object' if value == {} else shown(value)}, expected {EXPECTED}")
    if options.vocab is not None or options.key is not None or any(_is_list_of(each, list) for each in value.values()):
        return _two_lists(value, options)
    if all(type(each) is int for each in value.values()):
        raise ValueError("numbers of rows, so this is a word list: name the file that has the vectors")
    for word, vector in value.items():
        if not isinstance(vector, list):
            raise ValueError(f"{shown(vector)} for {shown(word)}, expected a list of numbers")
    return list(value), list(value.values())


def _records(records: list[object], fields: Fields) -> tuple[list[object], list[object]]:
    words: list[object] = []
    vectors: list[object] = []
    for number, record in enumerate(records):
        try:
            word, vector = fields.of(record)
        except ValueError as error:
            raise ValueError(f"item {number} of the list: {error}") from None
        words.append(word)
        vectors.append(vector)
    return words, vectors


def _two_lists(members: dict[str, object], options: ReadOptions) -> tuple[list[object], list[object]]:
    """Return the list of words and the list of vectors among the members of an object."""
    words = [name for name, value in members.items() if _is_list_of(value, str)]
    vectors = [name for name, value in members.items() if _is_list_of(value, list)]
    if options.vocab is not None:
        words = [name for name in words if name == str(options.vocab)]
    if options.key is not None:
        vectors = [name for name in vectors if name == options.key]
    if len(words) == 1 and len(vectors) == 1:
        found, rows = members[words[0]], members[vectors[0]]
        if not isinstance(found, list) or not isinstance(rows, list) or len(found) != len(rows):
            sizes = [len(value) if isinstance(value, list) else 0 for value in (found, rows)]
            raise ValueError(f"{sizes[0]:,} words in {shown(words[0])}, but {sizes[1]:,} lists in {shown(vectors[0])}")
        return found, rows
    if words and vectors:
        raise ValueError(unclear(words, vectors, members))
    what = "vectors" if words else "words"
    raise ValueError(f"no list of {what} among the members {names_for_message(members)}")


def _is_list_of(value: object, kind: type) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, kind) for each in value)


def _batches(words: list[object], vectors: list[object], rows: Rows, path: Path) -> Iterator[Batch]:
    try:
        yield from rows.batches(words, vectors)
    except ValueError as error:
        raise FormatError(path, str(error), format=NAME) from None


def write(path: str | Path, source: Source, options: WriteOptions = AS_IS) -> None:
    """Write an object from word to list, one word on each line.

    On an error nothing is written.
    """
    first = True
    with replacing_text(path, overwrite=options.overwrite) as file:
        for rows in json_rows(source, path, NAME):
            lines = b",\n".join(b"%s: %s" % row for row in rows)
            write_all(file, (b"{" if first else b",\n") + lines)
            first = False
        write_all(file, b"}\n")
        check_written(file, path, NAME)
