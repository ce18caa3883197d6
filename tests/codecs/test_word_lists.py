"""Lists of words as people have them: with counts, scores, rows, headers, padding, blank lines; JSON of all kinds."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tables import words_and_rows

import embstore

WHOLE = "`exact_words=True` keeps whole lines as words"
COUNTS = f"numbers beside words taken as their counts, {WHOLE}"
ROWS = f"numbers beside words taken as their rows, {WHOLE}"
LEFT = f"numbers beside words left out, {WHOLE}"


def read(folder: Path, name: str, content: str | bytes, rows: int = 3, **options: Any) -> tuple[Any, list[str]]:
    """Return the rows by word and the warnings, or the message of the error; row i has the number i."""
    np.save(folder / "m.npy", np.arange(rows, dtype=np.float32).reshape(-1, 1))
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            words, vectors = words_and_rows(folder / "m.npy", vocab=folder / name, **options)
        except embstore.FormatError as error:
            return str(error).replace(f"{folder}/", ""), []
    return {word: int(vector[0]) for word, vector in zip(words, vectors, strict=True)}, [str(w.message) for w in caught]


ABC = {"a": 0, "b": 1, "c": 2}
TEXT: list[tuple[str, str, dict[str, int], list[str]]] = [
    ("plain", "a\nb\nc\n", ABC, []),
    ("GloVe's vocab.txt", "a 900\nb 50\nc 7\n", ABC, [f"{COUNTS}: 3, the first 'a'"]),
    ("tabs and counts in any order", "a\t7\nb\t900\nc\t50\n", ABC, [f"{COUNTS}: 3, the first 'a'"]),
    ("scores of sentencepiece", "a\t0\nb\t-2.29\nc\t-3.5\n", ABC, [f"{LEFT}: 3, the first 'a'"]),
    ("ids in front", "0\ta\n1\tb\n2\tc\n", ABC, [f"{ROWS}: 3, the first 'a'"]),
    ("rows after words", "c\t2\na\t0\nb\t1\n", ABC, [f"{ROWS}: 3, the first 'c'"]),
    ("rows after words, with blanks", "c 2\na 0\nb 1\n", ABC, [f"{ROWS}: 3, the first 'c'"]),
    ("numbers of lines from 1", "1 a\n2 b\n3 c\n", ABC, [f"{ROWS}: 3, the first 'a'"]),
    ("counts of uniq -c", "    900 a\n     50 b\n      7 c\n", ABC, [f"{COUNTS}: 3, the first 'a'"]),
    (
        "a line of a count first",
        "3\nc\t2\na\t0\nb\t1\n",
        ABC,
        ["line with the number of words left out: 1, the first '3'", f"{ROWS}: 3, the first 'c'"],
    ),
    ("a count, then words", "3\na\nb\nc\n", ABC, ["line with the number of words left out: 1, the first '3'"]),
    ("a header of names", "word\tcount\na\t900\nb\t50\nc\t7\n", ABC, [f"{COUNTS}: 3, the first 'a'"]),
    ("a blank last line", "a\nb\nc\n\n", ABC, ["blank lines after the last word left out: 1, the first line 4"]),
    ("blank last lines", "a\nb\nc\n \n\n", ABC, ["blank lines after the last word left out: 2, the first line 4"]),
    (
        "carriage returns on most lines",
        "a\r\nb\nc\r\n",
        ABC,
        [f"carriage returns after words taken off, {WHOLE}: 2, the first 'a'"],
    ),
    ("carriage returns on all lines", "a\r\nb\r\nc\r\n", ABC, []),
    ("blanks at all ends", "a \nb \nc  \n", ABC, [f"blanks around words taken off, {WHOLE}: 3, the first 'a'"]),
    ("commas and counts", "a,900\nb,50\nc,7\n", ABC, [f"{COUNTS}: 3, the first 'a'"]),
    ("rows, words and counts", "0 a 9\n1 b 7\n2 c 8\n", ABC, [f"{ROWS}: 3, the first 'a'"]),
    ("quotes", '"a"\n"b"\n"c"\n', ABC, [f"quotes around words taken off, {WHOLE}: 3, the first 'a'"]),
    ("commas", "a,\nb,\nc,\n", ABC, [f"the character that ends all words taken off, {WHOLE}: 3, the first 'a'"]),
    ("names with numbers", "windows 95\nwindows 98\nc 7\n", {"windows 95": 0, "windows 98": 1, "c 7": 2}, []),
    ("phrases", "new york\nthe cat\na dog\n", {"new york": 0, "the cat": 1, "a dog": 2}, []),
    ("numbers alone", "5\n7\n9\n", {"5": 0, "7": 1, "9": 2}, []),
    ("rows as words", "0\n1\n2\n", {"0": 0, "1": 1, "2": 2}, []),
    ("an empty word", "a\n\nc\n", {"a": 0, "": 1, "c": 2}, []),
    ("one word with a blank", "a\nb \nc\n", {"a": 0, "b ": 1, "c": 2}, []),
]


@pytest.mark.parametrize(("content", "table", "found"), [case[1:] for case in TEXT], ids=[case[0] for case in TEXT])
def test_text(tmp_path: Path, content: str, table: dict[str, int], found: list[str]) -> None:
    assert read(tmp_path, "words.txt", content) == (table, found)


CURE = "`word_column={}` takes that column as the words, `exact_words=True` takes whole lines"
DOUBTFUL: list[tuple[str, str, str, dict[str, Any]]] = [
    ("numbers that do not fall", "a 7\nb 900\nc 50\n", f"('a', '7'): {CURE.format(1)}", {"word_column": 1}),
    ("numbers in front", "7 a\n900 b\n50 c\n", f"('7', 'a'): {CURE.format(2)}", {"word_column": 2}),
    ("two texts", "a\tDT\nb\tNN\nc\tVB\n", f"('a', 'DT'): {CURE.format(1)}", {"word_column": 1}),
    ("two numbers", "5\t50\n6\t60\n7\t71\n", f"('5', '50'): {CURE.format(1)}", {"word_column": 2}),
    ("vectors", "a 1 5\nb 9 6\nc 8 7\n", f"('a', '1', '5'): {CURE.format(1)}", {"word_column": 1}),
    ("words twice", "a\t3\na\t9\nc\t5\n", f"('a', '3'): {CURE.format(1)}", {"exact_words": True}),
]


@pytest.mark.parametrize(
    ("content", "message", "options"), [case[1:] for case in DOUBTFUL], ids=[case[0] for case in DOUBTFUL]
)
def test_doubtful(tmp_path: Path, content: str, message: str, options: dict[str, Any]) -> None:
    several = "words.txt:1: columns of which several may be the words "
    assert read(tmp_path, "words.txt", content) == (several + message, [])
    place, lines = options.get("word_column"), content.splitlines()
    words = lines if place is None else [line.replace("\t", " ").split(" ")[place - 1] for line in lines]
    assert read(tmp_path, "words.txt", content, **options) == ({word: row for row, word in enumerate(words)}, [])


def test_a_column_by_name(tmp_path: Path) -> None:
    content = "id\tword\n7\ta\n5\tb\n9\tc\n"
    assert read(tmp_path, "words.txt", content, word_column="word") == (ABC, [])
    message = "words.txt:1: no column 'token' in the first line, which has 'id', 'word'"
    assert read(tmp_path, "words.txt", content, word_column="token") == (message, [])
    short = "words.txt:3: 1 columns, expected 2"
    assert read(tmp_path, "words.txt", "a\tx\nb\ty\nc\n", word_column=1) == (short, [])


def test_csv(tmp_path: Path) -> None:
    for content in ('word,count\n"a",900\n"b",50\n"c",7\n', "a,900\r\nb,50\r\nc,7\r\n"):
        assert read(tmp_path, "words.csv", content) == (ABC, [f"{COUNTS}: 3, the first 'a'"])
    assert read(tmp_path, "words.csv", '"a"\n"b, c"\n"c"\n') == ({"a": 0, "b, c": 1, "c": 2}, [])
    broken = "words.csv:2: a word with a tab or a line break: write the words as JSON"
    assert read(tmp_path, "words.csv", '"a"\n"b\tc"\n"c"\n') == (broken, [])
    assert read(tmp_path, "words.csv", 'a\n"b\n') == ("words.csv:2: not CSV: unexpected end of data", [])


def test_a_list_of_another_matrix(tmp_path: Path) -> None:
    message = "3 rows, but 4 words in {}; a JSON object from word to row may skip rows"
    for name, content in (("words.txt", "a\nb\nc\nd\n"), ("words.json", '["a", "b", "c", "d"]')):
        assert read(tmp_path, name, content) == ("m.npy: " + message.format(name), [])


JSON: list[tuple[str, object, dict[str, int], list[str]]] = [
    ("a list", ["a", "b", "c"], ABC, []),
    ("word to row", {"c": 2, "a": 0, "b": 1}, ABC, []),
    ("word to row as text", {"c": "2", "a": "0", "b": "1"}, ABC, []),
    ("row to word", {"2": "c", "0": "a", "1": "b"}, ABC, []),
    ("inside word2idx", {"word2idx": {"b": 1, "a": 0, "c": 2}, "idx": 3}, ABC, []),
    ("inside itos", {"itos": ["a", "b", "c"], "dim": 1}, ABC, []),
    ("a vocabulary with such a name", {"words": 0, "vocab": 1, "c": 2}, {"words": 0, "vocab": 1, "c": 2}, []),
    ("pairs of word and row", [["c", 2], ["a", 0], ["b", 1]], ABC, [f"{ROWS}: 3, the first 'c'"]),
    ("pairs of word and count", [["a", 900], ["b", 50], ["c", 7]], ABC, [f"{COUNTS}: 3, the first 'a'"]),
    ("pairs of row and word", [[0, "a"], [1, "b"], [2, "c"]], ABC, [f"{ROWS}: 3, the first 'a'"]),
    (
        "whole numbers",
        [17, 42, 5],
        {"17": 0, "42": 1, "5": 2},
        ["words that are whole numbers, as decimal text: 3, the first '17'"],
    ),
    (
        "a Keras tokenizer",
        {"class_name": "Tokenizer", "config": {"word_index": json.dumps({"a": 1, "b": 2})}},
        {"a": 1, "b": 2},
        ["rows without a word left out: 1"],
    ),
    ("a tokenizer.json", {"model": {"vocab": {"a": 0, "b": 1}}, "added_tokens": [{"id": 2, "content": "c"}]}, ABC, []),
    ("sentence-transformers' tokenizer", {"vocab": ["a", "b", "c"], "stop_words": [], "do_lower_case": False}, ABC, []),
]


@pytest.mark.parametrize(("content", "table", "found"), [case[1:] for case in JSON], ids=[case[0] for case in JSON])
def test_json(tmp_path: Path, content: object, table: dict[str, int], found: list[str]) -> None:
    assert read(tmp_path, "words.json", json.dumps(content)) == (table, found)


def test_other_json_is_refused(tmp_path: Path) -> None:
    expected = "words.json: expected a list of words, an object from word to row, or a tokenizer.json"
    numbers = "words.json: all words and rows are whole numbers as text: expected the rows as numbers"
    for content, message in (
        (7, expected), ([["a"]], expected), ([{}], expected), ({"0": "1", "1": "0"}, numbers),
        ({"a": 0.5}, "words.json: the word 'a' has the row 0.5, expected a whole number from 0"),
        ({"config": {"word_index": 3}}, "words.json:config.word_index: 3, expected an object from word to row"),
    ):  # fmt: skip
        assert read(tmp_path, "words.json", json.dumps(content)) == (message, [])


def test_arrays_of_numpy(tmp_path: Path) -> None:
    for words in (np.array(["a", "b", "c"]), np.array([b"a", b"b", b"c"]), np.array(["a", "b", "c"], ">U3")):
        np.save(tmp_path / "words.npy", words)
        assert read(tmp_path, "words.npy", (tmp_path / "words.npy").read_bytes()) == (ABC, [])
    np.save(tmp_path / "words.npy", np.array(["a", None], object), allow_pickle=True)
    pickled = "words.npy: words as Python objects, which would be unpickled: save them as an array of str"
    assert read(tmp_path, "words.npy", (tmp_path / "words.npy").read_bytes()) == (pickled, [])
    np.save(tmp_path / "words.npy", np.zeros(3))
    other = "words.npy: <f8 [3], expected an array of words (dtype S or U) or of whole numbers"
    assert read(tmp_path, "words.npy", (tmp_path / "words.npy").read_bytes()) == (other, [])


word = st.text(st.sampled_from("ab19 \t,\"'\r"), max_size=4)


@given(words=st.lists(word, min_size=1, max_size=5, unique=True))
def test_words_that_are_written_beside_a_matrix_come_back(tmp_path: Path, words: list[str]) -> None:
    vectors = np.arange(len(words), dtype=np.float32).reshape(-1, 1)
    embstore.save(tmp_path / "s.safetensors", words, vectors, overwrite=True)
    embstore.convert(tmp_path / "s.safetensors", tmp_path / "m.npy", overwrite=True)
    assert list(embstore.open(tmp_path / "m.npy").itos) == words


@pytest.mark.parametrize(
    "content",
    [
        "the 900\nof 800\n<unk> 0 #fairseq:overwrite\nin 700\n",
        "the 900\nof 891\nnew york 882\nin 7\n",
        "the\t900\nof\t891\nand\nto\t873\n",
        "100 0\n8019 1\n7 2\n9 3\n",
        "the\t4\nof\t2\nand\t1\nto\t3\n",
    ],
)
def test_columns_of_most_lines_are_doubtful(tmp_path: Path, content: str) -> None:
    message, warned = read(tmp_path, "words.txt", content, rows=4)
    assert (message.partition(" (")[0], warned) == (
        "words.txt:1: columns of which several may be the words",
        [],
    )


def test_the_rows_are_kept_where_a_column_is_named(tmp_path: Path) -> None:
    content = "10\t2\n20\t0\n30\t1\n"
    assert read(tmp_path, "words.txt", content, word_column=1) == (
        {"20": 0, "30": 1, "10": 2},
        [f"{ROWS}: 3, the first '10'"],
    )


def test_carriage_returns_of_few_lines_are_reported(tmp_path: Path) -> None:
    found = ["words that end in carriage returns: 1, the first 'b\\r'"]
    assert read(tmp_path, "words.txt", "a\nb\r\nc\n") == ({"a": 0, "b\r": 1, "c": 2}, found)


def test_vocabularies_that_differ_are_refused(tmp_path: Path) -> None:
    content = json.dumps({"stoi": {"a": 0, "b": 1, "c": 2}, "itos": ["c", "b", "a"]})
    message = "words.json: stoi and itos have other words or rows: save one of them alone"
    assert read(tmp_path, "words.json", content) == (message, [])
    content = json.dumps({"stoi": {"a": 0, "b": 1, "c": 2}, "itos": ["a", "b", "c"]})
    assert read(tmp_path, "words.json", content) == (ABC, [])
