"""The first look at the lines of a text file: its shape, and where the words are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from embstore.codecs.shared.line import count_numbers, has_long_field
from embstore.codecs.text.doubts import check_first_number, check_has_words, is_line_of_names
from embstore.codecs.text.lines import LONG_FIELD, Block, parse_line, skip_cure
from embstore.codecs.text.shape import SAMPLE, Shape, check_dense, ends_in_returns
from embstore.codecs.text.words import find_rule
from embstore.core.cures import cure, shell
from embstore.core.errors import FormatError
from embstore.core.options import ReadOptions

RETURN, NEWLINE = r"\r", r"\n"
RETURN, NEWLINE = r"\r", r"\n"
InferShape = Callable[[list[bytes]], Shape]


def shape_of(first: Block, path: str | Path, infer_shape: InferShape, name: str, options: ReadOptions) -> Shape:
    """Return the shape of a file from its first block; FormatError if it cannot be inferred."""
    head = bytes(memoryview(first.data)[first.start : first.stop])
    lines = [line.rstrip(b" \t\r") for line in head.split(b"\n", SAMPLE)[:SAMPLE]]
    lines = [b"" if options.on_error == "skip" and has_long_field(line) else line for line in lines]
    try:
        if len(lines) == 2 and ends_in_returns(lines[0]):  # a one-row file; in longer files a row may contain CR
            raise ValueError(returns_alone(Path(path)))
        long = next((number for number, line in enumerate(lines, 1) if has_long_field(line)), None)
        if long is not None:
            raise FormatError(path, f"{LONG_FIELD}; {skip_cure()}", where=long, format=name)
        check_dense(lines)
        if options.vocab:
            from embstore.codecs.text.wordless import infer_wordless  # here: text with words is read sooner without

            return infer_wordless(lines, options)
        shape = infer_shape(lines)
        longest = max(map(count_numbers, lines[shape.header_lines :]), default=0)
        if shape.dim > longest:  # before anything is allocated for a wrong header
            raise ValueError(f"{longest} numbers on a line at most, expected {shape.dim} ({shape.origin})")
        if options.header is None and not shape.header_lines and is_line_of_names(lines, shape.dim):
            shape = replace(shape, header_lines=1, names=True)
        return _with_words(lines[shape.header_lines :], shape, options)
    except FormatError:
        raise
    except ValueError as error:
        raise FormatError(path, str(error), where=1, format=name) from None


def _with_words(lines: list[bytes], shape: Shape, options: ReadOptions) -> Shape:
    """Return the shape with the rule for the words of these lines; those that cannot be read are reported later."""
    fields, rows = [], []
    for line in filter(None, lines):
        try:
            fields.append(parse_line(line, shape)[0])
        except ValueError:
            continue
        rows.append(line)
    check_has_words(fields, options, stated=shape.stated)
    if not shape.stated and not options.exact_words:
        check_first_number(rows, fields, shape.dim)
    return replace(shape, words=find_rule(fields, rows, options, stated=shape.stated))


def returns_alone(path: Path) -> str:
    """Return the message for lines that end in carriage returns only."""
    new = f"{path.stem}.lines{path.suffix}"
    converted = cure("returns", f"{shell('tr', RETURN, NEWLINE, '<', path, '>', new)} converts them")
    return f"lines that end in carriage returns only, expected newlines: {converted}"
