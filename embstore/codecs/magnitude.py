"""pymagnitude's .magnitude, only read: a SQLite database, one row of integers per word (formats/magnitude/SPEC.md)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TypeAlias, cast

import numpy as np

from embstore.codecs.registry.magic import is_magnitude
from embstore.codecs.shared.matrix import Origin, rows_in_batch
from embstore.core.batch import Batch, Findings, Source, Tokens
from embstore.core.closing import ClosingBatches
from embstore.core.errors import FormatError
from embstore.core.options import Progress, ReadOptions
from embstore.files.input import Input

NAME = "magnitude"
TABLES = ("magnitude", "magnitude_format")
PLAIN_TABLE = (  # neither a view nor a virtual table, which could compute endlessly
    "SELECT 1 FROM sqlite_master WHERE name = ? AND type = 'table' AND rootpage > 0 AND sql LIKE 'CREATE TABLE%'"
)
LONGEST = 1 << 16  # bytes of a row or word; in a damaged file many rows may refer to one long value
MOST_ROWS = 1000  # per batch; bounds the memory together with LONGEST
MOST_DECIMALS = 18  # of a 64-bit integer
LENGTHS = {float, int, type(None)}
UNIT = "rows of length 1, since the file lacks their original lengths"

SqlValue: TypeAlias = bytes | int | float | None


def read(source: Input, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read the words in the order of their rows; each row is multiplied by its length if the file has lengths."""
    del options
    if not is_magnitude(source.head(16)):
        raise FormatError(source.path, "not a .magnitude: it does not begin with 'SQLite format 3'", format=NAME)
    with _sqlite_errors(source.path), ExitStack() as on_error:
        database = on_error.enter_context(closing(_connect(source)))
        _restrict(database)
        table = _Table.of(source, database)
        on_error.pop_all()
    findings, origin = Findings(), Origin(source, NAME)
    if not table.lengths:
        findings.add(UNIT, times=table.rows)
    batches = ClosingBatches(table.batches(database, origin, progress), database.close)
    return Source(table.dim, batches, "float32", table.rows, findings=findings, provenance=lambda: dict(origin.notes))


def _connect(source: Input) -> sqlite3.Connection:
    """Open the database without writing anything, not even a lock."""
    path = source.path
    for ending in ("-wal", "-journal"):
        journal = Path(f"{path}{ending}")
        if journal.exists() and journal.stat().st_size:
            reason = (
                f"some of its rows may still be in {journal.name}: open the database with sqlite3, which moves them, "
                "and close it"
            )
            raise FormatError(path, reason, format=NAME)
    # SQLite resolves links, also in /proc, so it gets the path itself; `check_unchanged` checks the path afterwards
    uri = f"{Path(source.given_path()).absolute().as_uri()}?mode=ro&immutable=1"
    return sqlite3.connect(uri, uri=True, check_same_thread=False)


def _restrict(database: sqlite3.Connection) -> None:
    """Limit what a database made to do harm can make SQLite do."""
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
    database.execute("PRAGMA trusted_schema = OFF")
    database.execute("PRAGMA cell_size_check = ON")
    database.text_factory = bytes  # words may not be UTF-8


@contextmanager
def _sqlite_errors(path: Path) -> Iterator[None]:
    """Turn errors of SQLite into FormatError; UnicodeError comes from names and messages that it decodes itself."""
    try:
        yield
    except (sqlite3.Error, UnicodeError) as error:
        message = " ".join(str(error).split())[:200]
        raise FormatError(path, f"damaged, or not a .magnitude; SQLite says: {message}", format=NAME) from None


