"""Mistyped commands and names of files: the error suggests the most similar one, found in bounded time."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from support.running import Run

from embstore.cli.suggestions import similar_file

NAMES = ["glove.6B.50d.txt", "glove.6B.100d.txt", "glove.6B.50d.safetensors", "words.txt", "a.txt", "Corpus.TXT"]


@pytest.mark.parametrize(
    ("typed", "suggested"),
    [("covnert", "convert"), ("Query", "query"), ("simlar", "similar"), ("format", "formats"), ("xyzzy", None)],
)
def test_commands(run: Run, typed: str, suggested: str | None) -> None:
    code, out, err = run(typed, "t.txt")
    more = f" Did you mean {suggested!r}?" if suggested else ""
    assert (code, out, err.splitlines()[-1]) == (2, "", f"Error: No such command {typed!r}.{more}")


@pytest.mark.parametrize(
    ("typed", "suggested"),
    [
        ("glove.6B.50.txt", "glove.6B.50d.txt"),
        ("glove.6b.100d.txt", "glove.6B.100d.txt"),
        ("glove.6B.50d.safetensor", "glove.6B.50d.safetensors"),
        ("glove.6B.50d.vec", "glove.6B.50d.txt"),
        ("word.txt", "words.txt"),
        ("corpus.txt", "Corpus.TXT"),
        ("b.txt", None),  # equal suffixes alone are no similarity
        ("other.txt", None),
    ],
)
@pytest.mark.parametrize("folder", ["", "data"])
def test_files(run: Run, tmp_path: Path, typed: str, suggested: str | None, folder: str) -> None:
    (tmp_path / folder).mkdir(exist_ok=True)
    for name in NAMES:
        (tmp_path / folder / name).touch()
    place = Path(folder)
    more = f"; did you mean {place / suggested}?" if suggested else ""
    expected = 1, "", f"error: {place / typed}: No such file or directory{more}\n"
    assert run("convert", str(place / typed), "out.safetensors") == expected
    assert run("query", str(place / typed), "the") == expected


def test_files_of_words_too(run: Run, tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("the 1 2\n")
    (tmp_path / "words.txt").write_text("the\n")
    expected = 1, "", "error: wrods.txt: No such file or directory; did you mean words.txt?\n"
    assert run("convert", "t.txt", "u.safetensors", "--vocab-only", "wrods.txt") == expected
    assert run("coverage", "t.txt", "wrods.txt") == expected


def test_a_suggested_name_cannot_write_on_the_terminal(run: Run, tmp_path: Path) -> None:
    (tmp_path / "words\x1b[2J.txt").touch()
    assert run("info", "words[2J.txt")[2].endswith("; did you mean words\\x1b[2J.txt?\n")


def test_a_folder_of_many_long_names_takes_bounded_time(tmp_path: Path) -> None:
    letters = list("abcdefghijklmnopqrstuvwxyz0123456789" * 7)[:250]
    draw = random.Random(1)
    for _ in range(3000):
        draw.shuffle(letters)
        (tmp_path / "".join(letters)).touch()
    start = time.process_time()
    assert similar_file(tmp_path / ("ab" * 125)) is None
    assert time.process_time() - start < 20


def test_a_folder_that_does_not_exist_has_no_names(run: Run) -> None:
    assert run("info", "no/t.txt") == (1, "", "error: no/t.txt: No such file or directory\n")
