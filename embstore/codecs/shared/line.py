"""One line of text as a row: the numbers at its end, and whether it is a header instead."""

from __future__ import annotations

import re
from dataclasses import dataclass

NUMBER = re.compile(rb"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|nan|inf(?:inity)?)", re.IGNORECASE)
COUNT = re.compile(rb"[0-9]{1,18}")


def header_of(line: bytes) -> tuple[int, int] | None:
    """Rows and dim where a line is nothing but two whole numbers, one space or tab between; None elsewhere."""
    fields = line.replace(b"\t", b" ").split(b" ")
    return (int(fields[0]), int(fields[1])) if len(fields) == 2 and all(map(COUNT.fullmatch, fields)) else None


@dataclass(frozen=True, slots=True)
class Tail:
    """How many numbers a line ends in, and the field in front; its first field, the token's, counts as neither."""

    numbers: int
    word: bytes

    @classmethod
    def of(cls, line: bytes) -> Tail:
        """Look at a line from its right."""
        numbers = 0
        for field in reversed([field for field in line.replace(b"\t", b" ").split(b" ")[1:] if field]):
            if not NUMBER.fullmatch(field):
                return cls(numbers, field)
            numbers += 1
        return cls(numbers, b"")


def count_numbers(line: bytes) -> int:
    """How many numbers a line ends in, its first field apart, which is the token's."""
    return Tail.of(line).numbers