@dataclass(frozen=True, slots=True)
class _Table:
    """The shape and precision that the database states, checked against the file.

    Attributes
    ----------
    precision
        Number of decimals: the integers are the numbers times 10 ** precision.
    lengths
        Whether each row has the length of its vector in a further column; files of version 1 do not.
    """

    path: Path
    rows: int
    dim: int
    precision: int
    lengths: bool

    @classmethod
    def of(cls, source: Input, database: sqlite3.Connection) -> _Table:
        path = source.path
        database.set_progress_handler(lambda: True, 10_000_000)  # instructions; a valid file needs a few hundred
        for name in TABLES:
            if not database.execute(PLAIN_TABLE, (name,)).fetchone():
                raise FormatError(
                    path, f"a SQLite database without a table {name}, which a .magnitude has", format=NAME
                )
        column_info = database.execute("PRAGMA table_xinfo(magnitude)").fetchall()
        columns = ["" if row[6] else str(row[1], "utf-8", "replace") for row in column_info]  # "" if it is computed
        known = set(columns)
        dim = next(i for i in count() if f"dim_{i}" not in known)
        expected = ["key", *(f"dim_{i}" for i in range(dim))]
        if not dim or columns not in (expected, [*expected, "magnitude"]):
            shown = ", ".join(columns)[:60]
            reason = f"a table magnitude with the columns {shown!r}, expected key, dim_0 and so on, and magnitude"
            raise FormatError(path, reason, format=NAME)
        entries = dict(database.execute("SELECT CAST(key AS TEXT), value FROM magnitude_format NOT INDEXED LIMIT 9999"))
        rows, stated, precision = (entries.get(key) for key in (b"size", b"dim", b"precision"))
        version = entries.get(b"version", 1)
        if version not in (1, 2):
            raise FormatError(path, f"{_shown(version)}, expected 1 or 2", where="version", format=NAME)
        if stated != dim:
            raise FormatError(
                path, f"{_shown(stated)}, but the table has {dim:,} numbers per row", where="dim", format=NAME
            )
        if type(precision) is not int or not 0 <= precision <= MOST_DECIMALS:
            reason = f"{_shown(precision)}, expected a number of decimals from 0 to {MOST_DECIMALS}"
            raise FormatError(path, reason, where="precision", format=NAME)
        most = source.size // (dim + 2)  # a number takes at least one byte
        if type(rows) is not int or not 0 < rows <= most:
            reason = f"{_shown(rows)}, expected 1 to {most:,}, the most rows that the file can have"
            raise FormatError(path, reason, where="size", format=NAME)
        return cls(path, rows, dim, precision, "magnitude" in columns)

    def batches(self, database: sqlite3.Connection, origin: Origin, progress: Progress | None) -> Iterator[Batch]:
        """Yield the rows; FormatError at the end if their number is not the one that the file states."""
        numbers = ", ".join(f"dim_{i}" for i in range(self.dim))
        length = "magnitude" if self.lengths else "1.0"
        query = f"SELECT key, {numbers}, {length} FROM magnitude NOT INDEXED ORDER BY rowid"  # noqa: S608
        step, done = min(MOST_ROWS, rows_in_batch(4 * self.dim)), 0
        with origin, _sqlite_errors(self.path):
            database.set_progress_handler(None, 0)
            cursor = database.execute(query)
            while (part := cursor.fetchmany(step)) and done + len(part) <= self.rows:
                yield self._batch(part, done)
                done += len(part)
                position = origin.total * done // self.rows
                origin.advance(position)
                if progress:
                    progress(position, origin.total)
            if part or done != self.rows:
                reason = f"{self.rows:,} rows, as magnitude_format says, but the table has {'more' if part else done}"
                raise FormatError(self.path, reason, where="size", format=NAME)
            origin.finish()

    def _batch(self, part: list[tuple[SqlValue, ...]], start: int) -> Batch:
        words, lengths = [row[0] for row in part], [row[-1] for row in part]
        numbers = np.array([row[1:-1] for row in part])
        if set(map(type, words)) != {bytes} or numbers.dtype.kind != "i" or not set(map(type, lengths)) <= LENGTHS:
            wrong = next(i for i, row in enumerate(part) if not _fits(row))
            where, reason = f"row {start + wrong + 1:,}", "expected a word, integers and the length of the vector"
            raise FormatError(self.path, reason, where=where, format=NAME)
        scales = np.array(lengths, np.float64)[:, np.newaxis]  # SQLite stores NaN as NULL
        with np.errstate(over="ignore", invalid="ignore"):
            vectors = numbers * scales / 10.0**self.precision + 0.0  # + 0.0 turns -0 into 0, for rows of zeros
            return Batch(Tokens.pack(cast("list[bytes]", words)), vectors.astype(np.float32))


def _fits(row: tuple[SqlValue, ...]) -> bool:
    return type(row[0]) is bytes and set(map(type, row[1:-1])) == {int} and type(row[-1]) in LENGTHS


def _shown(value: object) -> str:
    """Format a number with thousands separators; any other value is shortened."""
    return f"{value:,}" if isinstance(value, int) else repr(value)[:40]
