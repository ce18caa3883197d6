"""Escaping of untrusted names and words in text output, and JSON output for NaN and infinities."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from support.running import Run

import embstore
from embstore.cli.printing import printable

EVIL = "\x1b[2J\x07"
SHOWN = r"\x1b[2J\x07"


@pytest.fixture(autouse=True)
def _odd_words(tmp_path: Path) -> None:
    """Write a table of words with control characters and joiners."""
    words = ["the", EVIL, "a\nb", "می\u200cشود"]
    embstore.save(tmp_path / "t.safetensors", words, np.array([[1, 0], [1, 0.1], [1, 0.2], [1, 0.3]]))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the frog", "the frog"),
        ("a\nb\tc\rd", r"a\nb\tc\rd"),
        ("\x9b1m", r"\x9b1m"),
        ("\u202ea", r"\u202ea"),
        ("\u2028", r"\u2028"),
        ("می\u200cشود \U0001f469\u200d\U0001f4bb", "می\u200cشود \U0001f469\u200d\U0001f4bb"),
        ("\udcfc\udc9b\ud800", "\udcfc" + r"\x9b\ud800"),
    ],
)
def test_what_is_printable(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_similar_and_analogy(run: Run) -> None:
    neighbours = f"0.9950  {SHOWN}\n0.9806  a\\nb\n0.9578  می\u200cشود\n"
    assert run("similar", "t.safetensors", "the") == (0, neighbours, "")
    assert run("analogy", "t.safetensors", "the", "the", "the") == (0, neighbours, "")


def test_unknown_words_of_query(run: Run) -> None:
    err = f"unknown: {SHOWN}x\nunknown: \\u202e\n"
    assert run("query", "t.safetensors", "-", stdin=f"{EVIL}x\n\u202e\n".encode()) == (3, "", err)


def test_names_of_files(run: Run, tmp_path: Path) -> None:
    name = f"a\n{EVIL}.safetensors"
    (tmp_path / "t.safetensors").rename(tmp_path / name)
    code, out, err = run("convert", name, "b\n.safetensors")
    assert (code, out) == (0, "")
    assert err.startswith(r"b\n.safetensors: 4 x 2 float32, ")
    assert err.count("\n") == 1
    assert run("verify", name) == (0, rf"a\n{SHOWN}.safetensors: 4 x 2 float32, all in order" + "\n", "")
    assert run("info", "no\n") == (1, "", "error: no\\n: No such file or directory\n")
    (tmp_path / "c\n.txt").write_text("a 1\nb x\n")
    assert run("info", "c\n.txt", "--count")[2].startswith(r"error: c\n.txt:2: ")


def test_warnings(run: Run, tmp_path: Path) -> None:
    (tmp_path / "t.safetensors").rename(tmp_path / "t\n.txt")
    code, _, err = run("query", "t\n.txt", "the")
    assert (code, err) == (
        0,
        r"warning: t\n.txt: the bytes are store, though the suffix says glove; read as store" + "\n",
    )


def strict(text: str) -> Any:
    def refuse(constant: str) -> NoReturn:
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


@pytest.fixture
def odd(tmp_path: Path, run: Run) -> Run:
    (tmp_path / "odd.txt").write_text("a nan 1\nb inf 2\nc 3 4\nd 3 5\n")
    (tmp_path / "even.txt").write_text("a 1 1\nb 1 2\nc 3 4\nd -inf 5\n")
    return run


@pytest.mark.parametrize(
    "arguments",
    [
        ["convert", "odd.txt", "u.safetensors"],
        ["convert", "odd.txt", "u.safetensors", "--report-loss", "--dtype", "float16"],
        ["info", "odd.txt"],
        ["query", "odd.txt", "a", "b", "c"],
        ["similar", "odd.txt", "a"],
        ["similar", "odd.txt", "c"],
        ["analogy", "odd.txt", "a", "b", "c"],
        ["diff", "odd.txt", "even.txt"],
        ["diff", "odd.txt", "even.txt", "--atol", "inf", "--neighbours"],
        ["merge", "odd.txt", "even.txt", "u.safetensors", "--how", "mean"],
    ],
)
@pytest.mark.filterwarnings("ignore::embstore.EmbstoreWarning")
def test_json_is_json(odd: Run, arguments: list[str]) -> None:
    code, out, _ = odd(*arguments, "--json")
    assert code in (0, 1)
    assert isinstance(strict(out), dict)


def test_null_replaces_nan_and_infinities(odd: Run) -> None:
    assert strict(odd("diff", "odd.txt", "odd.txt", "--atol", "inf", "--json")[1])["atol"] is None
    assert strict(odd("diff", "odd.txt", "even.txt", "--json")[1])["largest"] is None
    vectors = strict(odd("query", "odd.txt", "a", "b", "c", "--json")[1])["vectors"]
    assert vectors == {"a": [None, 1.0], "b": [None, 2.0], "c": [3.0, 4.0]}
    assert strict(odd("similar", "odd.txt", "a", "--json")[1])["similar"] == []
    assert [entry["word"] for entry in strict(odd("similar", "odd.txt", "c", "--json")[1])["similar"]] == ["d"]
