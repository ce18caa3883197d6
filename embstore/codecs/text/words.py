"""The words of a text file: which part of the field before the numbers is the word.

The first words are looked at: `codecs/shared/word_fields` says what is certainly no part of them. Where the file has
several columns before its numbers and nothing shows which one has the words, reading is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from embstore.codecs.shared.line import COUNT, NUMBER, Tail
from embstore.codecs.shared.word_fields import Cut, columns_of, find_cuts, is_number
from embstore.core.batch import Tokens
from embstore.core.cures import cure, option, option_name
from embstore.core.errors import FormatError
from embstore.core.options import ReadOptions

NO_WHOLE_NUMBER = re.compile(rb"[.einEIN]")  # in a number: 0.5, 1e5, inf, nan
GAPS = re.compile(rb"[ \t]{2,}")
COUNTED = 5  # rows that show that their first number counts
SPACE, TAB, DOUBLE_QUOTE, COMMA = 32, 9, 34, 44
ODD_AT_START = np.isin(np.arange(256), (SPACE, TAB))
ODD_AT_END = np.isin(np.arange(256), (SPACE, TAB, DOUBLE_QUOTE, COMMA))
FIRST_GAP = re.compile(rb"[ \t]++")


@dataclass(slots=True)
class Changed:
    """How many words were changed in one way, and the first of them, as it is now."""

    first: bytes
    count: int = 0


@dataclass(frozen=True, slots=True)
class WordRule:
    """How the word is taken from the field before the numbers.

    Attributes
    ----------
    column
        The column with the word, from 0; None for the whole field.
    columns
        Number of columns that the field must have if one is chosen.
    tabs
        Whether tabs part the columns; else any blanks do.
    cuts
        What is taken off the words.
    """

    column: int | None = None
    columns: int = 1
    tabs: bool = False
    cuts: tuple[Cut, ...] = field(default=())

    def column_of(self, word: bytes) -> bytes:
        """Return the column with the word; ValueError if there are more or fewer columns than in the first rows."""
        if self.column is None:
            return word
        parts = split_columns(word, self.tabs)
        if len(parts) != self.columns:
            found = f"{len(parts)} column{'s' * (len(parts) != 1)}"
            raise ValueError(f"{found} before the numbers, expected {self.columns}, as on most of the first lines")
        return parts[self.column]

    def cut(self, tokens: Tokens, changed: dict[str, Changed]) -> Tokens:
        """Return the words without what is taken off, which is counted in `changed`."""
        words = tokens.to_bytes()
        for cut in self.cuts:
            taken = list(map(cut.take, words))
            differing = [after for before, after in zip(words, taken, strict=True) if before != after]
            if differing:
                changed.setdefault(cut.name, Changed(differing[0])).count += len(differing)
            words = taken
        return Tokens.pack(words)


WHOLE = WordRule()
EXACT = WordRule()
"""As `WHOLE`, but requested: words that look odd are not reported."""


def split_columns(word: bytes, tabs: bool) -> list[bytes]:
    """Return the columns of a field."""
    return word.split(b"\t") if tabs else [part for part in FIRST_GAP.split(word) if part]


def find_rule(fields: list[bytes], lines: list[bytes], options: ReadOptions) -> WordRule:
    """Return the rule for the words of a file.

    Parameters
    ----------
    fields
        What the first rows have before their numbers.
    lines
        These rows.

    Raises
    ------
    ValueError
        If nothing shows which column has the words.
    """
    if options.word_column is not None:
        return _chosen(fields, options)
    if options.exact_words:
        return EXACT
    gaps = (GAPS.search(line, len(word) + 1) for word, line in zip(fields, lines, strict=True))
    cuts = find_cuts(fields, padded=any(gaps))
    left = fields
    for cut in cuts:
        left = [cut.take(word) for word in left]
    _check_columns(fields, left)
    return WordRule(cuts=tuple(cuts)) if cuts else WHOLE


def _chosen(fields: list[bytes], options: ReadOptions) -> WordRule:
    column = options.word_column
    if not isinstance(column, int):
        raise ValueError(f"word column {column!r}: text has no names of columns, expected a number from 1")
    tabs = any(b"\t" in word.strip(b" \t") for word in fields)
    counts = [len(split_columns(word, tabs)) for word in fields]
    columns = max(set(counts), key=counts.count) if counts else 1
    if column > columns:
        raise ValueError(f"word column {column}, but there are {columns} before the numbers")
    taken = [split_columns(word, tabs)[column - 1] for word in fields if len(split_columns(word, tabs)) == columns]
    cuts = () if options.exact_words else tuple(find_cuts(taken))
    return WordRule(column - 1, columns, tabs, cuts)


def _check_columns(fields: list[bytes], words: list[bytes]) -> None:
    """Refuse words in which tabs part columns, or that all begin with a number that does not count the lines."""
    columns = columns_of(words)
    numbered = len(words) > 1 and all(map(_begins_with_number, words))
    if columns == 1 and not numbered:
        return
    shown = fields[0][:60].decode("utf-8", "replace")
    parts = split_columns(fields[0], columns > 1)
    column = next((place for place, part in enumerate(parts, 1) if not is_number(part)), 1)
    taken = [split_columns(word, columns > 1)[column - 1 :][:1] for word in fields]
    known = ""
    if len(set(map(tuple, taken))) == len(fields):
        known = cure("text-word-column", f"{option(word_column=column)} takes that column as the word") + ", "
    exact = cure("text-exact-words", f"{option(exact_words=True)} takes all of it")
    raise ValueError(f"several columns before the numbers, as in {shown!r}: {known}{exact}")


def _begins_with_number(word: bytes) -> bool:
    first, gap, rest = word.strip(b" \t").replace(b"\t", b" ").partition(b" ")
    return bool(gap and rest) and first.isdigit()


def check_has_words(fields: list[bytes], options: ReadOptions, *, stated: bool) -> None:
    """Refuse rows of numbers alone: all words are blank, or all are numbers, one with a point or an exponent.

    Where the user or a header states the dim, words may be numbers.
    """
    first = [word.strip(b" \t") for word in fields]
    if options.exact_words or not first:
        return
    if len(first) > 1 and not any(first):
        named = cure("blank-words-vocab", f"{option_name('vocab')} names a file with the words")
        raise ValueError(f"no words: each line begins with a blank and numbers; {named}")
    numbers = not stated and all(map(NUMBER.fullmatch, first))
    if numbers and any(map(NO_WHOLE_NUMBER.search, first)):
        raise ValueError(f"no words: each line begins with a number, such as {first[0].decode()!r}; {words_cure()}")


def words_cure() -> str:
    """Return how to read numbers without words."""
    vocab = cure("numbers-vocab", f"{option_name('vocab')} names a file with the words")
    taken = "takes the first number of each line as its word"
    return f"{vocab}, " + cure("numbers-as-words", f"{option(exact_words=True, header=False)} {taken}")


def check_kept(tokens: list[bytes], path: str | Path, name: str, *, stated: bool) -> None:
    """Raise FormatError if the first tokens of a table would be changed or refused when they are read.

    Parameters
    ----------
    stated
        Whether the file states its dim.
    """
    reads = ReadOptions()
    try:
        check_has_words(tokens, reads, stated=stated)
        if find_rule(tokens, [token + b" 0" for token in tokens], reads) == WHOLE:
            return
    except ValueError:
        pass
    shown = tokens[0][:60].decode("utf-8", "replace")
    reason = (
        f"the tokens, such as {shown!r}, look as if they had padding, quotes or other columns, and would not read back"
    )
    raise FormatError(path, f"{reason}; a store keeps them", format=name)


def find_odd(tokens: Tokens) -> dict[str, Changed]:
    """Count the words that have padding, quotes or a comma, none of which was taken off."""
    starts, ends = tokens.offsets[:-1], tokens.offsets[1:] - 1
    if not len(tokens.data):
        return {}
    at_start, at_end = (tokens.data.take(places, mode="clip") for places in (starts, ends))
    if not ODD_AT_END.take(at_end).any() and not ODD_AT_START.take(at_start).any():  # as in almost all blocks
        return {}
    long = ends > starts
    first, last = tokens.data[starts[long]], tokens.data[ends[long]]
    found = {
        "blanks around words": (first == SPACE) | (last == SPACE) | (first == TAB) | (last == TAB),
        "quotes around words": (first == DOUBLE_QUOTE) & (last == DOUBLE_QUOTE),
        "commas after words": last == COMMA,
    }
    words = np.flatnonzero(long)
    return {
        name: Changed(tokens[(row := int(words[np.argmax(mask)])) : row + 1].data.tobytes(), int(mask.sum()))
        for name, mask in found.items()
        if mask.any()
    }


def numbers_alone(lines: list[bytes]) -> int:
    """Return how many numbers each line has if it has nothing else; 0 if one has a word, or another number of them."""
    tails = [Tail.of(b" " + line.strip(b" \t")) for line in lines if line]
    counts = {0 if tail.word else tail.numbers for tail in tails}
    return counts.pop() if len(counts) == 1 else 0


def check_words_below(header: tuple[int, int] | None, lines: list[bytes]) -> None:
    """Raise ValueError if the lines below a header have as many numbers as it says, and no words."""
    after_first = {Tail.of(line).numbers for line in lines[1:] if line}
    if header and header[1] > 1 and numbers_alone(lines[1:]) == header[1] and after_first == {header[1] - 1}:
        named = cure("header-numbers-vocab", f"{option_name('vocab')} names a file with the words")
        raise ValueError(f"no words: the lines below the header have {header[1]:,} numbers alone; {named}")


def check_first_number(rows: list[bytes], fields: list[bytes], dim: int) -> None:
    """Refuse rows whose first number counts something: whole, unlike all others, and counting up, or never rising."""
    numbers = [row[len(word) :].replace(b"\t", b" ").split() for row, word in zip(rows, fields, strict=True)]
    if dim < 2 or len(numbers) < COUNTED or not all(COUNT.fullmatch(row[0]) for row in numbers):
        return
    first = [int(row[0]) for row in numbers]
    counts_up = first in (list(range(len(first))), list(range(1, len(first) + 1)))
    falls = first[0] > first[-1] > 1 and all(b <= a for a, b in pairwise(first))
    if (counts_up or falls) and all(NO_WHOLE_NUMBER.search(number) for row in numbers for number in row[1:]):
        shown = rows[0][:60].decode("utf-8", "replace")
        left = cure("first-number-left", f"{option(dim=dim - 1, word_column=1)} leaves it out")
        kept = cure("first-number-kept", f"{option(dim=dim)} takes it as the first dimension")
        raise ValueError(f"the first number of each line counts words or lines, as in {shown!r}: {left}, {kept}")
