"""CSV and TSV: words that stay text, columns that are not guessed, quotes, limits; and what is written."""

from __future__ import annotations

import contextlib
import csv
import warnings
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tables import source, tokens_and_vectors, words_and_rows

import embstore
from embstore.codecs.registry.table import CODECS
from embstore.codecs.tables import csv as codec
from embstore.codecs.tables.wildcards import literally, matches
from embstore.core.errors import FormatError
from embstore.core.options import ReadOptions
from embstore.files.input import Input

Rows = dict[str, list[float]]


def table(path: Path, text: str, **reading: Any) -> tuple[Rows, list[str]]:
    """Write a file and open it: its rows and warnings."""
    path.write_bytes(text.encode())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        words, rows = words_and_rows(path, **reading)
    return dict(zip(words, rows, strict=True)), [str(warning.message) for warning in caught]


def refusal(path: Path, text: str, **reading: Any) -> str:
    """Write a file and open it: the message without the path."""
    path.write_bytes(text.encode())
    with pytest.raises(FormatError) as caught:
        embstore.open(path, **reading)
    assert str(caught.value).startswith(str(path))
    return str(caught.value).removeprefix(str(path)).lstrip(": ")


HEADERS: list[tuple[str, Rows]] = [
    ("word,d0\nthe,1\n", {"the": [1]}),
    ("the,1\nof,2\n", {"the": [1], "of": [2]}),
    ("the,1\nof,-2\nto,3\n", {"the": [1], "of": [-2], "to": [3]}),
    ("-4,-1,the\n2,-2,of\n3,-3,to\n", {"the": [-4, -1], "of": [2, -2], "to": [3, -3]}),
    ("the,1,2\n", {"the": [1, 2]}),
    ("the,1,2\nof,3,4\n", {"the": [1, 2], "of": [3, 4]}),
    (",1,2\nthe,3,4\n", {"the": [3, 4]}),
    ("token,1,2,3\nthe,3,4,5\n", {"the": [3, 4, 5]}),
    ("Unnamed: 0,0,1\nthe,3,4\n", {"the": [3, 4]}),
    ("0,1,\n3,4,the\n", {"the": [3, 4]}),
    (" x1 , x2 ,w\n 1, 2,the\n", {"the": [1, 2]}),
    ('"d0"\t"d1"\nthe\t1\t2\n', {"the": [1, 2]}),
    ('"0"\t"1"\nthe\t1\t2\n', {"the": [1, 2]}),
    ("d08,d09,d10,w\n1,2,3,the\n", {"the": [1, 2, 3]}),
    ('w,v\nthe,"[1, 2]"\n', {"the": [1, 2]}),
    ("a,[1 2]\nb,[3 4]\n", {"a": [1, 2], "b": [3, 4]}),
    ("rank,word,d0\n1,the,5\n2,of,6\n", {"the": [5], "of": [6]}),
    ("1,the,5\n2,of,6\n", {"the": [5], "of": [6]}),
]


@pytest.mark.parametrize(("text", "expected"), HEADERS, ids=[text for text, _ in HEADERS])
def test_headers_are_told_from_rows(text: str, expected: Rows, tmp_path: Path) -> None:
    assert table(tmp_path / "t.csv", text)[0] == expected


