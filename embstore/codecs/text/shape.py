"""Inference of the shape of a text file (dimension, header) from its first lines, and checks of these lines.

The dimension is the number of numbers that most lines end in.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import islice

from embstore.codecs.shared.line import NUMBER, Tail, count_numbers, fields_of
from embstore.codecs.text.doubts import GROUPED
from embstore.codecs.text.words import WHOLE, WordRule
from embstore.core.cures import cure, option, option_name

HEXADECIMAL = re.compile(rb"[+-]?0x[0-9a-f.]++(?:p[+-]?[0-9]++)?", re.IGNORECASE)
PAIR = re.compile(rb"[0-9]{1,9}:[+-]?[0-9.]++(?:e[+-]?[0-9]++)?", re.IGNORECASE)
SAMPLE = 100  # lines from which the shape is inferred


@dataclass(frozen=True, slots=True)
class Shape:
    """The shape of a text file.

    Attributes
    ----------
    dim
        Numbers per line.
    origin
        Where `dim` comes from, for messages.
    stated
        Whether the user or a header stated `dim`. Only then may a token end in a number.
    header_lines
        Lines before the first row.
    rows
        The number of rows that a header states; None without a header.
    words
        How the word is taken from what stands before the numbers.
    names
        Whether the first line numbers the columns.
    wordless
        Whether the lines have no words: what stands before the numbers is the first number.
    """

    dim: int
    origin: str
    stated: bool = False
    header_lines: int = 0
    rows: int | None = None
    words: WordRule = WHOLE
    wordless: bool = False
    names: bool = False


def most_common_dim(lines: list[bytes]) -> Shape:
    """Infer the shape from the first lines; ValueError if they have no numbers or malformed ones."""
    endings = list(map(Tail.of, lines))
    dim = common_dim(endings)
    _check_numbers(endings, dim)
    if not dim:
        found = next((line for line in lines if line), b"")[:60].decode("utf-8", "replace")
        if not found:
            raise ValueError("nothing but empty lines, expected a token and its numbers on each line")
        _check_commas(lines)
        named = cure("text-from", f"if this is another format, name it with {option_name('format')}")
        raise ValueError(f"{found!r} is not a token and its numbers; {named}")
    return Shape(dim, f"from line {[ending.numbers for ending in endings].index(dim) + 1}")


def check_dense(lines: list[bytes]) -> None:
    """Raise ValueError if lines have pairs of an index and a value, as sparse rows do."""
    pairs = list(filter(_has_pairs, lines))
    if 2 * len(pairs) > sum(map(bool, lines[1:])):
        shown = pairs[0][:60].decode("utf-8", "replace")
        raise ValueError(f"sparse rows, index:value, as in {shown!r}, are not read: write all numbers of each row")


def _has_pairs(line: bytes) -> bool:
    fields = list(islice(fields_of(line), 3))
    return bool(fields) and all(map(PAIR.fullmatch, fields))


def _check_commas(lines: list[bytes]) -> None:
    """Raise ValueError if commas part the numbers."""
    filled = [line for line in lines if line]
    rest = [b"," in line and NUMBER.fullmatch(line.rpartition(b",")[2].strip(b" \t")) for line in filled]
    if 2 * len(list(filter(None, rest))) <= len(filled):
        return
    shown = filled[-1][:60].decode("utf-8", "replace")
    if any(b" " in line or b"\t" in line for line in filled):
        raise ValueError(f"commas between the numbers, as in {shown!r}, expected blanks: write them with blanks")
    csv = cure("text-csv", f"{option(format='csv')} reads such files")
    raise ValueError(f"commas between the columns, as in {shown!r}, expected blanks: {csv}")


def common_dim(endings: list[Tail]) -> int:
    """Return the count of numbers that most lines end in; 0 if no line ends in a number.

    Ties prefer the count that more lines have directly after their first field, since a further field may be a
    malformed number, then the earliest.
    """
    votes = Counter(ending.numbers for ending in endings if ending.numbers)
    clear = Counter(ending.numbers for ending in endings if not ending.word)
    return max(votes, key=lambda dim: (votes[dim], clear[dim]), default=0)


def _check_numbers(endings: list[Tail], dim: int) -> None:
    """Raise ValueError if most lines have a malformed number, which would be read as a part of the token."""
    found = find_malformed_number(endings)
    if found is None:
        return
    known = ", or " + cure("malformed-dim", f"use {option(dim=dim)} if it is part of the token") if dim else ""
    raise ValueError(
        f"{endings[found].word.decode()[:60]!r} on line {found + 1} is not a number, and most lines have a similar "
        f"field; expected digits with an optional decimal point, such as 0.5: rewrite the numbers{known}"
    )


def find_malformed_number(endings: list[Tail]) -> int | None:
    """Return the index of the first line with a malformed number before its numbers, if most lines have one."""
    found = [place for place, ending in enumerate(endings) if _is_malformed_number(ending.word)]
    return found[0] if 2 * len(found) > sum(bool(ending.numbers or ending.word) for ending in endings) else None


def _is_malformed_number(field: bytes) -> bool:
    """Detect numbers of other tools: with a decimal or trailing comma, as 1_000, in other digits, in hexadecimal."""
    if GROUPED.fullmatch(field):
        return False
    if field.endswith(b",") and NUMBER.fullmatch(field[:-1]):
        return True
    try:
        text = field.decode().replace(",", ".")
        float(text)
    except ValueError:
        return bool(HEXADECIMAL.fullmatch(field))
    return text == text.strip()  # float() ignores white space


def ends_in_returns(line: bytes) -> bool:
    """Detect several lines that only carriage returns separate, each with a token and numbers."""
    pieces = [piece for piece in line.split(b"\r", SAMPLE)[:SAMPLE] if piece.strip(b" \t")]
    return len(pieces) > 1 and all(map(count_numbers, pieces))
