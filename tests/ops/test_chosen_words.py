"""`convert(vocab_only=...)`: words from lists and files, and what the report says of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.running import Run
from support.tables import Rows, rows_by_word, saved

import embstore
from embstore.ops.chosen_words import ChosenWords

TABLE: Rows = {"the": [1, 2], "of": [3, 4], "to": [5, 6], "new york": [7, 8]}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return saved(tmp_path / "t.safetensors", list(TABLE), np.array(list(TABLE.values()), np.float32))


def test_the_report_names_the_missing_words_in_the_order_of_the_list(store: Path, tmp_path: Path) -> None:
    words = ["to", "q2", "the", "q1", "q2", "the", *(f"x{i}" for i in range(20))]
    report = embstore.convert(store, tmp_path / "o.npy", vocab_only=words)
    assert (report.requested, report.found, report.missing_count) == (24, 2, 22)
    assert report.missing == ["q2", "q1", *(f"x{i}" for i in range(8))]
    assert (report.rows, report.filled, report.findings) == (2, {}, [])


def test_the_report_without_chosen_words(store: Path, tmp_path: Path) -> None:
    report = embstore.convert(store, tmp_path / "o.npy")
    assert (report.requested, report.found, report.missing, report.missing_count, report.filled) == (
        None,
        None,
        [],
        0,
        {},
    )


def test_words_that_no_token_can_equal_are_missing(store: Path, tmp_path: Path) -> None:
    report = embstore.convert(store, tmp_path / "o.npy", vocab_only=["\ud800", "to", "the\udfff", "of", "x"])
    assert (report.requested, report.found, report.missing) == (5, 2, ["\ud800", "the\udfff", "x"])


def test_words_beyond_the_limit_are_missing(store: Path, tmp_path: Path) -> None:
    report = embstore.convert(store, tmp_path / "o.npy", vocab_only=["of", "to"], limit=2)
    assert (report.found, report.missing) == (1, ["to"])


def test_a_dropped_row_of_zeros_is_missing(tmp_path: Path) -> None:
    zeros = saved(tmp_path / "z.safetensors", ["the", "of"], np.array([[0, 0], [1, 2]], np.float32))
    with pytest.warns(embstore.EmbstoreWarning, match=r"^rows of zeros left out: 1, the first 'the'$"):
        report = embstore.convert(zeros, tmp_path / "o.npy", vocab_only=["the", "of"], drop_zeros=True)
    assert (report.found, report.missing) == (1, ["the"])


def as_npy(path: Path) -> None:
    np.save(path, np.array(["to", "q", "new york"]))


def as_tokenizer(path: Path) -> None:
    path.write_text(json.dumps({"model": {"vocab": {"q": 1, "to": 0, "new york": 2}}, "added_tokens": []}))


FILES: dict[str, Callable[[Path], object]] = {
    "my.txt": lambda path: path.write_bytes(b"to\nq\nnew york\n"),
    "bom.txt": lambda path: path.write_bytes(b"\xef\xbb\xbfto\nq\nnew york"),
    "returns.txt": lambda path: path.write_bytes(b"to\r\nq\r\nnew york\r\n"),
    "list.json": lambda path: path.write_text('["to", "q", "new york"]'),
    "rows.json": lambda path: path.write_text('{"new york": 2, "to": 0, "q": 1}'),
    "tokenizer.json": as_tokenizer,
    "my.npy": as_npy,
}


@pytest.mark.parametrize("name", FILES)
def test_files_of_words(store: Path, tmp_path: Path, name: str) -> None:
    FILES[name](tmp_path / name)
    target = tmp_path / "o.safetensors"
    report = embstore.convert(store, target, vocab_only=tmp_path / name)
    assert (report.requested, report.found, report.missing, report.findings) == (3, 2, ["q"], [])
    assert rows_by_word(embstore.open(target)) == {"to": [5, 6], "new york": [7, 8]}
    report = embstore.convert(store, target, vocab_only=tmp_path / name, order="words", oov="zero", overwrite=True)
    assert (report.findings, report.filled) == ([], {"zero": 1})
    assert rows_by_word(embstore.open(target)) == {"to": [5, 6], "q": [0, 0], "new york": [7, 8]}


def test_what_is_taken_off_the_words_of_a_file_is_a_warning_that_names_it(store: Path, tmp_path: Path) -> None:
    (tmp_path / "my.txt").write_text("of 900\nto 50\n")
    with pytest.warns(embstore.EmbstoreWarning) as caught:
        report = embstore.convert(store, tmp_path / "o.npy", vocab_only=tmp_path / "my.txt")
    message = (
        "numbers beside words taken as their counts, `exact_words=True` keeps whole lines as words: 2, the first 'of'"
    )
    assert [str(warning.message) for warning in caught] == report.findings == [f"my.txt: {message}"]
    assert report.found == 2


REFUSED: list[tuple[str, str, str]] = [
    ("my.txt", "", "no words in it, expected one per line"),
    ("my.txt", "\n\n", "no words in it, expected one per line"),
    ("my.json", "[]", "no words in it, expected one per line"),
    ("my.json", "3", "expected a list of words, an object from word to row, or a tokenizer.json"),
]


@pytest.mark.filterwarnings("ignore::embstore.EmbstoreWarning")
@pytest.mark.parametrize(("name", "content", "message"), REFUSED)
def test_files_without_words_are_refused(store: Path, tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(embstore.FormatError) as caught:
        embstore.convert(store, tmp_path / "o.npy", vocab_only=tmp_path / name)
    assert str(caught.value) == f"{tmp_path / name}: {message}"
    assert not (tmp_path / "o.npy").exists()


def test_no_words_at_all(store: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^vocab_only: no words$"):
        embstore.convert(store, tmp_path / "o.npy", vocab_only=[])


@pytest.mark.parametrize("order", ["file", "words"])
def test_a_table_without_any_of_the_words(store: Path, tmp_path: Path, order: str) -> None:
    with pytest.raises(embstore.FormatError) as caught:
        embstore.convert(store, tmp_path / "o.npy", vocab_only=["x", "y"], order=order, oov=None)  # type: ignore[arg-type]
    assert str(caught.value) == f"{store}: none of the 2 chosen words has a row, the first is 'x'"
    assert [path.name for path in tmp_path.iterdir()] == [store.name]


def test_options_for_words_that_neither_file_takes(store: Path, tmp_path: Path) -> None:
    (tmp_path / "my.txt").write_text("of\nto\n")
    with pytest.raises(TypeError, match=r"^exact_words: reading options are for a path, not for Store$"):
        embstore.convert(embstore.open(store), tmp_path / "o.npy", vocab_only=tmp_path / "my.txt", exact_words=True)


@given(st.lists(st.one_of(st.text(max_size=2), st.sampled_from(["\ud800", "a\udcff"])), min_size=1))
def test_the_words_and_their_repetitions(words: list[str]) -> None:
    chosen, distinct = ChosenWords(words), list(dict.fromkeys(words))
    assert (len(chosen.words), chosen.repeated[0]) == (len(distinct), len(words) - len(distinct))
    assert [*chosen.strings(), *chosen.no_tokens()] == sorted(distinct, key=lambda word: "\ud800" in word)
    assert chosen.missing() == distinct[:10]
    np.testing.assert_array_equal(chosen.vocab.rows(chosen.strings()), np.arange(len(chosen.strings())))


def test_the_command_line_says_how_many_were_found(run: Run, store: Path, tmp_path: Path) -> None:
    (tmp_path / "my.txt").write_text("to\nqzxv\nThe\nof\n")
    code, out, err = run("convert", "t.safetensors", "a.npy", "--vocab-only", "my.txt")
    assert (code, out, err.split("; ")[1:]) == (0, "", ["2 of 4 words found, the first missing 'qzxv'\n"])
    code, out, err = run("convert", "t.safetensors", "b.npy", "--vocab-only", "my.txt", "--order", "words",
                         "--oov", "lower,zero")  # fmt: skip
    found = ["2 of 4 words found, the first missing 'qzxv'", "filled by lower 1, zero 1\n"]
    assert (code, out, err.split("; ")[1:]) == (0, "", found)
    (tmp_path / "all.txt").write_text("to\nof\n")
    code, out, err = run("convert", "t.safetensors", "c.npy", "--vocab-only", "all.txt")
    assert (code, err.split("; ")[1:]) == (0, ["2 of 2 words found\n"])
    code, out, err = run("convert", "t.safetensors", "d.npy", "--vocab-only", "my.txt", "--json")
    report = json.loads(out)
    assert (code, err) == (0, "")
    assert {name: report[name] for name in ("requested", "found", "missing", "missing_count", "filled")} == {
        "requested": 4,
        "found": 2,
        "missing": ["qzxv", "The"],
        "missing_count": 2,
        "filled": {},
    }


def test_the_order_of_words_needs_words(run: Run, store: Path, tmp_path: Path) -> None:
    code, out, err = run("convert", "t.safetensors", "a.npy", "--order", "words")
    assert (code, out) == (2, "")
    assert err.endswith("\nError: --order words needs --vocab-only FILE, the words whose order it is.\n")
    with pytest.raises(ValueError) as caught:
        embstore.convert(store, tmp_path / "a.npy", order="words")
    assert str(caught.value) == "order='words': expected the words in vocab_only, whose order it is"
    with pytest.raises(ValueError, match=r"^order='mine': expected one of file, words$"):
        embstore.convert(store, tmp_path / "a.npy", vocab_only=["the"], order="mine")  # type: ignore[arg-type]