DOUBTFUL = [
    ("0,the,5\n2,of,6\n", "cannot tell which columns are the vectors: 1 (numbers), 2 (text), 3 (numbers); "),
    ("a,the,5\nb,of,6\n", "cannot tell which column has the words: 1 to 2 (text), 3 (numbers); "),
    ("w,d0,d2\nthe,5,1\n", "cannot tell which columns are the vectors: 1 'w' (text), 2 'd0' (numbers), 3 'd2' "),
    ("w,d0,e0\nthe,5,1\n", "cannot tell which columns are the vectors: 1 'w' (text), 2 'd0' (numbers), 3 'e0' "),
    ("w,count\nthe,5\n", "cannot tell which columns are the vectors: 1 'w' (text), 2 'count' (numbers); "),
    ("d0,d1\n1,2\n", "no column of words: 1 'd0' to 2 'd1' (numbers); "),
    ("word,tag,d0\n1,NN,2\n", "cannot tell which column has the words: 1 'word' (numbers), 2 'tag' (text), 3 'd0' "),
    ("w,0,1\nthe,2,3\n", "'w,0,1' may be a header or a row: "),
    ("the,9,.5\nof,8,.6\nto,3,.7\n", "cannot tell which columns are the vectors: 1 (text), 2 to 3 (numbers); "),
    ("the,9\nof,8\nto,3\n", "cannot tell which columns are the vectors: 1 (text), 2 (numbers); `key='2'` names them"),
    ("3,a,1\n5,b,2\n", "cannot tell which columns are the vectors: 1 (numbers), 2 (text), 3 (numbers); "),
]


@pytest.mark.parametrize(("text", "start"), DOUBTFUL, ids=[text for text, _ in DOUBTFUL])
def test_no_column_is_guessed(text: str, start: str, tmp_path: Path) -> None:
    assert refusal(tmp_path / "t.csv", text).startswith(start)


def test_options_that_name_no_column(tmp_path: Path) -> None:
    path, text = tmp_path / "t.csv", "w,tag,d0,d1\nthe,DT,1,2\n"
    listed = "1 'w' (text), 2 'tag' (text), 3 'd0' to 4 'd1' (numbers)"
    assert refusal(path, text, vocab="x") == f"no column is named 'x': {listed}"
    assert refusal(path, text, word_column="x") == f"no column is named 'x': {listed}"
    assert refusal(path, text, word_column=5) == f"no column 5: {listed}"
    assert refusal(path, text, word_column=1, key="x*") == f"no column of numbers or lists is named 'x*': {listed}"
    assert refusal(path, text, word_column=1, key="tag") == f"no column of numbers or lists is named 'tag': {listed}"
    twice = "w,w,d0\nthe,DT,1\n"
    assert refusal(path, twice, vocab="w") == "two columns are named 'w': 1 'w' (text), 2 'w' (text), 3 'd0' (numbers)"


def test_words_of_another_file(tmp_path: Path) -> None:
    path, words = tmp_path / "vectors.tsv", tmp_path / "words.txt"
    words.write_text("the\nof\nto\n")
    text = "1\t2\n3\tx\n5\t6\n"
    found, told = table(path, text, vocab=words, on_error="skip")  # the word of a row that is left out goes too
    assert (found, told) == ({"the": [1, 2], "to": [5, 6]}, ["lines that cannot be read left out: 1, the first line 2"])
    assert table(path, text.replace("x", "4"), vocab=words)[0] == {"the": [1, 2], "of": [3, 4], "to": [5, 6]}
    assert table(path, "d0\td1\n" + text.replace("x", "4"), vocab=words)[0]["to"] == [5, 6]
    few = f"2 rows, but 3 words in {words}; a JSON object from word to row may skip rows"
    assert refusal(path, "1\t2\n3\t4\n", vocab=words) == few
    counter = refusal(path, "0\t.5\n1\t.25\n2\t.5\n", vocab=words)
    assert counter == "cannot tell which columns are the vectors: 1 to 2 (numbers); `key='2'` names them"
    assert table(path, "0\t.5\n1\t.25\n2\t.5\n", vocab=words, key="2")[0] == {"the": [0.5], "of": [0.25], "to": [0.5]}


def test_rows_before_an_error_are_read(tmp_path: Path) -> None:
    text = "".join(f"w{row},{row},5\n" for row in range(300))
    for bad in ("x,1\n", 'x,1,"2\n'):
        (tmp_path / "t.csv").write_text(text + bad)
        assert len(embstore.open(tmp_path / "t.csv", limit=300)) == 300
        with pytest.raises(FormatError) as caught:
            embstore.open(tmp_path / "t.csv")
        assert str(caught.value).startswith(f"{tmp_path / 't.csv'}:301: ")


