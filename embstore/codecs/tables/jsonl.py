"""JSON lines: on each line an object with a word and a list of numbers, or a pair (formats/jsonl/SPEC.md)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from embstore.codecs.registry.detection import check_written
from embstore.codecs.shared.line import BLANK, SKIPPED
from embstore.codecs.shared.text_lines import TextLines
from embstore.codecs.tables.fields import Fields, fields_of
from embstore.codecs.tables.json_rows import json_rows
from embstore.codecs.tables.json_stream import distinct
from embstore.codecs.tables.vectors import Rows
from embstore.core.batch import Batch, Findings, Source
from embstore.core.cures import cure, option
from embstore.core.errors import FormatError
from embstore.core.options import AS_IS, Progress, ReadOptions, WriteOptions
from embstore.files.atomic import write_all
from embstore.files.compressing import replacing_text
from embstore.files.input import Input
from embstore.files.stream import Stream

NAME = "jsonl"
Line = tuple[int, str]


def read(source: Input, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read JSON lines, plain, compressed or in a zip."""
    findings, stream = Findings(), Stream(source, options.member)
    try:
        lines = _lines(TextLines(stream, findings, NAME), findings)
        first = next(lines, None)
        if first is None:
            raise FormatError(source.path, "nothing but empty lines, expected JSON on each line", format=NAME)
        number, text = first
        try:
            record = _parse(text)
            fields = fields_of(record, options)
            vector = fields.of(record)[1]
            rows = Rows(len(vector) if isinstance(vector, list) else 0)
        except ValueError as error:
            raise FormatError(source.path, str(error), where=number, format=NAME) from None
    except BaseException:
        stream.close()
        raise
    return Source(
        dim=rows.dim,
        batches=_batches(stream, chain([first], lines), fields, rows, options, findings, progress),
        estimate=stream.total // len(text),
        findings=findings,
        provenance=lambda: {**stream.provenance(), "format": NAME},
    )


def _lines(lines: TextLines, findings: Findings) -> Iterator[Line]:
    """Yield the lines that are not blank, and their numbers."""
    for number, line in enumerate(lines, 1):
        if line.strip(" \t\r\n"):
            yield number, line
        else:
            findings.add(BLANK, f"line {number}")


def _parse(text: str) -> object:
    """Return the value on a line; ValueError if it is not JSON, or has a key twice."""
    try:
        value: object = json.loads(text, object_pairs_hook=distinct, parse_int=float)
    except RecursionError:
        raise ValueError("nested too deeply to be a word and a list of numbers") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON, expected an object on each line: {error}") from None
    return value


def _batches(
    stream: Stream,
    lines: Iterator[Line],
    fields: Fields,
    rows: Rows,
    options: ReadOptions,
    findings: Findings,
    progress: Progress | None,
) -> Iterator[Batch]:
    failure = None
    with stream:
        while failure is None:
            chunk: list[Line] = []
            try:
                chunk.extend(islice(lines, rows.step))
            except FormatError as error:
                failure = error  # after the lines before it
            if not chunk:
                break
            try:
                batch = _batch(chunk, fields, rows)
            except ValueError:
                yield from _one_by_one(chunk, fields, rows, options, findings, stream.path)
            else:
                yield batch
            if progress:
                progress(stream.position, stream.total)
    if failure is not None:
        raise failure


def _batch(lines: list[Line], fields: Fields, rows: Rows) -> Batch:
    pairs = [fields.of(_parse(text)) for _, text in lines]
    return rows.batch([word for word, _ in pairs], [vector for _, vector in pairs])


def _one_by_one(
    lines: list[Line], fields: Fields, rows: Rows, options: ReadOptions, findings: Findings, path: Path
) -> Iterator[Batch]:
    """Yield each line as a batch; at one that cannot be read, count it or raise FormatError."""
    for line in lines:
        try:
            batch = _batch([line], fields, rows)
        except ValueError as error:
            if options.on_error == "stop":
                skip = cure("jsonl-skip", f"{option(on_error='skip')} leaves such lines out")
                raise FormatError(path, f"{error}; {skip}", where=line[0], format=NAME) from None
            findings.add(SKIPPED, f"line {line[0]}")
        else:
            yield batch


def write(path: str | Path, source: Source, options: WriteOptions = AS_IS) -> None:
    """Write one object on each line: ``{"token": ..., "vector": [...]}``.

    On an error nothing is written.
    """
    with replacing_text(path, overwrite=options.overwrite) as file:
        for rows in json_rows(source, path, NAME):
            write_all(file, b"".join(b'{"token": %s, "vector": %s}\n' % row for row in rows))
        check_written(file, path, NAME)
