"""Vectors for the vocabulary of the caller."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

import embstore
from embstore.core.dtypes import encode_rows, from_bfloat16
from embstore.core.options import Dtype
from embstore.store.store import Store
from embstore.words.endings.hash import Hash
from embstore.words.special_rows import special_rows

WORDS = ["the", "frog", "<unk>"]
VECTORS = np.array([[1.5, 2], [3, 4.25], [-7, 8]], np.float32)
DTYPES: list[Dtype] = ["float32", "float16", "bfloat16"]


def saved_and_opened(folder: Path, dtype: Dtype = "float32", **options: Any) -> Store:
    embstore.save(folder / "words.safetensors", WORDS, VECTORS, dtype=dtype, overwrite=True)
    if not options:
        return embstore.open(folder / "words.safetensors")
    embstore.convert(folder / "words.safetensors", folder / "special.safetensors", overwrite=True, **options)
    return embstore.open(folder / "special.safetensors")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return saved_and_opened(tmp_path_factory.mktemp("aligned"))


def test_row_i_is_words_i(store: Store) -> None:
    matrix = store.aligned(["frog", "the", "frog"])
    assert matrix.dtype == np.float32
    assert matrix.tolist() == [[3, 4.25], [1.5, 2], [3, 4.25]]
    matrix[0] = 9  # a copy
    assert store["frog"].tolist() == [3, 4.25]


def test_no_words(store: Store) -> None:
    assert store.aligned([]).shape == store.aligned([], "hash:3:2").shape == (0, 2)


def test_unknown_words(store: Store) -> None:
    assert store.aligned(["<pad>", "The", "the"], "lower,zero").tolist() == [[0, 0], [1.5, 2], [1.5, 2]]
    assert store.aligned(["q"], "unk").tolist() == [[-7, 8]]
    assert store.aligned(["q", "the"], "mean").tolist() == [VECTORS.mean(axis=0).tolist(), [1.5, 2]]
    with pytest.raises(embstore.UnknownTokenError) as caught:
        store.aligned(["the", "q", "z", "q"])
    assert caught.value.tokens == ("q", "z")


def test_skip_is_refused(store: Store) -> None:
    with pytest.raises(ValueError) as caught:
        store.aligned(["the"], "lower,skip")
    cure = "use 'zero'"
    assert str(caught.value) == f"oov 'skip' gives unknown words no vector, and aligned needs one for each word: {cure}"


def test_one_string_is_not_a_list_of_words(store: Store) -> None:
    with pytest.raises(TypeError) as caught:
        store.aligned("the")
    assert str(caught.value) == "aligned takes a list of words, not one string: 'the'"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("oov", ["mean", "hash:4", "hash:4:2"])
def test_a_file_with_the_rows_gives_the_same(tmp_path: Path, dtype: Dtype, oov: str) -> None:
    words = ["the", "q", "frog", "z"]
    plain, special = saved_and_opened(tmp_path, dtype), saved_and_opened(tmp_path, dtype, oov=oov, padding=True)
    expected = special.aligned(words)
    assert np.array_equal(plain.aligned(words, oov), expected)
    assert np.array_equal(special.aligned(words, oov), expected)
    assert np.array_equal(expected[[0, 2]], plain[["the", "frog"]].astype(np.float32))
    assert not np.array_equal(expected[1], np.zeros(2))


@given(words=st.lists(st.sampled_from([*WORDS, "THE", "q", "z", ""])), k=st.integers(1, 3))
def test_any_words(store: Store, words: list[str], k: int) -> None:
    buckets = special_rows(store, "hash:5", False)

    def row(word: str) -> Any:
        known = word.lower() if word.lower() in WORDS else word
        if known in WORDS:
            return VECTORS[WORDS.index(known)]
        return np.add.reduce(buckets[Hash(5, k).buckets_of([word])[0]])

    matrix = store.aligned(words, f"lower,hash:5:{k}")
    assert matrix.shape == (len(words), 2)
    for vector, word in zip(matrix, words, strict=True):
        assert vector == pytest.approx(row(word), rel=1e-6)


def test_bfloat16_is_decoded(tmp_path: Path) -> None:
    store = saved_and_opened(tmp_path, "bfloat16")
    expected = from_bfloat16(encode_rows(VECTORS, "bfloat16"))
    assert np.array_equal(store.aligned(WORDS), expected)
    assert np.array_equal(store.aligned([*WORDS, "q"], "zero"), np.concatenate([expected, np.zeros((1, 2))]))
