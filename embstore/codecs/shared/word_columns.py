"""Which column of a word list has the words: lists also have counts, scores, or the row of each word."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from embstore.codecs.shared.line import COUNT, NUMBER
from embstore.codecs.shared.word_fields import split_columns
from embstore.codecs.shared.words_by_row import WordList
from embstore.core.batch import Findings, Ints, Tokens
from embstore.core.cures import cure, option
from embstore.core.errors import FormatError

Columns = list[Sequence[bytes]]


def split(lines: Sequence[bytes]) -> tuple[Columns, bool]:
    """Return the columns of lines, and whether tabs part them; one column if nothing parts all lines alike.

    Tabs part columns if all lines have as many. So do blanks, or one comma, if a column has numbers alone.
    """
    tabs = {line.count(b"\t") for line in lines}
    if len(tabs) == 1 and tabs != {0}:
        return [list(column) for column in zip(*(line.split(b"\t") for line in lines), strict=True)], True
    for parted in (_at_blanks, _at_commas):
        width = len(parted(lines[0]))
        if width < 2:
            continue
        columns: list[list[bytes]] = [[] for _ in range(width)]
        for line in lines:
            parts = parted(line)
            if len(parts) != width or not any(map(NUMBER.fullmatch, parts)):
                break
            for column, part in zip(columns, parts, strict=True):
                column.append(part)
        else:
            return list(columns), False
    return [lines], False


def _at_blanks(line: bytes) -> list[bytes]:
    return split_columns(line, tabs=False)


def _at_commas(line: bytes) -> list[bytes]:
    return line.split(b",") if line.count(b",") == 1 else []


def choose(columns: Columns, tabs: bool, path: Path, findings: Findings) -> WordList | None:
    """Return the words of the only column that can have them, by row; None if the lines as a whole are the words.

    Parameters
    ----------
    columns
        Two or more.
    tabs
        Whether tabs part them; blanks may also be parts of words.

    Raises
    ------
    FormatError
        If another column could have the words, or the numbers could be a part of them.
    """
    numeric = [all(map(NUMBER.fullmatch, column)) for column in columns]
    texts = [place for place, is_numeric in enumerate(numeric) if not is_numeric]
    if len(texts) != 1:
        if path.suffix.lower() == ".tsv" and 0 in texts:  # the first column, as in TensorBoard's metadata.tsv
            return WordList.in_order(Tokens.pack(columns[0]))
        raise _doubtful(columns, texts[0] if texts else 0, path)
    words = columns[texts[0]]
    distinct = len(set(words)) == len(words)
    wholes = [(place, _whole(column)) for place, column in enumerate(columns) if numeric[place]]
    for place, numbers in wholes:
        if numbers is not None and distinct and (order := _as_rows(numbers, place < texts[0])) is not None:
            note(findings, "numbers beside words taken as their rows", words)
            return WordList.in_order(Tokens.pack([words[i] for i in order]))
    if not tabs and not distinct:
        return None
    counts = wholes[0][1] if len(wholes) == 1 else None
    falling = counts is not None and bool((np.diff(counts) <= 0).all())
    from_one = counts is not None and bool((np.sort(counts) == np.arange(1, len(counts) + 1)).all())
    if not distinct or not (tabs or falling) or (from_one and len(words) > 1):
        raise _doubtful(columns, texts[0], path)
    if counts is not None:
        note(findings, "numbers beside words taken as their counts", words)
    else:
        note(findings, "numbers beside words left out", words)
    return WordList.in_order(Tokens.pack(words), counts)


def check_irregular(lines: Sequence[bytes], path: Path) -> None:
    """Refuse lines of which most, but not all, have columns: whole lines would be taken for words."""
    tabs = [line for line in lines if b"\t" in line]
    if 2 * len(tabs) > len(lines) > 1:
        raise _doubtful([[part] for part in tabs[0].split(b"\t")], 0, path)
    for parted in (_at_blanks, _at_commas):
        fitting = [parts for line in lines if len(parts := parted(line)) == 2 and NUMBER.fullmatch(parts[1])]
        distinct = len({parts[0] for parts in fitting}) == len(fitting)
        if distinct and len(fitting) > 1 and 2 * len(fitting) > len(lines):
            raise _doubtful([[part] for part in fitting[0]], 0, path)


def rows_beside(columns: Columns, place: int) -> list[int] | None:
    """Return the line of each row if one of the other columns has the rows of the words, from 0; else None."""
    for other, column in enumerate(columns):
        numbers = _whole(column) if other != place else None
        if numbers is not None and (np.sort(numbers) == np.arange(len(numbers))).all():
            lines: list[int] = np.argsort(numbers).tolist()
            return lines
    return None


def note(findings: Findings, what: str, words: Sequence[bytes]) -> None:
    """Add a finding about all words, with the option that keeps lines as they stand."""
    kept = cure("list-exact-words", f"{option(exact_words=True)} keeps whole lines as words")
    findings.add(f"{what}, {kept}", repr(words[0][:60].decode("utf-8", "replace")), len(words))


def _whole(column: Sequence[bytes]) -> Ints | None:
    """Return a column of whole numbers from 0; None for any other."""
    if all(map(COUNT.fullmatch, column)):
        return np.array(list(map(int, column)), np.int64)
    if not all(map(NUMBER.fullmatch, column)):
        return None
    numbers = np.array(list(map(float, column)))
    in_range = np.isfinite(numbers).all() and (numbers >= 0).all() and (numbers < 1 << 53).all()
    return numbers.astype(np.int64) if in_range and (numbers == np.floor(numbers)).all() else None


def _as_rows(numbers: Ints, in_front: bool) -> list[int] | None:
    """Return the line of each row if the numbers are all rows from 0, or count the lines from 1; else None."""
    rows = np.arange(len(numbers))
    if len(numbers) > 1 and (np.sort(numbers) == rows).all():
        lines: list[int] = np.argsort(numbers).tolist()
        return lines
    counts_lines = in_front or len(numbers) > 2
    return rows.tolist() if len(numbers) > 1 and counts_lines and (numbers == rows + 1).all() else None


def _doubtful(columns: Columns, likely: int, path: Path) -> FormatError:
    first = ", ".join(repr(column[0][:40].decode("utf-8", "replace")) for column in columns[:10])
    named = cure("list-word-column", f"{option(word_column=likely + 1)} takes that column as the words")
    whole = cure("list-exact-words", f"{option(exact_words=True)} takes whole lines")
    return FormatError(path, f"columns of which several may be the words ({first}): {named}, {whole}", where=1)
