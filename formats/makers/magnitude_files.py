"""The .magnitude files by their SPEC, made with SQLite in the same way as by pymagnitude's converter."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from makers.golden import write_invalid, write_valid

WORDS: list[str | bytes] = ["the", "Frog", "frog", "\u017e\u00e1ba"]
UNITS = [(6000000, -8000000), (10000000, 0), (-1, 1), (2800000, 9600000)]
LENGTHS: list[Any] = [2.5, 0.125, 0.0, 1e30]
ROWS = ["1.5 -2", "0.125 0", "0 0", "280000000000000000000000000000 960000000000000000000000000000"]
FORMAT = {"version": 2, "elmo": 0, "size": 4, "dim": 2, "precision": 7, "entropy": 1, "max_duplicate_keys": 2}
KEYS = "CREATE TABLE `magnitude_format` (key TEXT COLLATE NOCASE, value INTEGER)"
COLUMNS = ("dim_0 INTEGER", "dim_1 INTEGER", "magnitude REAL")
BREAK = "not a .magnitude: it does not begin with 'SQLite format 3'"


def database(*statements: str | tuple[str, Sequence[Any]]) -> bytes:
    """Run statements on a new database of small pages, and return its bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made"
        connection = sqlite3.connect(path, isolation_level=None)
        for statement in ("PRAGMA page_size = 512", *statements, "VACUUM"):
            connection.execute(*([statement] if isinstance(statement, str) else statement))
        connection.close()
        return path.read_bytes()


def table(
    words: Sequence[Any] = WORDS,
    units: Sequence[Sequence[Any]] = UNITS,
    lengths: Sequence[Any] | None = LENGTHS,
    columns: Sequence[str] = COLUMNS,
    **changes: Any,
) -> bytes:
    """Return a file as the converter writes it; `changes` are entries of magnitude_format, None removes an entry."""
    kept = columns if lengths is not None else columns[:-1]
    rows = [[word, *unit] for word, unit in zip(words, units, strict=True)]
    if lengths is not None:
        rows = [[*row, length] for row, length in zip(rows, lengths, strict=True)]
    marks = ", ".join("?" * len(rows[0])) if rows else ""
    entries = {name: value for name, value in {**FORMAT, **changes}.items() if value is not None}
    return database(
        f"CREATE TABLE `magnitude` (key TEXT COLLATE NOCASE, {', '.join(kept)})",
        KEYS,
        *((f"INSERT INTO magnitude VALUES ({marks})", row) for row in rows),
        *(("INSERT INTO magnitude_format VALUES (?, ?)", entry) for entry in entries.items()),
        "CREATE INDEX `magnitude_key_idx` ON `magnitude` (key)",
    )


def make(folder: Path) -> None:
    """Write the files."""

    def valid(name: str, about: str, data: bytes, rows: list[str] = ROWS, **more: Any) -> None:
        write_valid(folder, f"{name}.magnitude", data, about, more.pop("tokens", WORDS), rows, **more)

    valid(
        "plain",
        "words in the order of their rows, not of the index; a row of zeros is stored as noise of length 0",
        table(),
    )
    unit = ("rows of length 1, since the file lacks their original lengths: 4",)
    rows = ["0.6 -0.8", "1 0", "-0.0000001 0.0000001", "0.28 0.96"]
    valid("version_1", "no lengths", table(lengths=None, version=None), rows, warnings=unit)
    whole = [(2**53 - 1, -(2**53) + 1)] * 4
    largest = ["9007199254740991 -9007199254740991"] * 4
    valid("precision_0", "no decimals", table(units=whole, lengths=[1.0] * 4, precision=0), largest)
    odd: list[str | bytes] = ["", "two words", "a\nb", b"caf\xe9"]
    not_utf8 = ("tokens that are not UTF-8, their bytes kept: 1, the first 'caf\\udce9'",)
    bytes_as_text = [b"", b"two words", b"a\nb", b"caf\xe9"]
    valid(
        "odd_words",
        "words that are not UTF-8, empty, or contain a space or a line break",
        table(bytes_as_text),
        tokens=odd,
        warnings=not_utf8,
    )
    nan = ("rows with NaN, Inf or a value beyond the dtype: 1, the first 'the'",)
    lost = ["nan nan", *ROWS[1:]]
    valid(
        "nan", "a length of NaN, which SQLite stores as NULL", table(lengths=[None, *LENGTHS[1:]]), lost, warnings=nan
    )
    long = table(["the"], [tuple(range(64))], [1.0], [*(f"dim_{i} INTEGER" for i in range(64)), "magnitude REAL"],
                 size=1, dim=64, precision=0)  # fmt: skip
    valid("wide", "64 numbers", long, [" ".join(map(str, range(64)))], tokens=["the"])
    _invalid(folder)


