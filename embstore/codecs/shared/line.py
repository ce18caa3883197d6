"""One line of text: the numbers at its end, and whether it is a header."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from embstore.core.limits import MAX_TOKEN

# Possessive: each digit can be matched in one way only, so that no text takes more than linear time.
NUMBER = re.compile(rb"[+-]?(?:(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:e[+-]?[0-9]++)?|nan|inf(?:inity)?)", re.IGNORECASE)
FIELD = re.compile(rb"[ \t]([^ \t]++)")  # after a gap: the first field of a line is the token's
BLANK = "empty lines left out"
SKIPPED = "lines that cannot be read left out"
COUNT = re.compile(rb"[0-9]{1,18}")


def header_of(line: bytes) -> tuple[int, int] | None:
    """Return rows and dim if a line is two integers separated by one space or tab, else None."""
    fields = line.replace(b"\t", b" ").split(b" ")
    return (int(fields[0]), int(fields[1])) if len(fields) == 2 and all(map(COUNT.fullmatch, fields)) else None


def fields_of(line: bytes) -> Iterator[bytes]:
    """Yield the fields after the first one, which is the token's."""
    return (found[1] for found in FIELD.finditer(line))


def has_long_field(line: bytes) -> bool:
    """Return whether a field has more than `MAX_TOKEN` bytes."""
    start = 0
    while len(line) - start > MAX_TOKEN:
        gap = max(line.rfind(blank, start, start + MAX_TOKEN + 1) for blank in (b" ", b"\t"))
        if gap < 0:
            return True
        start = gap + 1
    return False


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a line. The first field is always the token's and never counted.

    Attributes
    ----------
    numbers
        How many numbers the line ends in.
    word
        The field before these numbers that is not a number; empty if only the first field is left.
    """

    numbers: int
    word: bytes

    @classmethod
    def of(cls, line: bytes) -> Tail:
        """Parse a line, field by field: a list of them could take far more memory than the line."""
        numbers, word = 0, b""
        for field in fields_of(line):
            if NUMBER.fullmatch(field):
                numbers += 1
            else:
                numbers, word = 0, field
        return cls(numbers, word)


def count_numbers(line: bytes) -> int:
    """Count the numbers that a line ends in; the first field is the token's and never counted."""
    return Tail.of(line).numbers
