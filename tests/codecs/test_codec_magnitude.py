"""pymagnitude's .magnitude: the vectors that its lengths give back, and databases that somebody made to hurt."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.paths import FORMATS
from support.refusals import refusal

import embstore
from embstore.codecs import magnitude as codec
from embstore.codecs.registry.detection import sniff
from embstore.core.errors import FormatError
from embstore.core.options import ReadOptions
from embstore.files.input import Input

PLAIN = FORMATS / "magnitude" / "valid" / "plain.magnitude"


def made(path: Path, words: list[Any], units: Any, lengths: list[Any], precision: int = 7, **pragmas: Any) -> Path:
    """A file as the converter makes it."""
    dim = len(units[0])
    connection = sqlite3.connect(path, isolation_level=None)
    for name, value in pragmas.items():
        connection.execute(f"PRAGMA {name} = {value}")
    columns = "".join(f", dim_{i} INTEGER" for i in range(dim))
    connection.execute(f"CREATE TABLE magnitude (key TEXT COLLATE NOCASE{columns}, magnitude REAL)")
    connection.execute("CREATE TABLE magnitude_format (key TEXT COLLATE NOCASE, value INTEGER)")
    rows = [(word, *unit, length) for word, unit, length in zip(words, units, lengths, strict=True)]
    connection.execute("BEGIN")
    connection.executemany(f"INSERT INTO magnitude VALUES ({', '.join('?' * (dim + 2))})", rows)
    said = [("size", len(words)), ("dim", dim), ("precision", precision)]
    connection.executemany("INSERT INTO magnitude_format VALUES (?, ?)", said)
    connection.execute("COMMIT")
    connection.execute("CREATE INDEX magnitude_key_idx ON magnitude (key)")
    connection.close()
    return path


def test_lengths_give_the_vectors_back_to_the_decimals_kept(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).standard_normal((50, 30)) * 6
    lengths = np.linalg.norm(vectors, axis=1)
    units = np.rint(vectors / lengths[:, None] * 10**7).astype(int).tolist()
    path = made(tmp_path / "t.magnitude", [f"w{i}" for i in range(50)], units, lengths.tolist())
    store = embstore.open(path)
    assert list(store.itos) == [f"w{i}" for i in range(50)]
    assert store.vectors.dtype == np.float32
    assert np.abs(store.vectors - vectors).max() <= 0.5e-7 * lengths.max() + 1e-6
    exact = (np.array(units, np.float64) * lengths[:, None] / 1e7).astype(np.float32)
    assert store.vectors.tobytes() == exact.tobytes()


def test_it_streams_in_order_and_tells_its_origin_and_progress(tmp_path: Path) -> None:
    words = [f"w{i * 7919 % 5000}" for i in range(5000)]  # another order than the index of keys has
    path, told = made(tmp_path / "t.magnitude", words, [(i, 1, -i) for i in range(5000)], [1e7] * 5000), []
    source = codec.read(Input(path), ReadOptions(), lambda done, total: told.append((done, total)))
    assert (source.dim, source.rows, source.dtype) == (3, 5000, "float32")
    batches = list(source.batches)
    assert len(batches) > 1
    assert [word.decode() for batch in batches for word in batch.tokens.to_bytes()] == words
    assert np.concatenate([batch.vectors for batch in batches])[:, 0].tolist() == list(range(5000))
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    assert source.provenance() == {
        "name": "t.magnitude", "format": "magnitude", "size": str(len(data)), "sha256": digest
    }  # fmt: skip
    assert told[-1] == (len(data), len(data))
    assert [done for done, _ in told] == sorted(done for done, _ in told)


@pytest.mark.parametrize("name", ["a b.magnitude", "50%25?#&.magnitude", "žába;'\".magnitude", "no suffix"])
def test_any_name_is_opened_and_nothing_is_left_beside_it(tmp_path: Path, name: str) -> None:
    path = made(tmp_path / name, ["frog"], [(1, 2)], [1e7], journal_mode="WAL")
    assert not (tmp_path / f"{name}-wal").exists()
    path.chmod(0o400)
    tmp_path.chmod(0o500)
    try:
        assert sniff(Input(path)).name == "magnitude"
        assert embstore.open(path)["frog"].tolist() == [1, 2]
        assert os.listdir(tmp_path) == [name]  # noqa: PTH208
    finally:
        tmp_path.chmod(0o700)


def test_utf_16_inside_gives_the_same_words(tmp_path: Path) -> None:
    path = made(tmp_path / "t.magnitude", ["žába", "日本"], [(1,), (2,)], [1e7, 1e7], encoding="'UTF-16le'")
    assert list(embstore.open(path).itos) == ["žába", "日本"]


def test_limit_and_convert(tmp_path: Path) -> None:
    report = embstore.convert(PLAIN, tmp_path / "t.safetensors", limit=2)
    assert (report.rows, report.findings) == (2, [])
    assert list(embstore.open(tmp_path / "t.safetensors").itos) == ["the", "Frog"]


@pytest.mark.parametrize("ending", ["-wal", "-journal"])
def test_rows_that_may_lie_beside_it_are_not_overlooked(tmp_path: Path, ending: str) -> None:
    path = made(tmp_path / "t.magnitude", ["frog"], [(1, 2)], [1e7])
    beside = tmp_path / f"t.magnitude{ending}"
    beside.write_bytes(b"")
    assert len(embstore.open(path)) == 1
    beside.write_bytes(b"x")
    cure = "open the database with sqlite3, which moves them, and close it"
    assert refusal(path) == f"{path}: some of its rows may still be in {beside.name}: {cure}"


def test_a_word_as_long_as_a_book_is_refused(tmp_path: Path) -> None:
    path = made(tmp_path / "t.magnitude", ["x" * 70_000], [(1, 2)], [1e7])
    assert refusal(path) == f"{path}: damaged, or not a .magnitude; SQLite says: string or blob too big"
    path = made(tmp_path / "u.magnitude", ["x" * 60_000], [(1, 2)], [1e7])
    assert len(embstore.open(path).itos[0]) == 60_000


def test_the_last_row_of_many_is_named(tmp_path: Path) -> None:
    units: list[Any] = [(1, 2)] * 2999 + [(1, "two")]
    path = made(tmp_path / "t.magnitude", [f"w{i}" for i in range(3000)], units, [1.0] * 3000)
    assert refusal(path) == f"{path}:row 3,000: expected a word, integers and the length of the vector"


def test_a_damaged_page_in_the_middle_leaves_no_part_of_a_table(tmp_path: Path) -> None:
    path = made(tmp_path / "t.magnitude", [f"w{i}" for i in range(3000)], [(i, 2) for i in range(3000)], [1.0] * 3000)
    data = bytearray(path.read_bytes())
    middle = len(data) // 8 // 4096 * 4096  # a page of the table; the index follows behind
    data[middle : middle + 4096] = bytes(4096)
    path.write_bytes(data)
    assert refusal(path) == f"{path}: damaged, or not a .magnitude; SQLite says: database disk image is malformed"
    with pytest.raises(FormatError):
        embstore.convert(path, tmp_path / "t.safetensors")
    assert not (tmp_path / "t.safetensors").exists()


def test_any_bytes_changed_anywhere_are_an_error_or_a_table(tmp_path: Path) -> None:
    """Each page's head most of all; never another exception, never a wait."""
    good, random, path = PLAIN.read_bytes(), np.random.default_rng(5), tmp_path / "t.magnitude"
    start = time.monotonic()
    for _ in range(1500):
        damaged = bytearray(good)
        page = int(random.integers(len(good) // 512)) * 512
        for _ in range(int(random.integers(1, 5))):
            at, value = random.integers(512 if random.integers(2) else 40), int(random.integers(256))
            damaged[page + int(at)] = int(random.choice([0, 1, 2, 127, 128, 255, value]))
        path.write_bytes(damaged)
        message = ""
        try:
            for batch in codec.read(Input(path), ReadOptions()).batches:
                assert batch.vectors.shape == (len(batch.tokens), 2)
        except FormatError as error:
            message = str(error)
        assert not message or message.startswith(str(path))
        assert "\n" not in message
    assert time.monotonic() - start < 60


def test_pages_that_lead_to_themselves_end(tmp_path: Path) -> None:
    """A page of the table that names one page as all of its children."""
    path = made(tmp_path / "t.magnitude", [f"w{i}" for i in range(400)], [(i, 2) for i in range(400)], [1.0] * 400,
                page_size=512)  # fmt: skip
    data, connection = bytearray(path.read_bytes()), sqlite3.connect(path)
    (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'magnitude'").fetchone()
    connection.close()
    place = (root - 1) * 512
    assert data[place] == 5  # a page of children
    cells = int.from_bytes(data[place + 3 : place + 5], "big")
    first = int.from_bytes(data[place + 12 : place + 14], "big")
    child = data[place + first : place + first + 4]
    for cell in range(cells):
        at = place + int.from_bytes(data[place + 12 + 2 * cell : place + 14 + 2 * cell], "big")
        data[at : at + 4] = child
    path.write_bytes(data)
    with pytest.raises(FormatError):
        embstore.open(path)


def test_it_is_written_by_no_one(tmp_path: Path) -> None:
    with pytest.raises(embstore.EmbstoreError, match=r"^the format magnitude is read only$"):
        embstore.convert(PLAIN, tmp_path / "t.out", to="magnitude")


ENDLESS = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n FROM r) SELECT n AS key, n AS dim_0 FROM r"


@pytest.mark.parametrize(
    "forgery",
    [
        f"UPDATE sqlite_master SET sql = 'CREATE VIEW magnitude AS {ENDLESS}' WHERE name = 'magnitude'",
        "UPDATE sqlite_master SET name = NULL WHERE name = 'magnitude'",
        "UPDATE sqlite_master SET name = 7 WHERE name = 'magnitude'",
        "UPDATE sqlite_master SET sql = 'nonsense\n' || x'ff' WHERE name = 'magnitude'",
        "UPDATE sqlite_master SET rootpage = 4000 WHERE name = 'magnitude'",
        "UPDATE sqlite_master SET rootpage = 1 WHERE name = 'magnitude'",
        "UPDATE sqlite_master SET rootpage = 3 WHERE name = 'magnitude'",
    ],
)
def test_a_forged_schema_is_refused(tmp_path: Path, forgery: str) -> None:
    path = made(tmp_path / "t.magnitude", ["frog", "toad"], [(1,), (2,)], [1e7, 1e7])
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute(forgery)
    connection.close()
    start = time.monotonic()
    message = refusal(path)
    assert message.startswith(f"{path}:")
    assert "\n" not in message
    assert time.monotonic() - start < 5