def _invalid(folder: Path) -> None:
    def invalid(name: str, data: bytes, message: str) -> None:
        write_invalid(folder, f"{name}.magnitude", data, f"{{path}}{message}")

    invalid(
        "packed_by_lz4",
        b"\x04\x22\x4d\x18" + bytes(60),
        ": packed by lz4, which embstore does not read: unpack it first",
    )
    invalid("not_sqlite", b"magnitude" + bytes(60), f": {BREAK}")
    invalid("other_tables", database("CREATE TABLE words (word TEXT)"), _without("magnitude"))
    alone = database("CREATE TABLE magnitude (key TEXT, dim_0 INTEGER, magnitude REAL)")
    invalid("no_format", alone, _without("magnitude_format"))
    view = database("CREATE TABLE t (key TEXT, dim_0 INTEGER)", "CREATE VIEW magnitude AS SELECT * FROM t", KEYS)
    invalid("view", view, _without("magnitude"))
    virtual = database("CREATE VIRTUAL TABLE magnitude USING fts3(key, dim_0, dim_1)", KEYS)
    invalid("virtual", virtual, _without("magnitude"))
    expected = "expected key, dim_0 and so on, and magnitude"
    shown = "a table magnitude with the columns"
    computed = [*COLUMNS[:2], "magnitude REAL", "more AS (zeroblob(1000000000))"]
    columns = {
        "no_numbers": (["number INTEGER", "more INTEGER", "magnitude REAL"], "key, number, more, magnitude"),
        "gap": (["dim_0 INTEGER", "dim_2 INTEGER", "magnitude REAL"], "key, dim_0, dim_2, magnitude"),
        "rowid": (["rowid INTEGER", "dim_0 INTEGER", "dim_1 INTEGER"], "key, rowid, dim_0, dim_1"),
    }
    for name, (made, found) in columns.items():
        invalid(name, table(columns=made), f": {shown} {found!r}, {expected}")
    create = f"CREATE TABLE magnitude (key TEXT, {', '.join(computed)})"
    invalid("computed", database(create, KEYS), f": {shown} 'key, dim_0, dim_1, magnitude, ', {expected}")
    invalid("version_3", table(version=3), ":version: 3, expected 1 or 2")
    invalid("other_dim", table(dim=3), ":dim: 3, but the table has 2 numbers per row")
    invalid("no_dim", table(dim=None), ":dim: None, but the table has 2 numbers per row")
    decimals = "expected a number of decimals from 0 to 18"
    for name, value, found in (("precision_99", 99, "99"), ("negative_precision", -1, "-1"), ("text", b"x", "b'x'")):
        invalid(name, table(precision=value), f":precision: {found}, {decimals}")
    _counts(invalid)
    _damaged(invalid)


Invalid = Callable[[str, bytes, str], None]


def _counts(invalid: Invalid) -> None:
    data = table(size=1 << 40)
    most = f"expected 1 to {len(data) // 4:,}, the most rows that the file can have"
    invalid("enormous", data, f":size: {1 << 40:,}, {most}")
    invalid("no_rows", table([], [], [], size=0), f":size: 0, {most}")
    said = "rows, as magnitude_format says, but the table has"
    invalid("more_rows", table(size=3), f":size: 3 {said} more")
    invalid("fewer_rows", table(size=5), f":size: 5 {said} 4")


def _damaged(invalid: Invalid) -> None:
    expected = "expected a word, integers and the length of the vector"
    fraction = [UNITS[0], (0.5, 1), *UNITS[2:]]
    invalid("fraction", table(units=fraction), f":row 2: {expected}")
    invalid("null", table(units=[*UNITS[:3], (None, 1)]), f":row 4: {expected}")
    invalid("no_word", table(["the", "Frog", None, "frog"]), f":row 3: {expected}")
    invalid("length_of_text", table(lengths=[b"1", *LENGTHS[1:]]), f":row 1: {expected}")
    says = ": damaged, or not a .magnitude; SQLite says:"
    invalid("cut_short", table()[:1024], f"{says} database disk image is malformed")


def _without(name: str) -> str:
    return f": a SQLite database without a table {name}, which a .magnitude has"
