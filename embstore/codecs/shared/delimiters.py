"""Which character separates the cells of delimited text: comma, tab or semicolon."""

from __future__ import annotations

import csv
from collections import Counter
from io import StringIO
from itertools import islice

from embstore.codecs.shared.cells import DECIMAL_COMMA, is_value
from embstore.codecs.shared.records import Row, long_cells

DELIMITERS = {",": "commas", "\t": "tabs", ";": "semicolons"}
SAMPLE = 20  # records that show the delimiter


def delimiters_of(head: str) -> list[str]:
    """Return the delimiters that could separate the cells of some first lines: one, if it is certain."""
    rows = {delimiter: _rows(head, delimiter) for delimiter in DELIMITERS}
    fitting = [delimiter for delimiter, found in rows.items() if found]
    return [one for one in fitting if not any(_has_unsplit(rows[one], other) for other in fitting if other != one)]


def decimal_comma(head: str, delimiter: str) -> str | None:
    """Return the first number with a decimal comma, if most rows have one, else None."""
    if delimiter == ",":
        return None
    rows = _rows(head, delimiter)
    found = [next((cell for cell in row if DECIMAL_COMMA.fullmatch(cell.strip())), None) for row in rows]
    cells = [cell for cell in found if cell is not None]
    return cells[0] if 2 * len(cells) > len(rows) else None


def _rows(head: str, delimiter: str) -> list[Row]:
    """Return the first rows of equal width, if most have at least two cells of which one is a number; else none."""
    records: list[Row] = []
    with long_cells():
        try:
            for record in islice(csv.reader(StringIO(head, newline="\n"), delimiter=delimiter, strict=True), SAMPLE):
                records += [record] if record else []
        except csv.Error:
            pass  # the records before are enough; a reader of the file reports the error
    widths = Counter(map(len, records))
    width = max(widths, key=lambda width: (widths[width], width), default=0)
    rows = [record for record in records if len(record) == width]
    with_numbers = sum(any(map(_is_like_value, row)) for row in rows)
    below = len(rows) - 1 or 1  # the first may be a header
    return rows if width > 1 and 2 * len(rows) >= len(records) and 2 * with_numbers >= below else []


def _is_like_value(cell: str) -> bool:
    return is_value(cell) or DECIMAL_COMMA.fullmatch(cell.strip()) is not None


def _has_unsplit(rows: list[Row], other: str) -> bool:
    """Return whether cells of half of the rows contain another delimiter without being a value."""
    found = sum(any(other in cell and not _is_like_value(cell) for cell in row) for row in rows)
    return 2 * found >= len(rows)
