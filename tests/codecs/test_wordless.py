"""Text of numbers alone, such as numpy.savetxt writes it: the words come from another file."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import embstore
from embstore.codecs.text import reading

NUMBERS = "0.1 0.2 0.3\n-0.4 0.5 0.6\n0.7 -0.8 0.9\n"
ROWS = [[0.1, 0.2, 0.3], [-0.4, 0.5, 0.6], [0.7, -0.8, 0.9]]


def opened(folder: Path, content: str, words: str, name: str = "words.txt", **options: Any) -> Any:
    """Return the rows by word, or the message of the error."""
    (folder / "t.txt").write_text(content)
    (folder / name).write_text(words)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", embstore.EmbstoreWarning)
            store = embstore.open(folder / "t.txt", vocab=folder / name, **options)
    except embstore.FormatError as error:
        return str(error).replace(f"{folder}/", "")
    return {word: store[word].tolist() for word in store.itos}


def rows(**words: int) -> dict[str, list[float]]:
    return {word: np.array(ROWS[row], np.float32).tolist() for word, row in words.items()}


@pytest.mark.parametrize(
    ("content", "words", "name", "table"),
    [
        (NUMBERS, "a\nb\nc\n", "words.txt", rows(a=0, b=1, c=2)),
        (NUMBERS.replace(" ", "\t"), "a\nb\nc\n", "words.txt", rows(a=0, b=1, c=2)),
        ("  0.1  0.2  0.3\n -0.4  0.5  0.6\n  0.7 -0.8  0.9\n", "a\nb\nc\n", "words.txt", rows(a=0, b=1, c=2)),
        ("3 3\n" + NUMBERS, "a\nb\nc\n", "words.txt", rows(a=0, b=1, c=2)),
        (NUMBERS + "\n", "a\nb\nc\n\n", "words.txt", rows(a=0, b=1, c=2)),
        (NUMBERS, "c\t2\na\t0\nb\t1\n", "entity2id.txt", rows(a=0, b=1, c=2)),
        (NUMBERS, '{"c": 2, "a": 0}', "words.json", rows(a=0, c=2)),
        (NUMBERS, "word\tcount\na\t9\nb\t5\nc\t1\n", "metadata.tsv", rows(a=0, b=1, c=2)),
    ],
)
def test_words_of_another_file(
    kernel: ModuleType, tmp_path: Path, content: str, words: str, name: str, table: dict[str, list[float]]
) -> None:
    assert opened(tmp_path, content, words, name) == table


def test_many_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK", 1 << 12)
    vectors = np.random.default_rng(3).standard_normal((2000, 5), np.float32)
    np.savetxt(tmp_path / "t.txt", vectors, "%.9g")
    (tmp_path / "w.txt").write_text("".join(f"w{i} {3000 - i}\n" for i in range(2000)))
    with pytest.warns(embstore.EmbstoreWarning, match="taken as their counts"):
        store = embstore.open(tmp_path / "t.txt", vocab=tmp_path / "w.txt")
    assert store.counts is not None
    assert (store.vectors.tobytes(), list(store.itos)) == (vectors.tobytes(), [f"w{i}" for i in range(2000)])
    assert store.counts.tolist() == [3000 - i for i in range(2000)]
    assert len(embstore.open(tmp_path / "t.txt", vocab=tmp_path / "w.txt", limit=3, exact_words=True)) == 3


def test_refused(tmp_path: Path) -> None:
    words = "a\nb\nc\n"
    assert opened(tmp_path, "the 1 2\ncat 3 4\n", words) == (
        "t.txt:1: 'the' is not a number: the lines have words, so leave the file of words out"
    )
    assert opened(tmp_path, NUMBERS, words, on_error="skip") == (
        "t.txt:1: lines left out would give later rows other words: read all lines of a file without words"
    )
    assert opened(tmp_path, NUMBERS, words + "d\n") == (
        "t.txt: 3 rows, but 4 words in words.txt; a JSON object from word to row may skip rows"
    )
    assert opened(tmp_path, NUMBERS, '{"a": 0, "d": 3}', "w.json") == "t.txt: 3 rows, but a word has row 3 in w.json"
    assert opened(tmp_path, "0.5\n0.6\n0.7\n", words) == (
        "t.txt:1: 1 numbers on a line, expected as many on each, 2 or more"
    )
    assert opened(tmp_path, "1 2\n1 2 3\n3 4\n", words) == (
        "t.txt:1: 2, 3 numbers on a line, expected as many on each, 2 or more"
    )
    late = "1 2 3\n" * 200 + "the 2 3\n"
    listed = "".join(f"w{i}\n" for i in range(201))
    assert opened(tmp_path, late, listed) == "t.txt:row 201: 'the' is not a number, expected numbers alone"


def test_the_comment_of_savetxt_is_left_out(tmp_path: Path) -> None:
    assert opened(tmp_path, "# 3 3\n" + NUMBERS, "a\nb\nc\n") == rows(a=0, b=1, c=2)
