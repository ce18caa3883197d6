"""GloVe text as it is found in the wild: each oddity has one outcome, and errors name file and line."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from support.archives import PACKERS, zipped
from support.tables import rows_by_word, source

import embstore
from embstore.codecs.text import glove, word2vec
from embstore.core.batch import Source
from embstore.core.errors import EmbstoreWarning, FormatError

GOOD = b"the 1 2\nof 3 4\n"
TABLE: dict[str, list[float]] = {"the": [1, 2], "of": [3, 4]}


def opened(path: Path, raw: bytes, **options: Any) -> tuple[dict[str, list[float]], list[str]]:
    """The table by word, and what was warned of."""
    path.write_bytes(raw)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        store = embstore.open(path, **options)
    assert all(warning.category is EmbstoreWarning for warning in caught)
    assert all(warning.filename == __file__ for warning in caught)
    return rows_by_word(store), [str(warning.message) for warning in caught]


def cases(named: list[tuple[Any, ...]]) -> Any:
    return {"argvalues": [case[1:] for case in named], "ids": [case[0] for case in named]}


CLEAN: list[tuple[Any, ...]] = [
    ("CRLF", b"the 1 2\r\nof 3 4\r\n", TABLE),
    ("trailing spaces", b"the 1 2 \nof 3 4  \n", TABLE),
    ("tabs", b"the\t1\t2\nof\t3\t4\t\n", TABLE),
    (
        "spaces in a token",
        b"the 1 2\n. . . 3 4\nat name@domain.com 5 6\n",
        {"the": [1, 2], ". . .": [3, 4], "at name@domain.com": [5, 6]},
    ),
    (
        "tokens like numbers",
        b"1 1 2\n-.5 3 4\n1e5 5 6\nnan 7 8\nof 9 9\n",
        {"1": [1, 2], "-.5": [3, 4], "1e5": [5, 6], "nan": [7, 8], "of": [9, 9]},
    ),
    (
        "white space of Unicode",
        "a\u0085b 1 2\n\u00a0 3 4\n\u2028c 5 6\n".encode(),
        {"a\u0085b": [1, 2], "\u00a0": [3, 4], "\u2028c": [5, 6]},
    ),
    ("spellings", b"a -.5 1.\nb 1e-3 +2E1\n", {"a": [-0.5, 1], "b": [0.0010000000474974513, 20]}),
    ("an empty token", b"the 1 2\n 3 4\n", {"the": [1, 2], "": [3, 4]}),
    ("control characters", b"a\0b 1 2\n\x0b 3 4\n", {"a\0b": [1, 2], "\x0b": [3, 4]}),
    ("one line", b"the 1 2\n", {"the": [1, 2]}),
    ("one number", b"the 1\nof 2\n", {"the": [1], "of": [2]}),
    ("a header", b"2 2\nthe 1 2\nof 3 4\n", TABLE),
    ("a token behind a header", b"3 2\nthe 1 2\nat 5 5 6\nof 3 4\n", {**TABLE, "at 5": [5, 6]}),
    ("one word with a comma among others", b"at 0,5 1 2\nof 3 4\n", {"at 0,5": [1, 2], "of": [3, 4]}),
    ("words with commas", b"1,000 1 2\n0,5 3 4\n", {"1,000": [1, 2], "0,5": [3, 4]}),
    ("a word like a packed file", b"BZip 1 2\nPK 3 4\n", {"BZip": [1, 2], "PK": [3, 4]}),
]


@pytest.mark.parametrize(("raw", "table"), **cases(CLEAN))
def test_what_is_read_without_a_word(
    kernel: ModuleType, tmp_path: Path, raw: bytes, table: dict[str, list[float]]
) -> None:
    assert opened(tmp_path / "t.txt", raw) == (table, [])


WARNED: list[tuple[Any, ...]] = [
    ("a token twice", b"the 1 2\nof 3 4\nthe 5 6\nthe 7 8\n", {}, TABLE, ["repeated tokens: 2, the first 'the'"]),
    (
        "the last of two",
        b"the 5 6\nof 3 4\nthe 0 0\nthe 1 2\n",
        {"duplicates": "last"},
        TABLE,
        ["repeated tokens: 2, the first 'the'"],
    ),
    (
        "values beyond float32",
        b"the 1 1e39\nof -inf 4\nto 5 6\n",
        {},
        {"the": [1, math.inf], "of": [-math.inf, 4], "to": [5, 6]},
        ["rows with NaN, Inf or a value beyond the dtype: 2, the first 'the'"],
    ),
    (
        "not UTF-8",
        b"\xff\xfe 1 2\nof 3 4\n",
        {},
        {"\udcff\udcfe": [1, 2], "of": [3, 4]},
        ["tokens that are not UTF-8, their bytes kept: 1, the first '\\udcff\\udcfe'"],
    ),
    ("a BOM", b"\xef\xbb\xbf" + GOOD, {}, TABLE, ["byte order mark dropped: 1"]),
    ("no newline at the end", GOOD[:-1], {}, TABLE, ["last line without a newline, perhaps cut short: 1"]),
    ("empty lines", b"\nthe 1 2\n \t\r\nof 3 4\n\n", {}, TABLE, ["empty lines left out: 3, the first line 1"]),
    (
        "lines skipped",
        b"the 1 2\nbad 1\nx y z\nof 3 4\n",
        {"on_error": "skip"},
        TABLE,
        ["lines that cannot be read left out: 2, the first line 2"],
    ),
]


@pytest.mark.parametrize(("raw", "options", "table", "messages"), **cases(WARNED))
def test_what_is_read_with_a_warning(
    kernel: ModuleType, tmp_path: Path, raw: bytes, options: Any, table: dict[str, list[float]], messages: list[str]
) -> None:
    assert opened(tmp_path / "t.txt", raw, **options) == (table, messages)


def test_nan_is_kept(kernel: ModuleType, tmp_path: Path) -> None:
    table, messages = opened(tmp_path / "t.txt", b"the nan 2\nof 3 4\n")
    assert np.isnan(table["the"][0])
    assert messages == ["rows with NaN, Inf or a value beyond the dtype: 1, the first 'the'"]


CUT = "the file may be truncated; `on_error='skip'` leaves such lines out"
REFUSED: list[tuple[Any, ...]] = [
    ("too few numbers", b"the 1 2\nof 3\n", {}, f":2: 1 number after token 'of', expected 2 (from line 1); {CUT}"),
    ("none at all", b"the 1 2\nof\n", {}, f":2: 0 numbers after token 'of', expected 2 (from line 1); {CUT}"),
    (
        "too many numbers",
        b"the 1 2\nof 3 4 5\n",
        {},
        ":2: 3 numbers after token 'of', expected 2 (from line 1). If the token itself ends in a number, "
        "use `dim=2`; `on_error='skip'` leaves such lines out",
    ),
    (
        "what only Python calls a number",
        b"the 1 2\nof 1_000 4\n",
        {},
        ":2: '1_000' after token 'of' is not a number; `on_error='skip'` leaves such lines out",
    ),
    (
        "digits of another script",
        "the 1 2\nof 3 \u0664\n".encode(),
        {},
        ":2: '\u0664' after token 'of' is not a number; `on_error='skip'` leaves such lines out",
    ),
    (
        "a token twice, on request",
        b"the 1 2\nof 3 4\nthe 5 6\n",
        {"duplicates": "error"},
        ": the token 'the' appears twice; `duplicates='first'` or `duplicates='last'` keeps one of them",
    ),
    (
        "a header that lies",
        b"3 2\n" + GOOD,
        {},
        ":1: the header says 3 rows, but 2 follow: the file is cut short or the header is wrong; "
        "`limit=2` reads the rows it has",
    ),
    (
        "one dimension or a header",
        b"2 1\nthe 1\nof 2\n",
        {},
        ":1: '2 1' may be a header or the first of one-dimensional rows: `header=True` or `header=False` says which",
    ),
    (
        "a header asked for",
        GOOD,
        {"header": True},
        ":1: a header is requested, but the first line is not two whole numbers, rows and dim",
    ),
    ("a dimension that no line has", GOOD, {"dim": 3}, ":1: 2 numbers on a line at most, expected 3 (as requested)"),
    (
        "a dimension beyond all memory",
        b"2 999999999999999\n" + GOOD,
        {"header": True},
        ":1: 2 numbers on a line at most, expected 999999999999999 (from the header)",
    ),
    ("an empty file", b"", {}, ": an empty file"),
    ("empty lines alone", b"\n \n", {}, ":1: nothing but empty lines, expected a token and its numbers on each line"),
    (
        "a web page",
        b"\n<!DOCTYPE html>\n<html>404</html>\n",
        {},
        ": a web page, not vectors: the download went wrong, fetch the file again",
    ),
    (
        "prose",
        b"It was the best of times\n",
        {},
        ":1: 'It was the best of times' is not a token and its numbers; "
        "if this is another format, name it with `format=`",
    ),
    ("a member of no zip", GOOD, {"member": "a"}, ": not a zip, so it has no member 'a': do not name one"),
]


@pytest.mark.parametrize(("raw", "options", "message"), **cases(REFUSED))
def test_what_is_refused(kernel: ModuleType, tmp_path: Path, raw: bytes, options: Any, message: str) -> None:
    path = tmp_path / "t.txt"
    with pytest.raises(FormatError) as caught:
        opened(path, raw, **options)
    assert str(caught.value) == f"{path}{message}"
    with pytest.raises(FormatError):
        embstore.convert(path, tmp_path / "s.safetensors", **options)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("options", "table"),
    [
        ({"dim": 2}, {"at 5": [1, 2], "of": [3, 4]}),
        ({"dim": 2, "limit": 1}, {"at 5": [1, 2]}),
        ({"dim": 1}, {"at 5 1": [2], "of 3": [4]}),
    ],
)
def test_dim_settles_where_a_token_ends(
    kernel: ModuleType, tmp_path: Path, options: Any, table: dict[str, list[float]]
) -> None:
    assert opened(tmp_path / "t.txt", b"at 5 1 2\nof 3 4\n", **options)[0] == table


def test_header_says_what_the_first_line_is(kernel: ModuleType, tmp_path: Path) -> None:
    raw = b"2 1\nthe 1\nof 2\n"
    assert opened(tmp_path / "t.txt", raw, header=True) == ({"the": [1], "of": [2]}, [])
    assert opened(tmp_path / "t.txt", raw, header=False) == ({"2": [1], "the": [1], "of": [2]}, [])


def test_a_first_line_of_no_dimensions_is_a_row(kernel: ModuleType, tmp_path: Path) -> None:
    assert opened(tmp_path / "t.txt", b"2 0\nthe 1\n") == ({"2": [0], "the": [1]}, [])


@pytest.mark.parametrize(("value", "written"), [(1, None), (12345, None), (0, b"7 0\na 1\n"), (0.5, b"7 0.5\na 1\n")])
def test_a_first_row_like_a_header_is_not_written(
    kernel: ModuleType, tmp_path: Path, value: float, written: bytes | None
) -> None:
    path = tmp_path / "t.txt"
    table = source(["7", "a"], np.array([[value], [1]], np.float32))
    if written is not None:
        glove.write(path, table)
        assert path.read_bytes() == written
        assert opened(tmp_path / "again.txt", written) == ({"7": [value], "a": [1]}, [])
        return
    with pytest.raises(FormatError) as caught:
        glove.write(path, table)
    assert str(caught.value) == f"{path}: the token '7' and its number look like a header; word2vec keeps them"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (
            ["at 0,5", "to 1,5", "x"],
            "most of the first tokens end in something like a number, such as 'at 0,5', "
            "and would not read back unchanged; word2vec keeps them",
        ),
        (
            ["\udcff 0x1", "to 1_0", "x"],
            "most of the first tokens end in something like a number, such as '\ufffd 0x1', "
            "and would not read back unchanged; word2vec keeps them",
        ),
        (
            ["a 1\rb", "x", "y"],
            "the token 'a 1\\rb' and its numbers look like lines that end in carriage returns; word2vec keeps them",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:tokens that are not UTF-8:embstore.EmbstoreWarning")
def test_first_tokens_like_numbers_or_lines_are_not_written(
    kernel: ModuleType, tmp_path: Path, words: list[str], reason: str
) -> None:
    def table(words: list[str]) -> Source:  # a row a batch
        return source(words, np.ones((len(words), 2), np.float32), 1)

    with pytest.raises(FormatError) as caught:
        glove.write(tmp_path / "t.txt", table(words))
    assert str(caught.value) == f"{tmp_path / 't.txt'}: {reason}"
    assert not list(tmp_path.iterdir())
    word2vec.write(tmp_path / "t.vec", table(words))
    assert list(embstore.open(tmp_path / "t.vec").itos) == words
    later = [*words[1:], words[0], "z"]
    glove.write(tmp_path / "t.txt", table(later))
    assert list(embstore.open(tmp_path / "t.txt").itos) == later


@pytest.mark.parametrize("rows", [1, 5])
def test_limit_reads_what_a_wrong_header_denies(kernel: ModuleType, tmp_path: Path, rows: int) -> None:
    raw = b"%d 2\n" % rows + GOOD
    with pytest.raises(FormatError, match=r"; `limit=2` reads the rows it has$"):
        opened(tmp_path / "t.txt", raw)
    assert opened(tmp_path / "t.txt", raw, limit=2) == (TABLE, [])
    for target in ("s.safetensors", "s.vec", "s.bin", "s.npy", "s.h5"):
        assert embstore.convert(tmp_path / "t.txt", tmp_path / target, limit=2).skipped == 0
        assert embstore.open(tmp_path / target).vectors.tolist() == list(TABLE.values())


def test_limit_reads_no_further_than_it_must(kernel: ModuleType, tmp_path: Path) -> None:
    assert opened(tmp_path / "t.txt", GOOD + b"bad\n", limit=2) == (TABLE, [])


@pytest.mark.parametrize(
    "name", ["t.gz", "t.txt.gz", "t.txt.bz2", "t.txt.xz", "t.txt.zst", "T.TXT.GZ", "glove.6B.50d.gz"]
)
def test_packed_text_is_found_by_its_first_bytes(tmp_path: Path, name: str) -> None:
    assert opened(tmp_path / name, PACKERS[name.rpartition(".")[2].lower()](GOOD)) == (TABLE, [])


def test_one_of_several_tables_in_a_zip(tmp_path: Path) -> None:
    path = tmp_path / "glove.6B.zip"
    packed = zipped({"glove.6B.50d.txt": GOOD, "glove.6B.100d.txt": GOOD.replace(b"1", b"9")})
    assert opened(path, packed, member="glove.6B.50d.txt") == (TABLE, [])
    assert opened(path, packed, member="glove.6B.100d.txt")[0]["the"] == [9, 2]
    with pytest.raises(FormatError) as caught:
        embstore.open(path)
    listed = "glove.6B.50d.txt, glove.6B.100d.txt"
    assert str(caught.value) == f"{path}: a zip with 2 members ({listed}): name one with `member=`"


def test_phrases_that_end_in_grouped_digits_are_tokens(kernel: ModuleType, tmp_path: Path) -> None:
    raw = b"under 1,000 0.5 2\nover 12,345,678 1 2\n"
    assert opened(tmp_path / "t.txt", raw) == ({"under 1,000": [0.5, 2], "over 12,345,678": [1, 2]}, [])


def test_numbers_with_commas_behind_them_are_refused(kernel: ModuleType, tmp_path: Path) -> None:
    message = r"^.*:1: '1\.5,' on line 1 is not a number, and most lines have a similar field; expected digits"
    with pytest.raises(FormatError, match=message):
        opened(tmp_path / "t.txt", b"a, 1.5, 2.5\nb, 3.5, 4.5\n")


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ('"w{}"', "quotes around words, perhaps no part of them: 200, the first '\"w0\"'"),
        ("w{} ", "blanks around words, perhaps no part of them: 200, the first 'w0 '"),
        (" w{}", "blanks around words, perhaps no part of them: 200, the first ' w0'"),
        ("w{},", "commas after words, perhaps no part of them: 200, the first 'w0,'"),
    ],
)
def test_patterns_after_the_first_words_are_reported(kernel: ModuleType, tmp_path: Path, word: str, found: str) -> None:
    lines = [f"plain{i} 1 2\n" for i in range(100)] + [f"{word.format(i)} 1 2\n" for i in range(200)]
    table, warned = opened(tmp_path / "t.txt", "".join(lines).encode())
    assert (list(table)[99:101], warned) == (["plain99", word.format(0)], [found])
    assert opened(tmp_path / "t.txt", "".join(lines[:150]).encode())[1] == []  # a few words may be so


@pytest.mark.parametrize(
    "lines",
    [
        ["0 the", "1 of", "zz", "3 in"],
        ["900 the", "800 of", "zz", "700 in"],
        ["0) the", "1) of", "2) in"],
        ["the,0.1", "of,0.2", "in,0.3"],
        ["the [0.1", "of [0.2", "in [0.3"],
        ["the 10%", "of 20%", "in 30%"],
        ["the\tDT", "of\tIN", "zz"],
    ],
)
def test_columns_of_most_rows_are_doubtful(kernel: ModuleType, tmp_path: Path, lines: list[str]) -> None:
    path = tmp_path / "t.txt"
    path.write_text("".join(f"{line} 0.5 1.5\n" for line in lines))
    with pytest.raises(FormatError, match=r"before the numbers"):
        embstore.open(path)
    assert list(embstore.open(path, exact_words=True).itos) == lines


def test_a_line_with_the_numbers_of_the_columns(kernel: ModuleType, tmp_path: Path) -> None:
    content = b" word 0 1\n0 the 0.5 1.5\n1 of 2.5 3.5\n"
    assert opened(tmp_path / "t.txt", content) == (
        {"the": [0.5, 1.5], "of": [2.5, 3.5]},
        [
            "line with the numbers of the columns left out, `header=False` keeps it as a row: 1, the first line 1",
            "numbers of lines before words taken off, `exact_words=True` keeps them: 2, the first 'the'",
        ],
    )
