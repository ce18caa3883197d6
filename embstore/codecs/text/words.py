"""The words of a text file: which part of the field before the numbers is the word.

The first words are looked at: `codecs/shared/word_fields` says what is certainly no part of them. Where the file has
several columns before its numbers and nothing shows which one has the words, reading is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from embstore.codecs.shared.word_fields import Cut, find_cuts, split_columns
from embstore.codecs.text.doubts import check_columns, check_has_words
from embstore.core.batch import Tokens
from embstore.core.errors import FormatError
from embstore.core.options import ReadOptions

GAPS = re.compile(rb"[ \t]{2,}")
SPACE, TAB, DOUBLE_QUOTE, COMMA = 32, 9, 34, 44
ODD_AT_START = np.isin(np.arange(256), (SPACE, TAB))
ODD_AT_END = np.isin(np.arange(256), (SPACE, TAB, DOUBLE_QUOTE, COMMA))


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


def find_rule(fields: list[bytes], lines: list[bytes], options: ReadOptions, *, stated: bool = False) -> WordRule:
    """Return the rule for the words of a file.

    Parameters
    ----------
    fields
        What the first rows have before their numbers.
    lines
        These rows.
    stated
        Whether a header or the user states the dim.

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
    check_columns(fields, left, stated=stated)
    return WordRule(cuts=tuple(cuts)) if cuts else WHOLE


def _chosen(fields: list[bytes], options: ReadOptions) -> WordRule:
    column = options.word_column
    if not isinstance(column, int):
        raise ValueError(f"word column {column!r}: text has no names of columns, expected a number from 1")
    tabs = any(b"\t" in word.strip(b" \t") for word in fields)
    parted = [split_columns(word, tabs) for word in fields]
    counts = list(map(len, parted))
    columns = max(set(counts), key=counts.count) if counts else 1
    if column > columns:
        raise ValueError(f"word column {column}, but there are {columns} before the numbers")
    taken = [parts[column - 1] for parts in parted if len(parts) == columns]
    cuts = () if options.exact_words else tuple(find_cuts(taken))
    return WordRule(column - 1, columns, tabs, cuts)


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
        if find_rule(tokens, [token + b" 0" for token in tokens], reads, stated=stated) == WHOLE:
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
