"""Vocabularies without vectors: given, built from data, empty."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

import embstore
from embstore.core.errors import UnknownTokenError
from embstore.core.index import pack_for_hashing
from embstore.words.vocabulary import Vocabulary, count_tokens

WORDS = st.lists(st.sampled_from(["a", "b", "c", "é", "", "<pad>", "a b"]), max_size=30)


def test_it_has_the_interface_of_a_store(kernel: ModuleType) -> None:
    vocabulary = Vocabulary(["the", "café", ""])
    assert list(vocabulary.itos) == ["the", "café", ""]
    assert dict(vocabulary.stoi) == {"the": 0, "café": 1, "": 2}
    assert vocabulary.rows(["", "q", "the"]).tolist() == [2, -1, 0]
    assert vocabulary.rows(word for word in ["café"]).dtype == np.int64
    assert len(vocabulary) == 3
    assert "the" in vocabulary
    assert "q" not in vocabulary
    assert 3 not in vocabulary
    assert repr(vocabulary) == "<Vocabulary of 3 words>"
    with pytest.raises(UnknownTokenError):
        vocabulary.stoi["q"]


def test_no_words_at_all(kernel: ModuleType) -> None:
    empty = Vocabulary()
    assert len(empty) == 0
    assert list(empty.itos) == []
    assert empty.rows(["a", ""]).tolist() == [-1, -1]
    assert len(pickle.loads(pickle.dumps(empty))) == 0
    assert len(Vocabulary.from_tokens([])) == 0


def test_a_word_twice() -> None:
    with pytest.raises(ValueError) as caught:
        Vocabulary(["a", "b", "a", "b"])
    assert str(caught.value) == "the word 'a' appears twice: Vocabulary.from_tokens counts repeated words"


@pytest.mark.parametrize("make", [Vocabulary, Vocabulary.from_tokens])
def test_one_string_is_not_a_vocabulary(make: Any) -> None:
    with pytest.raises(TypeError) as caught:
        make("the")
    assert str(caught.value) == "expected words, not one string: 'the'"


def test_one_string_has_no_rows() -> None:
    with pytest.raises(TypeError) as caught:
        Vocabulary(["the"]).rows("the")
    assert str(caught.value) == "rows takes a list of words; for one word use stoi[word]"


def test_words_that_are_not_utf8_keep_their_bytes() -> None:
    words = ["\udcff", "a", "\udced\udca0\udc80", "é"]
    vocabulary = Vocabulary(words)
    for found in (vocabulary, pickle.loads(pickle.dumps(vocabulary))):
        assert list(found.itos) == words
        assert found.rows([*words, "\ud800", "\udcc3\udca9"]).tolist() == [0, 1, 2, 3, -1, -1]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("\ud800", "token 1, '\\ud800', has a lone surrogate, which UTF-8 cannot encode: correct or remove it"),
        (
            "\udcc3\udca9",
            "token 1, '\\udcc3\\udca9', has surrogate escapes for the bytes of 'é': use that string instead",
        ),
    ],
)
def test_words_that_no_token_can_be(word: str, message: str, tmp_path: Path) -> None:
    calls: list[Callable[[], object]] = [
        lambda: Vocabulary(["é", word]),
        lambda: Vocabulary.from_tokens(["é", "é", word]),
        lambda: embstore.save(tmp_path / "t.safetensors", ["é", word], np.zeros((2, 1), np.float32)),
    ]
    for call in calls:
        with pytest.raises(ValueError) as caught:
            call()
        assert str(caught.value) == message
    assert list(tmp_path.iterdir()) == []


@given(words=st.lists(st.text() | st.text(st.characters(exclude_categories=[]), max_size=3)))
def test_any_words_are_packed_as_one_by_one(words: list[str]) -> None:
    """Surrogate escapes become their bytes; words with other lone surrogates are encoded as WTF-8."""

    def encoded(word: str) -> bytes:
        try:
            return word.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            return word.encode("utf-8", "surrogatepass")

    assert pack_for_hashing(words).to_bytes() == [encoded(word) for word in words]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["b", "c", "a", "d"]),
        ({"min_freq": 2}, ["b", "c", "a"]),
        ({"max_size": 2}, ["b", "c"]),
        ({"max_size": 0}, []),
        ({"specials": ["<pad>", "a"], "max_size": 2}, ["<pad>", "a", "b", "c"]),
        ({"specials": ["d"], "min_freq": 9}, ["d"]),
    ],
)
def test_words_by_frequency_then_as_they_came(options: Any, expected: list[str]) -> None:
    words = ["c", "b", "a", "b", "c", "b", "a", "c", "b", "d"]
    for tokens in (words, iter(words), [words[:4], words[4:]], [tuple(words)], Counter(words), {**Counter(words)}):
        assert list(Vocabulary.from_tokens(tokens, **options).itos) == expected


def test_a_special_twice() -> None:
    with pytest.raises(ValueError, match=r"^the word '<pad>' appears twice"):
        Vocabulary.from_tokens([], specials=["<pad>", "<pad>"])


def test_counts() -> None:
    assert count_tokens([["a"], [], ["b", "a"]]) == {"a": 2, "b": 1}
    assert count_tokens(iter([])) == {}
    assert count_tokens([[], ["a"]]) == {"a": 1}


@given(
    words=WORDS,
    min_freq=st.integers(1, 3),
    max_size=st.none() | st.integers(0, 5),
    specials=st.sets(st.sampled_from("ab")),
)
def test_any_data(words: list[str], min_freq: int, max_size: int | None, specials: set[str]) -> None:
    first = list(specials)
    rest = {word: -words.count(word) for word in dict.fromkeys(words) if word not in specials}
    kept = [word for word in sorted(rest, key=rest.__getitem__) if -rest[word] >= min_freq][:max_size]
    vocabulary = Vocabulary.from_tokens(words, min_freq, max_size, first)
    again = pickle.loads(pickle.dumps(vocabulary))
    assert list(vocabulary.itos) == list(again.itos) == first + kept
    assert again.rows(words).tolist() == vocabulary.rows(words).tolist()


def test_it_pickles_as_its_packed_words() -> None:
    words = [f"word{i}" for i in range(1000)]
    assert len(pickle.dumps(Vocabulary(words))) < 8 * 1001 + len("".join(words)) + 500


def test_words_of_a_mapping_to_rows_have_these_rows() -> None:
    rows = {"c": 2, "a": 0, "b": 1}
    assert Vocabulary(rows).get_stoi() == rows
    assert list(Vocabulary({"c": 7, "a": 2, "b": 2})) == ["c", "a", "b"]  # counts
    assert list(Vocabulary({"c": True, "a": False})) == ["c", "a"]
