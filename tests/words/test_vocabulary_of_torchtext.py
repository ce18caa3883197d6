"""What users of torchtext find in `Vocabulary`: its ids, to the last one, its methods, and where it differs."""

from __future__ import annotations

import pickle
from collections import Counter, OrderedDict
from collections.abc import Mapping
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given

import embstore
from embstore.core.errors import UnknownTokenError
from embstore.words.vocabulary import Vocabulary

TOKENS = ["b", "a", "B", "é", "z", "a b", "", "<unk>", "<pad>", "\U0001f438", "\uffff"]
SENTENCES = st.lists(st.lists(st.sampled_from(TOKENS), max_size=8), max_size=8)
SPECIALS = st.lists(st.sampled_from(["<unk>", "<pad>", "b"]), unique=True, max_size=3)
MIN_FREQ = st.integers(0, 3)


def ids_of_a_mapping(counts: Mapping[str, int], min_freq: int, specials: list[str], special_first: bool) -> list[str]:
    """The tokens of torchtext's `vocab`, by id."""
    tokens = [token for token in counts if counts[token] >= min_freq and token not in specials]
    return specials + tokens if special_first else tokens + specials


def ids_of_sentences(
    sentences: list[list[str]], min_freq: int, specials: list[str], special_first: bool, max_tokens: int | None
) -> list[str]:
    """The tokens of torchtext's `build_vocab_from_iterator`, by id."""
    tokens = [token for sentence in sentences for token in sentence]
    ordered = sorted({(-tokens.count(token), token) for token in tokens})
    if max_tokens is not None:
        ordered = ordered[: max_tokens - len(specials)]
    return ids_of_a_mapping({token: -count for count, token in ordered}, min_freq, specials, special_first)


@given(sentences=SENTENCES, min_freq=MIN_FREQ, specials=SPECIALS, special_first=st.booleans())
def test_the_ids_of_build_vocab_from_iterator(
    sentences: list[list[str]], min_freq: int, specials: list[str], special_first: bool
) -> None:
    expected = ids_of_sentences(sentences, min_freq, specials, special_first, None)
    found = Vocabulary.from_tokens(
        sentences, min_freq, specials=specials, special_first=special_first, ties="alphabetical"
    )
    assert found.get_itos() == expected
    assert found.get_stoi() == {token: i for i, token in enumerate(expected)}
    assert [found[token] for token in expected] == list(range(len(expected)))


@given(sentences=SENTENCES, size=st.integers(0, 6))
def test_max_tokens_counts_the_specials(sentences: list[list[str]], size: int) -> None:
    specials = ["<s>", "</s>"]
    expected = ids_of_sentences(sentences, 1, specials, True, size + 2)
    assert list(Vocabulary.from_tokens(sentences, max_size=size, specials=specials, ties="alphabetical")) == expected


@given(
    counts=st.dictionaries(st.sampled_from(TOKENS), st.integers(0, 4)),
    min_freq=MIN_FREQ,
    specials=SPECIALS,
    special_first=st.booleans(),
)
def test_a_mapping_keeps_its_own_order(
    counts: dict[str, int], min_freq: int, specials: list[str], special_first: bool
) -> None:
    expected = ids_of_a_mapping(counts, min_freq, specials, special_first)
    for given_counts in (counts, OrderedDict(counts), Counter(counts)):
        found = Vocabulary.from_counts(given_counts, min_freq, specials=specials, special_first=special_first)
        assert list(found) == expected
        assert dict(given_counts) == counts


