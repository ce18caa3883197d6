"""Word lists of text: one word per line, perhaps with other columns, padding, or a line of a count or header."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from embstore.codecs.shared import word_columns
from embstore.codecs.shared.line import COUNT, NUMBER
from embstore.codecs.shared.word_columns import note, rows_beside
from embstore.codecs.shared.word_fields import RETURNS, find_cuts, split_columns
from embstore.codecs.shared.words_by_row import WordList
from embstore.core.batch import Findings, Tokens
from embstore.core.errors import FormatError
from embstore.core.options import ReadOptions


def words_of_text(text: bytes, count: int | None, path: Path, options: ReadOptions, findings: Findings) -> WordList:
    """Return the words of a text: see `words_of_lines`."""
    if path.suffix.lower() == ".csv":
        text = _with_tabs(text, path)
    tokens = Tokens.lines(text)
    if options.exact_words and options.word_column is None:
        return WordList.in_order(tokens)
    return words_of_lines(tokens.to_bytes(), count, path, options, findings)


def _with_tabs(text: bytes, path: Path) -> bytes:
    """Return the rows of CSV as lines whose columns are parted by tabs."""
    lines: list[str] = []
    width = 0
    try:
        for row in csv.reader(io.StringIO(text.decode("utf-8", "surrogateescape"), newline=""), strict=True):
            if any("\t" in cell or "\n" in cell for cell in row):
                raise FormatError(
                    path, "a word with a tab or a line break: write the words as JSON", where=len(lines) + 1
                )
            lines.append("\t".join(row))
            width = width or len(row)
            if row and len(row) != width:
                raise FormatError(path, f"{len(row)} columns, expected {width}", where=len(lines))
    except csv.Error as error:
        raise FormatError(path, f"not CSV: {error}", where=len(lines) + 1) from None
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def words_of_lines(
    lines: list[bytes], count: int | None, path: Path, options: ReadOptions, findings: Findings
) -> WordList:
    """Return the words of lines.

    Parameters
    ----------
    count
        Number of rows of the matrix; None if it is not known. It shows whether a last line without a word, or a first
        line with the number of words, is one line too many.

    Raises
    ------
    FormatError
        If nothing shows which of several columns has the words.
    """
    lines = _without_ends(lines, count, findings)
    if not lines:
        return WordList.in_order(Tokens.pack([]))
    lines, header = _without_header(lines, count, path, options, findings)
    if options.word_column is not None:
        return _of_column(lines, header, path, options, findings)
    columns, tabs = word_columns.split(lines)
    chosen = word_columns.choose(columns, tabs, path, findings) if len(columns) > 1 else None
    if len(columns) == 1:
        word_columns.check_irregular(lines, path)
    if chosen is not None:
        lines = chosen.tokens.to_bytes()
    for cut in find_cuts(lines):
        note(findings, f"{cut.name} taken off", [cut.take(lines[0])])
        findings.counts[next(reversed(findings.counts))] += len(lines) - 1
        lines = list(map(cut.take, lines))
    return WordList.in_order(Tokens.pack(lines), None if chosen is None else chosen.counts)


def _without_ends(lines: list[bytes], count: int | None, findings: Findings) -> list[bytes]:
    """Return lines without carriage returns that most of them have, and without blank lines beyond the last word."""
    returned = [line for line in lines if line.endswith(b"\r")]
    if returned and 2 * len(returned) >= len(lines):
        note(findings, f"{RETURNS.name} taken off", list(map(RETURNS.take, returned)))
        lines = list(map(RETURNS.take, lines))
    elif returned:
        findings.add(
            "words that end in carriage returns", repr(returned[0][:60].decode("utf-8", "replace")), len(returned)
        )
    last = len(lines)
    while last > (count or 0) and not lines[last - 1].strip(b" \t"):
        last -= 1
    if last < len(lines):
        findings.add("blank lines after the last word left out", f"line {last + 1}", len(lines) - last)
    return lines[:last]


def _without_header(
    lines: list[bytes], count: int | None, path: Path, options: ReadOptions, findings: Findings
) -> tuple[list[bytes], list[bytes]]:
    """Return lines without a first line that is no word, and the columns of that line, empty if there is none."""
    first, rest = lines[0], lines[1:]
    if rest and (count is None or len(rest) == count):
        numbers = first.replace(b"\t", b" ").split(b" ")
        states_count = all(map(COUNT.fullmatch, numbers)) and int(numbers[0]) == len(rest)
        if states_count and not all(map(COUNT.fullmatch, rest)):
            findings.add("line with the number of words left out", repr(first[:60].decode("utf-8", "replace")))
            return rest, []
    names = first.split(b"\t")
    is_header = isinstance(options.word_column, str) or (
        rest and (len(rest) == count and (len(names) > 1 or path.suffix.lower() == ".tsv"))
    )
    if not is_header and count is None and len(names) > 1:
        columns, tabs = word_columns.split(rest)
        is_header = (
            tabs
            and len(columns) == len(names)
            and any(
                all(map(NUMBER.fullmatch, column)) and not NUMBER.fullmatch(name)
                for name, column in zip(names, columns, strict=True)
            )
        )
    return (rest, names) if is_header else (lines, [])


def _of_column(
    lines: list[bytes], header: list[bytes], path: Path, options: ReadOptions, findings: Findings
) -> WordList:
    """Return the words of the column that the user names, by the rows in another column, if there is one."""
    column = options.word_column
    if isinstance(column, str):
        name = column.encode()
        if name not in header:
            listed = ", ".join(repr(each[:40].decode("utf-8", "replace")) for each in header[:20])
            raise FormatError(path, f"no column {column!r} in the first line, which has {listed}", where=1)
        place = header.index(name)
    else:
        assert column is not None  # noqa: S101
        place = column - 1
    tabs = any(b"\t" in line for line in lines)
    parted = [[part.strip(b" ") for part in split_columns(line, tabs)] for line in lines]
    columns = max(set(map(len, parted)), key=list(map(len, parted)).count)
    wrong = next((i for i, parts in enumerate(parted) if len(parts) != columns or len(parts) <= place), None)
    if wrong is not None:
        reason = f"{len(parted[wrong])} columns, expected {max(columns, place + 1)}"
        raise FormatError(path, reason, where=wrong + 1 + bool(header))
    words = [parts[place] for parts in parted]
    order = rows_beside([list(column) for column in zip(*parted, strict=True)], place) if len(words) > 1 else None
    if order is not None and order != list(range(len(words))):
        note(findings, "numbers beside words taken as their rows", words)
        words = [words[i] for i in order]
    return WordList.in_order(Tokens.pack(words))
