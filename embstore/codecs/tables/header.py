"""Whether the first row of delimited text is a header: the names of its columns."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from embstore.codecs.shared.cells import is_value, shown
from embstore.codecs.shared.records import Row
from embstore.core.cures import cure, option

WORD_NAMES = ("word", "words", "token", "tokens")
"""Names of columns that have words, even if all of them are numbers."""

COUNTER_NAMES = re.compile(r"|index|id|rank|row|unnamed: 0", re.IGNORECASE)
"""Names of columns that may count the rows, such as the index of pandas."""


@dataclass(frozen=True, slots=True)
class Head:
    """The first rows of a table.

    Attributes
    ----------
    names
        The header; None without one.
    rows
        The first rows below the header, those of the usual width.
    width
        Cells of a row.
    """

    names: Row | None
    rows: list[Row]
    width: int


def head_of(records: list[Row], header: bool | None) -> Head:
    """Separate the header from the first rows.

    Parameters
    ----------
    records
        The first records, at least one.
    header
        Whether there is a header; None to decide it from the first row.

    Raises
    ------
    ValueError
        If it cannot be decided, or the header does not fit the rows.
    """
    first, below = records[0], records[1:]
    widths = Counter(map(len, records))
    width = max(widths, key=lambda width: (widths[width], width))
    below = [row for row in below if len(row) == width]
    if not (_is_header(first, below, width) if header is None else header):
        return Head(None, [first, *below] if len(first) == width else below, width)
    names = [cell.strip() for cell in first]
    if len(names) == width - 1:  # R's write.table: row names have no header
        names.insert(0, "")
    if len(names) != width:
        raise ValueError(f"a header of {len(names)} cells, but {width} cells in the rows below")
    return Head(names, below, width)


def _is_header(first: Row, below: list[Row], width: int) -> bool:
    if not below:
        return not any(map(is_value, first))
    if len(first) != width:
        return len(first) == width - 1 and (not any(map(is_value, first)) or _counts(first))
    columns = [column for column in range(width) if 2 * sum(is_value(row[column]) for row in below) >= len(below)]
    values = [first[column] for column in columns if is_value(first[column])]
    if not columns or not values:
        return bool(columns)
    if not _counts(values):
        return 2 * len(values) < len(columns)
    if len(values) < len(columns):
        return True
    return _is_header_of_numbers(first, values, [first[column] for column in range(width) if column not in columns])


def _is_header_of_numbers(first: Row, values: Row, others: Row) -> bool:
    """Return whether a first row with the numbers 0, 1, 2 or 1, 2, 3 is a header, as pandas writes it."""
    names = [other.strip().lower() for other in others]
    if any(COUNTER_NAMES.fullmatch(name) for name in names):
        return True
    is_called = any(name in WORD_NAMES for name in names)
    if is_called and len(values) > 2:
        return True
    if not is_called and (values[0] != "0" or len(values) < 2):
        return False
    either = cure("csv-header", f"{option(header=True)} or {option(header=False)} says which")
    raise ValueError(f"{shown(','.join(first))} may be a header or a row: {either}")


def _counts(cells: Row) -> bool:
    """Return whether cells are 0, 1, 2 and so on, or 1, 2, 3."""
    start = 1 if cells[0] == "1" else 0
    return cells == [str(number) for number in range(start, start + len(cells))]
