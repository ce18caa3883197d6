"""stoi and itos: a mapping and a sequence as Python has them, over packed bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from embstore.core.batch import Tokens
from embstore.core.errors import EmbstoreError, UnknownTokenError
from embstore.core.index import Itos, Stoi, Vocab, VocabBuilder

# any str but lone surrogates that stand for no byte
WORDS = st.text() | st.binary(max_size=4).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
LONE = st.text(st.characters(min_codepoint=0xD700, max_codepoint=0xDBFF, categories=["Cs", "Lo"]), min_size=1)
DISTINCT = st.lists(WORDS, min_size=1, max_size=30, unique_by=lambda word: word.encode("utf-8", "surrogateescape"))


def vocab_of(words: list[str]) -> Vocab:
    builder = VocabBuilder()
    builder.add(Tokens.pack(words))
    return builder.vocab()


@given(words=DISTINCT, others=st.lists(WORDS | LONE))
def test_stoi_is_the_dict_and_itos_the_list(kernel: ModuleType, words: list[str], others: list[str]) -> None:
    stoi, itos = Stoi(vocab_of(words)), Itos(vocab_of(words))
    rows = {word: row for row, word in enumerate(words)}
    assert dict(stoi) == rows
    assert list(itos) == words
    for word in [*words, *others]:
        assert (word in stoi) == (word in rows)
        assert stoi.get(word) == rows.get(word)
    assert vocab_of(words).rows([*words, *others]).tolist() == [rows.get(word, -1) for word in [*words, *others]]


@given(words=DISTINCT, index=st.integers(-40, 40), cut=st.slices(40))
def test_itos_is_indexed_like_a_list(words: list[str], index: int, cut: slice) -> None:
    itos = Itos(vocab_of(words))
    assert itos[cut] == words[cut]
    if -len(words) <= index < len(words):
        assert itos[index] == words[index]
        assert itos[np.int64(index)] == words[index]  # type: ignore[call-overload]
    else:
        with pytest.raises(IndexError) as caught:
            itos[index]
        assert str(caught.value) == f"row {index} of a vocabulary of {len(words)} tokens"


@given(words=st.lists(WORDS | st.just("the"), max_size=300))
def test_rows_of_any_iterable(kernel: ModuleType, words: list[str]) -> None:
    vocab = vocab_of(["the", "of"])
    expected = [0 if word == "the" else 1 if word == "of" else -1 for word in words]
    for listed in (words, tuple(words), iter(words), (word for word in words)):
        rows = vocab.rows(listed)
        assert rows.dtype == np.int64
        assert rows.tolist() == expected


def test_they_are_abstract_types_of_the_standard_library() -> None:
    vocab = vocab_of(["the", "of"])
    stoi, itos = Stoi(vocab), Itos(vocab)
    assert isinstance(stoi, Mapping)
    assert isinstance(itos, Sequence)
    assert (len(stoi), len(itos)) == (2, 2)
    assert (repr(stoi), repr(itos)) == ("<stoi of 2 tokens>", "<itos of 2 tokens>")
    assert itos.index("of") == 1
    assert "of" in itos


def test_an_unknown_word_is_a_key_error_that_names_it() -> None:
    stoi = Stoi(vocab_of(["the"]))
    with pytest.raises(KeyError) as caught:
        stoi["qzxv"]
    assert isinstance(caught.value, UnknownTokenError)
    assert isinstance(caught.value, EmbstoreError)
    assert caught.value.tokens == ("qzxv",)
    assert str(caught.value) == "not in the vocabulary: 'qzxv'"


def test_many_unknown_words_are_counted() -> None:
    assert str(UnknownTokenError("abcdefg")) == "not in the vocabulary: 'a', 'b', 'c', 'd', 'e' and 2 more"


@pytest.mark.parametrize("word", [None, 3, b"the", ("the",), 1.5])
def test_what_is_no_str_is_in_no_vocabulary(kernel: ModuleType, word: object) -> None:
    vocab = vocab_of(["the", "3", "None"])
    assert word not in Stoi(vocab)
    with pytest.raises(TypeError, match=f"^a word must be a str, not {type(word).__name__}$"):
        vocab.rows(["the", word])  # type: ignore[list-item]


class Shout(str):
    """A str of another class."""


def test_strings_of_another_class_are_strings(kernel: ModuleType) -> None:
    vocab = vocab_of(["the", "thé"])
    assert vocab.rows([Shout("the"), Shout("thé"), np.str_("the")]).tolist() == [0, 1, 0]


def test_a_text_and_the_bytes_it_stands_for_are_one_word(kernel: ModuleType) -> None:
    vocab = vocab_of(["caf\udcc3\udca9", "ab\udcff"])
    assert vocab.rows(["café", "caf\udcc3\udca9", "ab\udcff", "ab\ud800"]).tolist() == [0, 0, 1, -1]
    assert list(Itos(vocab)) == ["café", "ab\udcff"]


@pytest.mark.parametrize("offsets", [[0, 9], [3, 1], [-1, 1], [-(2**63), 2**63 - 1]])
def test_damaged_offsets_are_named(kernel: ModuleType, offsets: list[int]) -> None:
    good = vocab_of(["abc"])
    vocab = Vocab(good.slots, np.array(offsets, np.int64).view(np.uint8), good.data)
    with pytest.raises(EmbstoreError) as caught:
        Itos(vocab)[0]
    assert str(caught.value) == "the token of row 0 lies outside the vocabulary: the store is damaged, verify it"
    with pytest.raises(EmbstoreError) as caught:
        list(Itos(vocab))
    assert str(caught.value) == "token offsets fall or leave the vocabulary: the store is damaged, verify it"
    assert vocab.rows(["abc", ""]).tolist() == [-1, -1]
