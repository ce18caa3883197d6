"""One line of text: the numbers at its end, and whether it is a header."""

from __future__ import annotations

import re
from dataclasses import dataclass

NUMBER = re.compile(rb"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|nan|inf(?:inity)?)", re.IGNORECASE)
COUNT = re.compile(rb"[0-9]{1,18}")


def header_of(line: bytes) -> tuple[int, int] | None:
    """Return rows and dim if a line is two integers separated by one space or tab, else None."""
    fields = line.replace(b"\t", b" ").split(b" ")
    return (int(fields[0]), int(fields[1])) if len(fields) == 2 and all(map(COUNT.fullmatch, fields)) else None


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
        """Parse a line from its right end."""
        numbers = 0
        for field in reversed([field for field in line.replace(b"\t", b" ").split(b" ")[1:] if field]):
            if not NUMBER.fullmatch(field):
                return cls(numbers, field)
            numbers += 1
        return cls(numbers, b"")


def count_numbers(line: bytes) -> int:
    """Count the numbers that a line ends in; the first field is the token's and never counted."""
    return Tail.of(line).numbers
