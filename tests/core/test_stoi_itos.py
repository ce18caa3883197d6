"""stoi and itos: a standard mapping and sequence over packed bytes."""

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

# any str whose lone surrogates are surrogate escapes
WORDS = st.text() | st.binary(max_size=4).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
LONE = st.text(st.characters(min_codepoint=0xD700, max_codepoint=0xDBFF, categories=["Cs", "Lo"]), min_size=1)
DISTINCT = st.lists(WORDS, min_size=1, max_size=30, unique_by=lambda word: word.encode("utf-8", "surrogateescape"))


SURROGATES = st.characters(categories=["Cs"])


def wtf8(word: str) -> bytes:
    return word.encode("utf-8", "surrogatepass")


def is_wtf8(token: bytes) -> bool:
    try:
        token.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def packed_vocab(tokens: list[bytes]) -> Vocab:
    builder = VocabBuilder()
    builder.add(Tokens.pack(tokens))
    return builder.vocab()


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
        assert str(caught.value) == f"row {index} is out of range for a vocabulary of {len(words)} tokens"


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
def test_only_a_str_is_in_a_vocabulary(kernel: ModuleType, word: object) -> None:
    vocab = vocab_of(["the", "3", "None"])
    assert word not in Stoi(vocab)
    with pytest.raises(TypeError, match=f"^a word must be a str, not {type(word).__name__}$"):
        vocab.rows(["the", word])  # type: ignore[list-item]


class Shout(str):
    """A subclass of str."""


def test_subclasses_of_str_are_accepted(kernel: ModuleType) -> None:
    vocab = vocab_of(["the", "thé"])
    assert vocab.rows([Shout("the"), Shout("thé"), np.str_("the")]).tolist() == [0, 1, 0]


def test_only_the_string_that_itos_gives_finds_a_row(kernel: ModuleType) -> None:
    vocab = packed_vocab(["café".encode(), b"ab\xff", b"\xed\xa0\x80"])
    assert list(Itos(vocab)) == ["café", "ab\udcff", "\udced\udca0\udc80"]
    assert vocab.rows(list(Itos(vocab))).tolist() == [0, 1, 2]
    others = ["caf\udcc3\udca9", "cafÃ©", "ab\ud800", "ab\udcff\ud800", "\ud800", "\udced\udca0\udc80\ud800", "ab\xff"]
    assert vocab.rows(others).tolist() == [-1] * 7
    assert not any(word in Stoi(vocab) for word in others)


ANY_STRINGS = st.text(SURROGATES | st.characters() | st.sampled_from("é\U00010000"), max_size=6)
TOKENS = st.lists(st.binary(max_size=5) | ANY_STRINGS.map(wtf8), min_size=1, max_size=20, unique=True)


@given(tokens=TOKENS, others=st.lists(ANY_STRINGS))
def test_any_bytes_come_back_and_no_other_string_finds_them(
    kernel: ModuleType, tokens: list[bytes], others: list[str]
) -> None:
    vocab = packed_vocab(tokens)
    strings = list(Itos(vocab))
    assert strings == [token.decode("utf-8", "surrogateescape") for token in tokens]
    assert vocab.rows(strings).tolist() == list(range(len(tokens)))
    others += [token.decode("utf-8", "surrogatepass") for token in tokens if is_wtf8(token)]
    others += ["".join(chr(byte + 0xDC00 * (byte > 127)) for byte in token) for token in tokens]
    rows = {string: row for row, string in enumerate(strings)}
    expected = [rows.get(word, -1) for word in others]
    stoi = Stoi(vocab)
    assert vocab.rows(others).tolist() == expected
    assert [stoi.get(word, -1) for word in others] == expected
    assert [word in stoi for word in others] == [row >= 0 for row in expected]


@pytest.mark.parametrize("offsets", [[0, 9], [3, 1], [-1, 1], [-(2**63), 2**63 - 1]])
def test_damaged_offsets_are_reported(kernel: ModuleType, offsets: list[int]) -> None:
    good = vocab_of(["abc"])
    vocab = Vocab(good.slots, np.array(offsets, np.int64).view(np.uint8), good.data)
    with pytest.raises(EmbstoreError) as caught:
        Itos(vocab)[0]
    assert str(caught.value) == "the token of row 0 is outside the token bytes: the store is damaged, verify it"
    with pytest.raises(EmbstoreError) as caught:
        list(Itos(vocab))
    expected = "token offsets decrease or point outside the token bytes: the store is damaged, verify it"
    assert str(caught.value) == expected
    assert vocab.rows(["abc", ""]).tolist() == [-1, -1]
