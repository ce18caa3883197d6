"""`Selection`: rows are selected, scaled and rounded, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray
from support.tables import source

from embstore.core.batch import Batch, Source, Tokens
from embstore.ops.chosen_words import ChosenWords
from embstore.ops.selection import Selection

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d", "é", ""]), max_size=20)


def word_rows(source: Source) -> list[tuple[str, list[float]]]:
    found = []
    for batch in source.batches:
        assert len(batch.tokens) == len(batch.vectors)
        tokens = [token.decode("utf-8", "surrogateescape") for token in batch.tokens.to_bytes()]
        found += list(zip(tokens, batch.vectors.tolist(), strict=True))
    return found


def row_numbers(words: list[str]) -> NDArray[np.float32]:
    return np.arange(len(words), dtype=np.float32)[:, None]


@given(words=WORDS, cuts=st.integers(1, 7), limit=st.integers(1, 25))
def test_limit_keeps_the_first_rows(words: list[str], cuts: int, limit: int) -> None:
    selected = Selection(limit=limit).apply(source(words, row_numbers(words), cuts, rows=len(words)))
    assert selected.rows == min(limit, len(words))
    assert word_rows(selected) == [(word, [float(i)]) for i, word in enumerate(words)][:limit]


def test_limit_requests_no_further_batch() -> None:
    def batches() -> Iterator[Batch]:
        yield Batch(Tokens.pack(["a", "b"]), np.zeros((2, 1), np.float32))
        raise AssertionError("one batch was enough")

    assert len(word_rows(Selection(limit=2).apply(Source(dim=1, batches=batches())))) == 2


@given(words=WORDS, cuts=st.integers(1, 7), kept=st.sets(st.sampled_from(["a", "é", "", "x"]), min_size=1))
def test_vocab_only_keeps_the_order_of_the_file(words: list[str], cuts: int, kept: set[str]) -> None:
    selected = Selection(vocab_only=ChosenWords([*kept, *kept]).vocab).apply(source(words, row_numbers(words), cuts))
    assert selected.rows is None
    assert word_rows(selected) == [(word, [float(i)]) for i, word in enumerate(words) if word in kept]


def test_normalize_scales_to_length_1_and_keeps_zeros() -> None:
    vectors = np.array([[3, 4], [0, 0], [-1e-30, 0], [3e38, 3e38]], np.float32)
    found = word_rows(Selection(normalize=True).apply(source(list("abcd"), vectors)))
    half = float(np.float32(0.5**0.5))
    assert found == [("a", [0.6000000238418579, 0.800000011920929]), ("b", [0, 0]), ("c", [-1, 0]), ("d", [half, half])]


def test_normalize_counts_nonfinite_rows() -> None:
    vectors = np.array([[np.inf, 1], [np.nan, 1], [1, 0]], np.float32)
    selected = Selection(normalize=True).apply(source(list("abc"), vectors))
    found = dict(word_rows(selected))
    assert np.isnan(found["a"][0])
    assert np.isnan(found["b"][0])
    assert found["c"] == [1, 0]
    assert selected.findings.messages() == ["rows with NaN, Inf or a value beyond the dtype: 2, the first 'a'"]


@pytest.mark.parametrize(
    ("dtype", "kept"),
    [("float32", [1e6, 0.1]), ("float16", [np.inf, 0.0999755859375]), ("bfloat16", [999424, 0.10009765625])],
)
def test_rounded_values_are_those_that_are_written(dtype: Any, kept: list[float]) -> None:
    selected = Selection(dtype=dtype).apply(source(["a"], np.array([[1e6, 0.1]], np.float32)))
    assert selected.dtype == dtype
    ((_, row),) = word_rows(selected)
    assert row == np.array(kept, np.float32).tolist()
    counted = ["rows with NaN, Inf or a value beyond the dtype: 1, the first 'a'"] if dtype == "float16" else []
    assert selected.findings.messages() == counted


def test_large_values_whose_sum_overflows_are_not_counted() -> None:
    selected = Selection().apply(source(["a", "b"], np.full((2, 2), 3e38, np.float32)))
    assert len(word_rows(selected)) == 2
    assert selected.findings.messages() == []


@given(words=st.lists(st.binary(max_size=3), min_size=1, max_size=12), cuts=st.integers(1, 12))
def test_tokens_that_are_not_utf8_are_counted(words: list[bytes], cuts: int) -> None:
    def is_utf8(word: bytes) -> bool:
        try:
            word.decode()
        except UnicodeDecodeError:
            return False
        return True

    selected = Selection().apply(source(words, np.zeros((len(words), 1)), cuts))
    word_rows(selected)
    bad = [word for word in words if not is_utf8(word)]
    first = repr(bad[0].decode("utf-8", "surrogateescape")) if bad else ""
    counted = [f"tokens that are not UTF-8, their bytes kept: {len(bad)}, the first {first}"]
    assert selected.findings.messages() == (counted if bad else [])


def test_a_warning_shows_the_beginning_of_a_long_token() -> None:
    selected = Selection().apply(source(["x" * 100_000], np.array([[np.nan]], np.float32)))
    word_rows(selected)
    shown = "x" * 60
    assert selected.findings.messages() == [f"rows with NaN, Inf or a value beyond the dtype: 1, the first '{shown}'"]
