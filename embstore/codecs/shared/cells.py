"""Cells of delimited text: numbers by the grammar of text vectors, and lists of numbers in one cell."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from embstore.codecs.shared.line import NUMBER

BLANKS = " \t"  # around a number
PLAIN = b"0123456789+-.eE \t"  # of these characters, float() accepts what `NUMBER` does, and blanks around it
DECIMAL_COMMA = re.compile(r"[+-]?[0-9]{1,20},[0-9]{1,40}")
WHITE = re.compile(r"[ \t\r\n]+")


class CellError(ValueError):
    """A cell that is not a number, at a position of a sequence of cells."""

    def __init__(self, place: int, cell: str) -> None:
        self.place = place
        super().__init__(f"{shown(cell)} is not a number" if cell.strip(BLANKS) else "an empty cell, not a number")


def is_number(cell: str) -> bool:
    """Return whether a cell is a number, perhaps between blanks."""
    return NUMBER.fullmatch(cell.strip(BLANKS).encode("utf-8", "surrogateescape")) is not None


def numbers_of(cells: Sequence[str]) -> NDArray[np.float32]:
    """Return the numbers of cells, rounded to double, then to float32; CellError for the first that is none."""
    joined = "".join(cells)
    plain = joined.isascii() and not joined.encode().translate(None, PLAIN)
    try:
        if not plain:
            _check(cells)
        values = np.fromiter(map(float, cells), np.float64, len(cells))
    except CellError:
        raise
    except ValueError:  # plain characters that are not a number
        _check(cells)
        raise
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def _check(cells: Sequence[str]) -> None:
    for place, cell in enumerate(cells):
        if not is_number(cell):
            raise CellError(place, cell)


def split_list(cell: str) -> list[str]:
    """Return the items of a list in one cell: ``[0.1, 0.2]``, ``[0.1 0.2]`` as NumPy prints it, or ``0.1 0.2``."""
    inner = cell.strip(" \t\r\n")
    has_brackets = inner.startswith("[") and inner.endswith("]") and len(inner) > 1
    if has_brackets:
        inner = inner[1:-1].strip(" \t\r\n")
        if "," in inner:
            return [item.strip(" \t\r\n") for item in inner.split(",")]
    return [item for item in WHITE.split(inner) if item]


def is_list(cell: str) -> bool:
    """Return whether a cell is a list of numbers: in brackets, or two at least with blanks between them."""
    items = split_list(cell)
    return (len(items) > 1 or cell.lstrip().startswith("[")) and bool(items) and all(map(is_number, items))


def is_value(cell: str) -> bool:
    """Return whether a cell is a number or a list of numbers."""
    return is_number(cell) or is_list(cell)


def shown(cell: str) -> str:
    """Return a cell for a message: short, on one line."""
    text = cell.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return repr(text) if len(text) <= 60 else f"{text[:60]!r}..."