def test_the_limit_of_cells_is_given_back(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    numbers = ", ".join(f"{number}.125" for number in range(30_000))
    found, _ = table(tmp_path / "t.csv", f'word,vector\nthe,"[{numbers}]"\n')
    assert found == {"the": [number + 0.125 for number in range(30_000)]}
    assert csv.field_size_limit() == before
    refusal(tmp_path / "t.csv", 'the,1\n"of,2\n')
    assert csv.field_size_limit() == before


def test_a_quote_opens_no_endless_cell(tmp_path: Path) -> None:
    text = 'the,1,2\n"of,3,4\n' + "to,5,6\n" * (3 << 20)
    found = refusal(tmp_path / "t.csv", text)
    assert found == "2: a quote is opened here and not closed within 16 MB"
    assert refusal(tmp_path / "t.csv", "a,1\n" + "b" * (17 << 20)).startswith("2: a line of more than 16 MB: ")


def test_lines_are_counted_over_quotes(tmp_path: Path) -> None:
    text = 'word,d0\n"two\nlines",1\n\n"three\nlines\nof",2\nx,y\n'
    reason = "8: 'y' is not a number, in column 2; `on_error='skip'` leaves such lines out"
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(FormatError) as caught:
        embstore.open(path)
    assert str(caught.value) == f"{path}:{reason}"


def test_what_is_written(tmp_path: Path) -> None:
    vectors = np.array([[0.5, -1.5], [np.nan, -np.inf], [1e10, -0.0]], np.float32)
    codec.write(tmp_path / "t.csv", source(['say "hi"', "a,b", "007"], vectors))
    text = 'token,d0,d1\n"say ""hi""",0.5,-1.5\n"a,b",nan,-inf\n"007",1e+10,-0\n'
    assert (tmp_path / "t.csv").read_text() == text


@pytest.mark.parametrize("token", [b"", b"caf\xe9", b"x" * ((1 << 20) + 1), b"a,1,2\nb"])
def test_tokens_that_would_not_read_back_are_refused(token: bytes, tmp_path: Path) -> None:
    with pytest.raises(FormatError) as caught:
        codec.write(tmp_path / "t.csv", source([b"the", token], np.ones((2, 2), np.float32)))
    reason = f"the token {token!r:.60} would not read back; a store keeps it"
    assert str(caught.value) == f"{tmp_path / 't.csv'}: {reason}"
    assert not list(tmp_path.iterdir())


def test_rows_too_long_to_read_back_are_refused(tmp_path: Path) -> None:
    for name in ("csv", "json", "jsonl"):
        with pytest.raises(FormatError) as caught:
            CODECS[name].writer().write(tmp_path / "t", source(["a"], np.ones((1, 1 << 20), np.float32)))
        reason = "1,048,576 numbers make lines too long to read back: write a store"
        assert str(caught.value) == f"{tmp_path / 't'}: {reason}"


NAMES = st.text("ab0[]*?-,", max_size=6)


@given(NAMES, st.lists(st.sampled_from(["a", "b", "0", "*", "?", "[0-9]", "[ab]"]), max_size=6).map("".join))
def test_wildcards_are_those_of_the_shell(name: str, pattern: str) -> None:
    assert matches(name, pattern) == fnmatchcase(name, pattern)


@given(NAMES)
def test_a_name_matches_itself(name: str) -> None:
    assert matches(name, literally(name))
    assert "," not in literally(name)


@given(st.text('a1.,;\t\n\r"[] ', max_size=60))
def test_any_text_is_a_table_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("any") / "t.csv"
    path.write_bytes(text.encode() or b"\n")
    with contextlib.suppress(FormatError):
        tokens, vectors = tokens_and_vectors(codec.read(Input(path), ReadOptions()))
        assert len(tokens) == len(vectors) > 0
        assert all(tokens)
