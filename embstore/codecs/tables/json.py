"""JSON: an object from word to list, a list of records, or words and vectors in two lists (formats/json/SPEC.md)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from embstore.codecs.registry.detection import check_written
from embstore.codecs.shared.json_file import names_for_message, parse_json, shown
from embstore.codecs.tables.fields import Fields, fields_of, unclear
from embstore.codecs.tables.json_rows import json_rows
from embstore.codecs.tables.json_stream import JsonStream, TooLongError
from embstore.codecs.tables.vectors import Rows, check_vector, is_vector
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
MAX_WHOLE = 256 << 20  # bytes of a file that is parsed at once, which takes many times as much
FIRST = 8  # members of an object that show whether it is one from word to list
EXPECTED = "an object from word to list of numbers"
Pair = tuple[object, object]


def read(source: Input, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read JSON, plain, compressed or in a zip: row by row, or, if it is two lists, the whole file at once."""
    stream = Stream(source, options.member)
    try:
        pairs = _pairs(stream, options)
        if pairs is None:
            stream.close()
            stream = Stream(source, options.member)
            pairs = _whole(stream, options)
        first = next(pairs, None)
        if first is None:
            raise ValueError(f"nothing in it, expected {EXPECTED}")
        rows = Rows(len(first[1]) if isinstance(first[1], list) else 0)
    except ValueError as error:
        stream.close()
        raise _format_error(error, source.path) from None
    except BaseException:
        stream.close()
        raise
    return Source(
        dim=rows.dim,
        batches=_batches(stream, chain([first], pairs), rows, progress),
        estimate=stream.total // (8 * rows.dim),
        provenance=lambda: {**stream.provenance(), "format": NAME},
    )


def _format_error(error: ValueError, path: Path) -> FormatError:
    reason = error.reason if isinstance(error, FormatError) else str(error)
    if "Extra data" in reason:
        lines = cure("json-lines", f"{option(format='jsonl')} reads JSON lines")
        return FormatError(path, f"{reason}; {lines}", format=NAME)
    return error if isinstance(error, FormatError) else FormatError(path, reason, format=NAME)


def _pairs(stream: Stream, options: ReadOptions) -> Iterator[Pair] | None:
    """Return the words and vectors of an object from word to list, or of a list of records; None for other shapes."""
    parsed = JsonStream(stream)
    if parsed.opening not in ("{", "["):
        return None
    members = parsed.members()
    try:
        first = list(islice(members, FIRST if parsed.opening == "{" else 1))
    except TooLongError:
        return None
    if not first:
        return iter(())
    if parsed.opening == "[":
        record = first[0][1]
        return _records(chain(first, members), fields_of(record, options)) if isinstance(record, list | dict) else None
    if options.vocab is None and options.key is None and all(is_vector(value) for _, value in first):
        return chain(first, members)
    return None


def _records(members: Iterator[tuple[str, object]], fields: Fields) -> Iterator[Pair]:
    for number, (_, record) in enumerate(members):
        try:
            pair = fields.of(record)
        except ValueError as error:
            raise ValueError(f"item {number} of the list: {error}") from None
        yield pair


def _whole(stream: Stream, options: ReadOptions) -> Iterator[Pair]:
    """Return the words and vectors of two lists; ValueError if the file has no such table."""
    value = parse_json(_content(stream), stream.path, EXPECTED, NAME)
    if not isinstance(value, dict):
        raise ValueError(f"{shown(value)}, expected {EXPECTED}")
    lists = any(_is_list_of(each, list) for each in value.values())
    if options.vocab is None and options.key is None and not lists:
        if all(type(each) is int for each in value.values()):
            raise ValueError("numbers of rows, so this is a word list: name the file that has the vectors")
        dim = next((len(each) for each in value.values() if isinstance(each, list) and is_vector(each)), None)
        for word, vector in value.items():
            if not isinstance(vector, list) or dim is None:
                raise ValueError(f"{shown(vector)} for {shown(word)}, expected a list of numbers")
            check_vector(vector, dim, word)
    words, vectors = _two_lists(value, options)
    return iter(list(zip(words, vectors, strict=True)))


def _content(stream: Stream) -> bytes:
    data = bytearray()
    while True:
        block = bytearray(BLOCK)
        filled = stream.fill(memoryview(block))
        data += memoryview(block)[:filled]
        if len(data) > MAX_WHOLE:
            limit = f"JSON of more than {MAX_WHOLE >> 20} MB that is no object from word to list"
            raise ValueError(f"{limit}, so it would be parsed at once: convert it to JSON lines")
        if filled < BLOCK:
            return bytes(data).removeprefix(b"\xef\xbb\xbf")


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


def _batches(stream: Stream, pairs: Iterator[Pair], rows: Rows, progress: Progress | None) -> Iterator[Batch]:
    failure, found = None, True
    with stream:
        while found and failure is None:
            words: list[object] = []
            vectors: list[object] = []
            try:
                for word, vector in islice(pairs, rows.step):
                    words.append(word)
                    vectors.append(vector)
            except ValueError as error:
                failure = error  # after the rows before it
            found = bool(words)
            try:
                yield from rows.until_error(words, vectors)
            except ValueError as error:
                raise _format_error(error, stream.path) from None
            if progress:
                progress(stream.position, stream.total)
    if failure is not None:
        raise _format_error(failure, stream.path) from None


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