def test_one_text_in_each_order() -> None:
    text = [["the", "dog", "saw", "the", "cat"], ["a", "cat", "sat"]]
    made = {
        "first": ["<unk>", "the", "cat", "dog", "saw", "a", "sat"],
        "alphabetical": ["<unk>", "cat", "the", "a", "dog", "sat", "saw"],
    }
    for ties, expected in made.items():
        assert list(Vocabulary.from_tokens(text, specials=["<unk>"], ties=ties)) == expected  # type: ignore[arg-type]
    last = Vocabulary.from_tokens(text, 2, specials=["<unk>", "<pad>"], special_first=False)
    assert list(last) == ["the", "cat", "<unk>", "<pad>"]
    counts = {"sat": 1, "cat": 2, "dog": 2}
    assert list(Vocabulary.from_counts(counts, max_size=2)) == ["sat", "cat"]
    assert list(Vocabulary.from_tokens(counts)) == ["cat", "dog", "sat"]
    assert list(Vocabulary.from_tokens(counts, max_size=1, ties="alphabetical")) == ["cat"]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Vocabulary.from_tokens(["a"], specials="<unk>"), TypeError,
         "expected words, not one string: '<unk>'"),
        (lambda: Vocabulary.from_counts({"a": 1}, specials="ab"), TypeError, "expected words, not one string: 'ab'"),
        (lambda: Vocabulary.from_counts(["a"]), TypeError, "from_counts takes a mapping from word to count, not list"),  # type: ignore[arg-type]
        (lambda: Vocabulary.from_tokens(["a"], ties="random"), ValueError,  # type: ignore[arg-type]
         "ties must be 'first' or 'alphabetical', not 'random'"),
        (lambda: Vocabulary.from_tokens(["a"], max_size=-1), ValueError, "max_size must be 0 or more, not -1"),
        (lambda: Vocabulary(["a"]).lookup_indices("a"), TypeError, "expected words, not one string: 'a'"),
        (lambda: Vocabulary(["a", "b"]).lookup_tokens([0, -1]), IndexError,
         "row -1 is out of range for a vocabulary of 2 tokens"),
        (lambda: Vocabulary(["a", "b"]).lookup_token(2), IndexError,
         "row 2 is out of range for a vocabulary of 2 tokens"),
        (lambda: Vocabulary(["a"])[0], TypeError,  # type: ignore[index]
         "vocabulary[...] takes one word, not 0: for several words use lookup_indices, for the word of a row itos"),
        (lambda: Vocabulary(["a"])[["a"]], TypeError,  # type: ignore[index]
         "vocabulary[...] takes one word, not ['a']: for several words use lookup_indices, for the word of a row itos"),
        (lambda: Vocabulary(["a"]).append_token("a"), ValueError, "the vocabulary has the word 'a' already, in row 0"),
        (lambda: Vocabulary(["a"]).append_token(1), TypeError, "a word must be a str, not int"),  # type: ignore[arg-type]
        (lambda: Vocabulary(["a"]).insert_token("b", 2), IndexError,
         "index 2 is out of range: expected 0 to 1, the number of words"),
        (lambda: Vocabulary(["a"]).insert_token("b", -1), IndexError,
         "index -1 is out of range: expected 0 to 1, the number of words"),
        (lambda: Vocabulary(["é"]).append_token("\ud800"), ValueError,
         "token 1, '\\ud800', has a lone surrogate, which UTF-8 cannot encode: correct or remove it"),
    ],
)  # fmt: skip
def test_wrong_use(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message


def test_words_and_rows_both_ways() -> None:
    vocabulary = Vocabulary(["the", "café", ""])
    assert vocabulary["café"] == 1
    assert list(vocabulary) == vocabulary.get_itos() == ["the", "café", ""]
    assert vocabulary.get_stoi() == {"the": 0, "café": 1, "": 2}
    assert vocabulary.lookup_token(2) == ""
    assert vocabulary.lookup_tokens(np.array([2, 0])) == ["", "the"]
    assert vocabulary.lookup_tokens([]) == []
    assert vocabulary.lookup_indices([]) == []
    for words in (["café", "the", "café"], ("café", "the", "café"), pa.array(["café", "the", "café"])):
        found = vocabulary.lookup_indices(words)
        assert found == vocabulary(words) == [1, 0, 1]
        assert [type(row) for row in found] == [int] * 3


def test_unknown_words_are_named() -> None:
    vocabulary = Vocabulary(["the", "<unk>"])
    with pytest.raises(UnknownTokenError, match=r"^not in the vocabulary: 'qzxv'$"):
        vocabulary["qzxv"]
    with pytest.raises(KeyError) as caught:
        vocabulary.lookup_indices(["the", "qzxv", "vxzq", "qzxv"])
    assert str(caught.value) == "not in the vocabulary: 'qzxv', 'vxzq'"


@pytest.mark.parametrize("name", ["set_default_index", "get_default_index"])
def test_a_default_index_is_a_policy_here(name: str) -> None:
    vocabulary = Vocabulary(["the", "<unk>"])
    with pytest.raises(AttributeError) as caught:
        getattr(vocabulary, name)(1)
    told = "Encoder(vocabulary, oov='unk')"
    assert str(caught.value) == (
        f"a Vocabulary has no default index: a policy says what becomes of unknown words, as in {told}, which gives "
        "them the row of '<unk>'"
    )
    encoder = eval(told, {"Encoder": embstore.Encoder, "vocabulary": vocabulary})
    assert encoder.encode(["the", "qzxv"]).tolist() == [0, 1]
    with pytest.raises(AttributeError, match=r"^'Vocabulary' object has no attribute 'index'$"):
        vocabulary.index("the")


@given(words=st.lists(st.sampled_from(TOKENS), unique=True), at=st.integers(0, 11))
def test_words_are_inserted_as_into_a_list(words: list[str], at: int) -> None:
    vocabulary, at = Vocabulary(words), min(at, len(words))
    vocabulary.insert_token("new", at)
    vocabulary.append("newer")
    expected = [*words[:at], "new", *words[at:], "newer"]
    assert list(vocabulary) == expected
    assert vocabulary.rows(expected).tolist() == list(range(len(expected)))
    assert pickle.loads(pickle.dumps(vocabulary)) == vocabulary == Vocabulary(expected)


def test_an_error_changes_nothing() -> None:
    vocabulary = Vocabulary(["a", "b"])
    for wrong in ("a", "\ud800"):
        with pytest.raises(ValueError):
            vocabulary.append(wrong)
    assert vocabulary == Vocabulary(["a", "b"])


def test_encoders_keep_the_words_that_they_were_made_with() -> None:
    vocabulary = Vocabulary(["a", "b"])
    encoder = embstore.Encoder(vocabulary, oov="zero", padding=True)
    vocabulary.append_token("c")
    vocabulary.insert_token("first", 0)
    for each in (encoder, pickle.loads(pickle.dumps(encoder))):
        kept: Any = each.vocabulary
        assert each.encode(["a", "b", "c", "first"]).tolist() == [0, 1, 3, 3]
        assert (each.padding_idx, each.num_embeddings, list(kept)) == (2, 4, ["a", "b"])
        with pytest.raises(ValueError) as caught:
            kept.append_token("c")
        assert str(caught.value) == (
            "an encoder has this vocabulary, and its ids must stay: insert into a copy, Vocabulary(vocabulary)"
        )
    kept = encoder.vocabulary
    copied = Vocabulary(kept)
    copied.append_token("c")
    assert (list(copied), list(kept)) == (["a", "b", "c"], ["a", "b"])
    assert embstore.Encoder(kept).vocabulary is kept
    assert list(embstore.Encoder(vocabulary).encode(["first", "a"])) == [0, 1]


def test_equal_words_in_equal_order_are_equal() -> None:
    a = Vocabulary(["a", "bc", "é"])
    assert a == Vocabulary(iter(["a", "bc", "é"])) == pickle.loads(pickle.dumps(a))
    assert Vocabulary() == Vocabulary([])
    for words in (["a", "é", "bc"], ["ab", "c", "é"], ["a", "bc"], [], ["a", "bc", "É"]):
        assert a != Vocabulary(words)
    assert a != ["a", "bc", "é"]
    assert a != 3
    with pytest.raises(TypeError, match="unhashable type: 'Vocabulary'"):
        hash(a)


def test_columns_are_words_too() -> None:
    column = pa.array(["b", "a", "b"])
    assert list(Vocabulary(column[:2])) == ["b", "a"]
    assert Vocabulary(["a"]).rows(column).tolist() == [-1, 0, -1]
    for tokens in (
        column,
        pa.chunked_array([["b"], ["a", "b"]]),
        column.dictionary_encode(),
        pa.array([["b", "a"], ["b"]]),
    ):
        assert list(Vocabulary.from_tokens(tokens)) == ["b", "a"]
    with pytest.raises(ValueError, match=r"^1 nulls in the column: a word is null"):
        Vocabulary(pa.array(["a", None]))
    with pytest.raises(TypeError, match=r"^expected a column of strings, not one of list<\w+: string>$"):
        Vocabulary(["a"]).rows(pa.array([["a"]]))
