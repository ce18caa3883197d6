"""`embstore doctor`: what is odd, where, and whether it makes a wrong table."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.running import Run

import embstore

ODD = 'the 1 2\nshort 1\n\ncat 0 0\nthe 3 nan\n"a" 1 2\n\xff 1 1\n'


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    (tmp_path / "odd.txt").write_bytes(ODD.encode("latin-1"))
    return tmp_path / "odd.txt"


def test_everything_odd_is_listed(odd: Path, run: Run) -> None:
    code, out, err = run("doctor", "odd.txt")
    assert (code, err) == (1, "")
    assert out == (
        "odd.txt: glove, 5 x 2 float32\n"
        "wrong  lines that cannot be read left out: 1\n"
        "         line 2: 1 number after token 'short', expected 2 (from line 1); the file may be truncated\n"
        "       `embstore convert odd.txt odd.mended.safetensors --on-error skip` leaves them out\n"
        "odd    empty lines left out: 1\n"
        "         line 3\n"
        "odd    repeated tokens: 1\n"
        "         line 5: 'the'\n"
        "       `embstore convert odd.txt odd.mended.safetensors --duplicates last` keeps the last of each\n"
        "odd    rows with NaN or Inf: 1\n"
        "         line 5: 'the'\n"
        "odd    rows of zeros: 1\n"
        "         line 4: 'cat'\n"
        "       `embstore convert odd.txt odd.mended.safetensors --drop-zeros` leaves them out\n"
        "odd    tokens that are not UTF-8: 1\n"
        "         line 7: '\\udcff'\n"
        "odd    quotes around words: 1\n"
        "         '\"a\"'\n"
    )


def test_json(odd: Path, run: Run) -> None:
    code, out, _ = run("doctor", "odd.txt", "--json")
    found = json.loads(out)
    assert (code, found["ok"], found["format"], found["rows"], found["dim"]) == (1, False, "glove", 5, 2)
    assert found["oddities"][2] == {
        "what": "repeated tokens",
        "count": 1,
        "places": ["line 5: 'the'"],
        "wrong": False,
        "mended_by": "`embstore convert odd.txt odd.mended.safetensors --duplicates last` keeps the last of each",
    }


def test_a_file_with_nothing_odd(tmp_path: Path, run: Run) -> None:
    (tmp_path / "t.txt").write_text("the 1 2\ncat 3 4\n")
    assert run("doctor", "t.txt") == (0, "t.txt: glove, 2 x 2 float32, nothing odd\n", "")
    embstore.convert("t.txt", "t.safetensors")
    assert run("doctor", "t.safetensors") == (0, "t.safetensors: store, 2 x 2 float32, nothing odd\n", "")


def test_odd_is_not_wrong(tmp_path: Path, run: Run) -> None:
    np.save(tmp_path / "m.npy", np.array([[1, 2], [0, 0]], np.float32))
    (tmp_path / "w.txt").write_text("the\ncat\n\n")
    code, out, _ = run("doctor", "m.npy", "--vocab", "w.txt")
    assert (code, out) == (
        0,
        "m.npy: npy, 2 x 2 float32\n"
        "odd    blank lines after the last word left out: 1\n"
        "         line 3\n"
        "odd    rows of zeros: 1\n"
        "         row 2: 'cat'\n"
        "       `embstore convert m.npy m.mended.safetensors --drop-zeros` leaves them out\n",
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("3 2\nthe 1 2\n", "1: the header says 3 rows, but 1 follow: the file is cut short or the header is wrong; "
         "`--limit 1` reads the rows it has"),
        ("", "an empty file"),
        ("0.5 1 2\n1.5 2 3\n", "1: no words: each line begins with a number, such as '0.5'; `--vocab` names a file "
         "with the words, `--exact-words --no-header` takes the first number of each line as its word"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_wrong(tmp_path: Path, run: Run, content: str, reason: str) -> None:
    (tmp_path / "t.txt").write_text(content)
    code, out, err = run("doctor", "t.txt")
    assert (code, err) == (1, "")
    assert out.splitlines()[1:] == ["wrong  cannot be read: 1", f"         {reason}"]


def test_patterns_after_the_first_words_are_wrong(tmp_path: Path, run: Run) -> None:
    lines = ["w 1 2\n", *(f'"w{i}" 1 2\n' for i in range(9))]
    (tmp_path / "t.txt").write_text("".join(lines))
    code, out, _ = run("doctor", "t.txt")
    assert (code, out.splitlines()[1:3]) == (1, ["wrong  quotes around words: 9", "         '\"w0\"'"])


def test_a_damaged_store_is_wrong(tmp_path: Path, run: Run) -> None:
    embstore.save(tmp_path / "s.safetensors", ["the"], [[1.0, 2.0]])
    raw = bytearray((tmp_path / "s.safetensors").read_bytes())
    raw[4096] ^= 1
    (tmp_path / "s.safetensors").write_bytes(raw)
    code, out, _ = run("doctor", "s.safetensors")
    assert code == 1
    assert "embedding.weight: its bytes do not have the sha256 in the header" in out
