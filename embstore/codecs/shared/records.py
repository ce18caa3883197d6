"""The records of delimited text, read by Python's csv: rows of cells and the lines that they begin on.

Lines are counted and limited here, since csv accepts cells and records of any length.
"""

from __future__ import annotations

import contextlib
import csv
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from embstore.codecs.shared.cells import is_value
from embstore.codecs.shared.line import BLANK
from embstore.core.batch import Findings
from embstore.core.errors import FormatError
from embstore.core.limits import MAX_LINE

CHUNK = 1 << 20  # characters of records that are taken together
ERRORS = {
    "unexpected end of data": "a quote is opened here and never closed",
    "new-line character seen": "a carriage return outside of quotes",
}
"""Beginnings of csv's messages, and what they mean."""

Row = list[str]
_lock = threading.Lock()


def is_row(line: str, delimiter: str, width: int) -> bool:
    """Return whether a line is a word and numbers if quotes have no meaning."""
    cells = line.split(delimiter)
    return len(cells) == width and all(map(is_value, cells[1:]))


@contextlib.contextmanager
def long_cells() -> Iterator[None]:
    """Let csv read cells of up to `MAX_LINE` characters; its own limit, which is that of the process, comes back."""
    with _lock:
        before = csv.field_size_limit(MAX_LINE)
        try:
            yield
        finally:
            csv.field_size_limit(before)


class RecordError(Exception):
    """A record that cannot be told from those around it; the message says why."""


class Records:
    """The records of delimited text, in order.

    Parameters
    ----------
    lines
        Each with its newline.
    delimiter
        What separates cells.
    findings
        Counts the empty lines, which are left out.
    path, name
        The file and the format, for errors.
    hint
        What to do about quotes that do not pair, for errors.
    """

    def __init__(
        self, lines: Iterable[str], delimiter: str, findings: Findings, path: Path, name: str, hint: str = ""
    ) -> None:
        self._lines, self._delimiter, self._findings = iter(lines), delimiter, findings
        self._path, self._name, self.hint = path, name, hint
        self._reader = csv.reader(self._feed(), delimiter=delimiter, strict=True)
        self._line, self._start, self._size, self._first = 0, 1, 0, ""
        self._failure: RecordError | FormatError | None = None

    def take(self, rows: int) -> tuple[list[int], list[Row]]:
        """Return the lines that the next records begin on, and their cells; none at the end.

        An error is raised by the call after the one that returned the records before it.
        """
        if self._failure is not None:
            if isinstance(self._failure, FormatError):
                raise self._failure
            reason = f"{self._failure}{self.hint}"
            raise FormatError(self._path, reason, where=self._start, format=self._name) from None
        numbers: list[int] = []
        records: list[Row] = []
        taken = 0
        with long_cells():
            while len(records) < rows and taken < CHUNK:
                try:
                    record = self._next()
                except (RecordError, FormatError) as error:
                    self._failure = error
                    if not records:
                        return self.take(rows)
                    break
                if record is None:
                    break
                numbers.append(self._start)
                records.append(record)
                taken += self._size
        return numbers, records

    def _next(self) -> Row | None:
        """Return the next record that is not an empty line; None at the end."""
        while True:
            self._start, self._size = self._line + 1, 0
            try:
                record = next(self._reader, None)
            except csv.Error as error:
                message = str(error)
                reason = next((text for start, text in ERRORS.items() if message.startswith(start)), message)
                raise RecordError(reason) from None
            if record is None:
                return None
            if record:
                if self._line > self._start:
                    self._check_several_lines(record)
                return record
            self._findings.add(BLANK, f"line {self._start}")

    def _feed(self) -> Iterator[str]:
        for line in self._lines:
            self._line += 1
            if not self._size:
                self._first = line
            self._size += len(line)
            if self._size > MAX_LINE:
                raise RecordError(f"a quote is opened here and not closed within {MAX_LINE >> 20} MB")
            yield line

    def _check_several_lines(self, record: Row) -> None:
        """Refuse a record of several lines of which the first alone is a row: its quote may have no meaning."""
        if is_row(self._first.rstrip("\r\n"), self._delimiter, len(record)):
            raise RecordError("a quote is opened here and closed on another line, but this line alone is a row")
