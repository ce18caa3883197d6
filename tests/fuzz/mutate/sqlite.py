"""Mutators of SQLite databases: by statements, so that the pages stay right, and by the pages."""

from __future__ import annotations

import contextlib
import sqlite3
from random import Random

VALUES: list[object] = [
    None, "", "x", b"", b"\xff\x00", 0, 1, -1, 2**31, 2**63 - 1, -(2**63), 0.5, 1e308, float("inf"), "\ud7ff", "9" * 50,
]  # fmt: skip


def statements(raw: bytes, random: Random, other: bytes) -> bytes:
    """Change a cell, a row, a column or a table."""
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(raw)
        query = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        tables = [row[0] for row in database.execute(query)]
        for _ in range(random.randint(1, 3)):
            change(database, random.choice(tables), random)
        database.commit()
        return database.serialize()


def change(database: sqlite3.Connection, table: str, random: Random) -> None:
    """Make one change to a table."""
    columns = [row[1] for row in database.execute(f'PRAGMA table_info("{table}")')]
    column = random.choice(columns)
    one = f'rowid = (SELECT rowid FROM "{table}" LIMIT 1 OFFSET {random.randrange(4)})'
    match random.randrange(8):
        case 0:
            database.execute(f'DELETE FROM "{table}" WHERE {one}')
        case 1:
            database.execute(f'DROP TABLE "{table}"')
        case 2:
            database.execute(f'ALTER TABLE "{table}" RENAME COLUMN "{column}" TO "other"')
        case 3:
            database.execute(f'INSERT INTO "{table}" SELECT * FROM "{table}" LIMIT 2')
        case _:
            everywhere = "1" if random.random() < 0.2 else one
            database.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE {everywhere}', (random.choice(VALUES),))


def pages(raw: bytes, random: Random, other: bytes) -> bytes:
    """Write an odd integer into the header of a page, or of the database."""
    size = int.from_bytes(raw[16:18], "big") or 4096
    page = size * random.randrange(max(1, len(raw) // size))
    place = page + random.randrange(min(size, 128))
    value = random.choice([0, 1, 2, 5, 10, 13, 0x7F, 0x80, 0xFF, 0xFFFF, size])
    width = random.choice([1, 2, 4])
    return raw[:place] + (value % (1 << 8 * width)).to_bytes(width, "big") + raw[place + width :]
