"""Options of `convert` that select or change rows, and errors for unknown options."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tables import source, tokens_and_vectors

import embstore
from embstore.core.batch import Findings
from embstore.ops.chosen_words import ChosenWords
from embstore.ops.selection import Selection

CASED = "The 1 2\nthe 3 4\nTHE 5 6\nÉtÉ 7 8\nété 9 10\nΦΩΣ 11 12\n"
READING = (
    "the options of reading are format, vocab, key, member, dim, header, limit, on_error, dtype, word_column, "
    "exact_words"
)
RULES = "expected one of first, last, error"


@pytest.fixture
def cased(tmp_path: Path) -> Path:
    (tmp_path / "t.txt").write_text(CASED, encoding="utf-8")
    return tmp_path / "t.txt"


def lowered(path: Path, **options: Any) -> tuple[dict[str, list[float]], embstore.Report]:
    out = path.with_suffix(".safetensors")
    with pytest.warns(embstore.EmbstoreWarning) as caught:
        report = embstore.convert(path, out, lower=True, **options)
    assert [str(warning.message) for warning in caught] == report.findings
    with embstore.open(out) as store:
        return {word: store[word].tolist() for word in store.itos}, report


def test_lower_keeps_the_first_of_equal_tokens_and_counts_the_others(cased: Path) -> None:
    table, report = lowered(cased)
    assert table == {"the": [1, 2], "été": [7, 8], "φως": [11, 12]}
    assert (report.rows, report.duplicates) == (3, 3)
    assert report.findings == ["repeated tokens: 3, the first 'the'"]


def test_duplicates_applies_to_tokens_that_lower_makes_equal(cased: Path) -> None:
    assert lowered(cased, duplicates="last")[0] == {"the": [5, 6], "été": [9, 10], "φως": [11, 12]}
    with pytest.raises(embstore.FormatError) as caught:
        embstore.convert(cased, cased.with_suffix(".npy"), lower=True, duplicates="error")
    target = cased.with_suffix(".npy")
    assert str(caught.value) == f"{target}: the token 'the' appears twice; `duplicates='first'` keeps the first of them"
    assert not target.exists()


def test_lower_is_applied_before_vocab_only(cased: Path) -> None:
    assert lowered(cased, vocab_only=["the", "The", "φως"])[0] == {"the": [1, 2], "φως": [11, 12]}


def test_lower_keeps_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_bytes(b"A\xff\xc9 1\nB 2\n")
    with pytest.warns(embstore.EmbstoreWarning, match="^tokens that are not UTF-8, their bytes kept: 1, "):
        embstore.convert(tmp_path / "t.txt", tmp_path / "t.safetensors", lower=True)
    with embstore.open(tmp_path / "t.safetensors") as store:
        assert list(store.itos) == ["a\udcff\udcc9", "b"]


@given(st.lists(st.text(max_size=4), min_size=1), st.integers(1, 5))
def test_lower_equals_str_lower(words: list[str], step: int) -> None:
    rows = np.arange(len(words), dtype=np.float32)[:, np.newaxis]
    tokens, vectors = tokens_and_vectors(Selection(lower=True).apply(source(words, rows, step)))
    assert [token.decode() for token in tokens] == [word.lower() for word in words]
    assert vectors.tolist() == rows.tolist()


@pytest.mark.parametrize("target", ["t.safetensors", "t.vec", "t.npz"])
def test_zero_rows_are_dropped_and_counted(tmp_path: Path, target: str) -> None:
    (tmp_path / "t.txt").write_text("a 0 0\nb 0 1e-40\nc -0.0 0\nd 1 -1\n", encoding="utf-8")
    with pytest.warns(embstore.EmbstoreWarning) as caught:
        report = embstore.convert(tmp_path / "t.txt", tmp_path / target, drop_zeros=True)
    assert [str(warning.message) for warning in caught] == report.findings
    assert report.findings == ["rows of zeros left out: 2, the first 'a'"]
    assert (report.rows, report.duplicates, report.skipped) == (2, 0, 0)
    assert list(embstore.open(tmp_path / target).itos) == ["b", "d"]


def test_a_row_of_nan_is_not_a_zero_row(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("a 0 nan\n", encoding="utf-8")
    with pytest.warns(embstore.EmbstoreWarning, match="^rows with NaN, Inf or a value beyond the dtype: 1, "):
        embstore.convert(tmp_path / "t.txt", tmp_path / "t.safetensors", drop_zeros=True)


def test_rows_that_are_rounded_to_zeros_are_kept(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("a 1e-30 0\nb 0 0\n", encoding="utf-8")
    with pytest.warns(embstore.EmbstoreWarning, match="^rows of zeros left out: 1"):
        embstore.convert(tmp_path / "t.txt", tmp_path / "t.safetensors", drop_zeros=True, dtype="float16")
    with embstore.open(tmp_path / "t.safetensors") as store:
        assert (list(store.itos), store.vectors.tolist()) == (["a"], [[0, 0]])


def test_a_table_of_zeros_writes_no_file(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("a 0 0\n", encoding="utf-8")
    target = tmp_path / "t.safetensors"
    with pytest.raises(embstore.FormatError) as caught:
        embstore.convert(tmp_path / "t.txt", target, drop_zeros=True)
    assert str(caught.value) == f"{target}: no rows to write: the input holds none, or all were left out"
    assert [path.name for path in tmp_path.iterdir()] == ["t.txt"]


def test_all_filters_combined() -> None:
    words = ["A", "a", "B", "b", "C", "D"]
    rows = np.array([[3, 4], [1, 1], [0, 0], [0, 2], [5, 0], [9, 9]], np.float32)
    findings = Findings()
    words_to_keep = ChosenWords(["a", "b", "d"]).vocab
    chosen = Selection(limit=5, vocab_only=words_to_keep, normalize=True, lower=True, drop_zeros=True).apply(
        source(words, rows, rows=6, findings=findings)
    )
    tokens, vectors = tokens_and_vectors(chosen)
    assert (tokens, chosen.rows) == ([b"a", b"a", b"b"], None)
    np.testing.assert_allclose(vectors, [[0.6, 0.8], [0.5**0.5, 0.5**0.5], [0, 1]], rtol=1e-7)
    assert findings.messages() == ["rows of zeros left out: 1, the first 'b'"]


READERS: dict[str, Callable[..., Any]] = {
    "open": embstore.open,
    "convert": lambda path, **options: embstore.convert(path, path.with_name("t.safetensors"), **options),
    "embedding": lambda path, **options: embstore.Embedding.from_pretrained(path, **options),
    "bag": lambda path, **options: embstore.EmbeddingBag.from_pretrained(path, **options),
}


@pytest.mark.parametrize(
    "reader",
    ["open", "convert", *(pytest.param(layer, marks=pytest.mark.torch) for layer in ("embedding", "bag"))],
)
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"duplicates": "frist"}, ValueError, f"duplicates='frist': {RULES}"),
        ({"duplicates": None}, ValueError, f"duplicates=None: {RULES}"),
        ({"on_error": "ignore"}, ValueError, "on_error='ignore': expected one of stop, skip"),
        ({"limit": 0}, ValueError, "limit=0: expected 1 or more"),
    ],
)
def test_options_are_checked_before_anything_is_read(
    tmp_path: Path, options: dict[str, Any], error: type[Exception], message: str, reader: str
) -> None:
    with pytest.raises(error) as caught:
        READERS[reader](tmp_path / "there is no such file.txt", **options)
    assert str(caught.value) == message


@pytest.mark.parametrize("reader", ["open", "convert"])
@pytest.mark.parametrize("options", [{"membr": "x"}, {"vocabs": "x", "kei": "y"}])
def test_unknown_options_are_named_before_anything_is_read(
    tmp_path: Path, options: dict[str, Any], reader: str
) -> None:
    with pytest.raises(TypeError) as caught:
        READERS[reader](tmp_path / "there is no such file.txt", **options)
    assert str(caught.value) == f"no option {next(iter(options))!r}; {READING}"


@pytest.mark.torch
@pytest.mark.parametrize(("reader", "layer"), [("embedding", "Embedding"), ("bag", "EmbeddingBag")])
@pytest.mark.parametrize(("option", "meant"), [("membr", "member"), ("vocabs", "vocab"), ("duplicate", "duplicates")])
def test_layers_suggest_an_option_before_anything_is_read(
    tmp_path: Path, reader: str, layer: str, option: str, meant: str
) -> None:
    with pytest.raises(TypeError) as caught:
        READERS[reader](tmp_path / "there is no such file.txt", **{option: "x"})
    assert str(caught.value) == f"{layer}.from_pretrained has no option {option!r}: did you mean {meant}=?"


@pytest.mark.torch
@pytest.mark.parametrize("rule", ["first", "last"])
def test_layers_take_the_options_of_open(tmp_path: Path, rule: Any) -> None:
    (tmp_path / "t.txt").write_text("a 1.5 2.5\na 3.5 4.5\n", encoding="utf-8")
    with pytest.warns(embstore.EmbstoreWarning, match="repeated"):
        layer = embstore.Embedding.from_pretrained(tmp_path / "t.txt", duplicates=rule)
    assert layer.weight.tolist() == [[1.5, 2.5] if rule == "first" else [3.5, 4.5]]


def test_both_filters_on_the_command_line(cased: Path) -> None:
    from embstore.cli.main import main

    out = cased.with_suffix(".safetensors")
    with pytest.raises(SystemExit) as left:
        main(["convert", str(cased), str(out), "--lower", "--drop-zeros", "--quiet"])
    assert left.value.code == 0
    with embstore.open(out) as store:
        assert list(store.itos) == ["the", "été", "φως"]


def test_vocab_only_ignores_words_that_cannot_be_tokens(cased: Path) -> None:
    out = cased.with_suffix(".safetensors")
    embstore.convert(cased, out, vocab_only=["\ud800", "été", "the\udfff"])
    assert list(embstore.open(out).itos) == ["été"]
    with pytest.raises(TypeError, match=r"^expected words as str, found 3$"):
        embstore.convert(cased, out, vocab_only=["the", 3], overwrite=True)  # type: ignore[list-item]


def test_the_chosen_words_may_come_through_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("the 1 2\nof 3 4\nfrog 5 6\n")
    reading, writing = os.pipe()
    os.write(writing, b"the\nfrog\n")
    os.close(writing)
    embstore.convert(tmp_path / "t.txt", tmp_path / "t.safetensors", vocab_only=f"/dev/fd/{reading}")
    os.close(reading)
    assert list(embstore.open(tmp_path / "t.safetensors").itos) == ["the", "frog"]
