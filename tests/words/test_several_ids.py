"""Words with several ids, against a model in plain Python: matrices of ids and weights, and the weights of means."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.ngram_models import GOLDENS, MODEL, MODELS

import embstore
from embstore.core.batch import Ints
from embstore.words.encoded import WeightedIds
from embstore.words.encoder import Encoder
from embstore.words.endings.base import Ending, FindIds
from embstore.words.lookup import Lookup
from embstore.words.missing import MissingWords

VOCABULARY = ["the", "frog"]
TEXTS = ["the", "frog", "", "a", "b", "ab", "cab", "bb"]


@dataclass(frozen=True, slots=True)
class Letters(Ending):
    """A row for each of the letters a, b and c, as many for a word as it has letters: none for the empty word."""

    name: ClassVar[str] = "letters"
    usages: ClassVar[tuple[str, ...]] = ("letters",)

    @property
    def ids_per_word(self) -> None:
        return

    @property
    def rows(self) -> int:
        return 3

    def bind(self, vocabulary: Lookup, first_row: int) -> FindIds:
        def find(words: MissingWords) -> tuple[Ints, Ints]:
            texts = words.strings()
            ids = [first_row + "abc".index(letter) for text in texts for letter in text]
            return np.array(ids, np.int64), np.array(list(map(len, texts)), np.int64)

        return find


@dataclass(frozen=True, slots=True)
class MeanOfLetters(Letters):
    """The same, whose rows are averaged."""

    shares_weight: ClassVar[bool] = True


ENDINGS: list[Letters] = [Letters(), MeanOfLetters()]


def ids_by_hand(word: str, padding: bool) -> list[int]:
    if word in VOCABULARY:
        return [VOCABULARY.index(word)]
    return [len(VOCABULARY) + padding + "abc".index(letter) for letter in word]


def matrix_by_hand(
    sentences: list[list[str]], ending: Letters, padding: bool, length: int | None, side: str
) -> tuple[list[Any], list[Any]]:
    cut = [sentence[:length] for sentence in sentences]
    width = max(map(len, cut), default=0) if length is None else length
    k = max([1, *(len(ids_by_hand(word, padding)) for sentence in cut for word in sentence)])
    ids, weights = [], []
    for sentence in cut:
        row, factors = [], []
        for word in sentence:
            found = ids_by_hand(word, padding)
            unused = len(VOCABULARY) if padding else found[0] if found else 0
            weight = 1 / max(len(found), 1) if ending.shares_weight else 1
            row.append(found + [unused] * (k - len(found)))
            factors.append([float(np.float32(weight))] * len(found) + [0.0] * (k - len(found)))
        missing = width - len(row)
        pads, zeros = [[len(VOCABULARY)] * k] * missing, [[0.0] * k] * missing
        ids.append(row + pads if side == "right" else pads + row)
        weights.append(factors + zeros if side == "right" else zeros + factors)
    return ids, weights


def plain(encoded: Any) -> tuple[list[Any], list[Any]]:
    assert isinstance(encoded, WeightedIds)
    assert [part.dtype for part in encoded] == [np.int64, np.float32]
    assert encoded.ids.shape == encoded.weights.shape
    return encoded.ids.tolist(), encoded.weights.tolist()


@given(
    st.lists(st.lists(st.sampled_from(TEXTS), max_size=4), min_size=1, max_size=4),
    st.sampled_from(ENDINGS),
    st.none() | st.integers(0, 5),
    st.sampled_from(["left", "right"]),
)
def test_batches(
    sentences: list[list[str]], ending: Letters, length: int | None, side: Literal["left", "right"]
) -> None:
    encoder = Encoder(embstore.Vocabulary(VOCABULARY), ending, padding=True)
    expected = matrix_by_hand(sentences, ending, True, length, side)
    assert plain(encoder.encode(sentences, length, side)) == expected
    column = pyarrow.array(sentences, pyarrow.list_(pyarrow.string()))
    assert plain(encoder.encode(column, length, side)) == expected


@given(st.lists(st.sampled_from(TEXTS), max_size=6), st.sampled_from(ENDINGS), st.booleans())
def test_sentences(sentence: list[str], ending: Letters, padding: bool) -> None:
    encoder = Encoder(embstore.Vocabulary(VOCABULARY), ending, padding=padding)
    found: Any = encoder.encode(sentence)
    assert plain(found) == tuple(part[0] for part in matrix_by_hand([sentence], ending, padding, None, "right"))
    assert found.ids.ndim == 2
    assert plain(encoder.encode([sentence])) == matrix_by_hand([sentence], ending, padding, None, "right")
    if padding:
        expected = matrix_by_hand([sentence], ending, padding, 3, "left")
        assert plain(encoder.encode(sentence, 3, "left")) == tuple(part[0] for part in expected)


def test_whether_weights_come_back_depends_on_the_policy_alone() -> None:
    vocabulary = embstore.Vocabulary(VOCABULARY)
    several, one = Encoder(vocabulary, "hash:5:2", padding=True), Encoder(vocabulary, "hash:5", padding=True)
    empty: list[Any] = [[], [[]], [["the"]], ["the"], [["the"], []]]
    for words in empty:
        assert isinstance(several.encode(words), WeightedIds)
        assert isinstance(one.encode(words), np.ndarray)
        bags = [words] if words and isinstance(words[0], str) else words
        assert several.encode_bags(bags, mode="mean").weights is not None
        assert several.encode_bags(bags).weights is None
        assert one.encode_bags(bags, mode="mean").weights is None
    assert [part.shape for part in several.encode([])] == [(0, 1)] * 2
    assert [part.shape for part in several.encode([[]])] == [(1, 0, 1)] * 2
    assert plain(several.encode(["the"])) == ([[0]], [[1]])


def test_hash_with_several_buckets() -> None:
    encoder = Encoder(embstore.Vocabulary(VOCABULARY), "hash:50:3", padding=True)
    toad = encoder.encode_bags([["toad"]]).values.tolist()
    assert plain(encoder.encode([["toad", "frog"], ["the"]])) == (
        [[toad, [1, 2, 2]], [[0, 2, 2], [2, 2, 2]]],
        [[[1, 1, 1], [1, 0, 0]], [[1, 0, 0], [0, 0, 0]]],
    )


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda golden: f"{golden['model'][7:13]}-{golden['word']!a}")
def test_ngrams(golden: dict[str, Any]) -> None:
    store = embstore.open(MODELS / golden["model"])
    found: Any = Encoder(store).encode([golden["word"]])
    count = len(golden["places"])
    assert found.ids.tolist() == [[len(store) + place for place in golden["places"]] or [0]]
    assert found.weights.tolist() == [[float(np.float32(1) / np.float32(max(count, 1)))] * count or [0]]


def test_uneven_sentences_need_padding() -> None:
    encoder = Encoder(embstore.Vocabulary(VOCABULARY), "hash:5:2")
    with pytest.raises(
        ValueError, match=r"^sentences of 1 to 2 words do not fill a matrix of 2 columns without padding"
    ):
        encoder.encode([["the", "x"], ["the"]])


def test_a_word_with_very_many_ids() -> None:
    encoder = Encoder(embstore.open(MODEL), "subword")
    long, tail = "a" * 30_000, "encode fewer words at a time, or use encode_bags, which needs no room"
    with pytest.raises(ValueError) as caught:
        encoder.encode(["the"] * 1500 + [long])
    assert str(caught.value) == (
        f"the word '{'a' * 77}...' has 90,000 ids, and a matrix has room for as many in each of 1,501 places: cut the "
        f"word, {tail}"
    )
    padded = Encoder(embstore.Vocabulary(VOCABULARY), "hash:5:256", padding=True)
    with pytest.raises(ValueError) as caught_by_places:  # few words, many places
        padded.encode([["x"] * 1000, *[["the"]] * 999])
    assert str(caught_by_places.value) == (
        "the word 'x' has 256 ids, and a matrix has room for as many in each of 1,000,000 places: cut the word, " + tail
    )
    assert [part.shape for part in encoder.encode([long])] == [(1, 90_000)] * 2


def test_encoded_words_are_pickled() -> None:
    encoded = Encoder(embstore.Vocabulary(VOCABULARY), "hash:5:2").encode(["the", "x"])
    assert plain(pickle.loads(pickle.dumps(encoded))) == plain(encoded)


# ------------------------------------------------------------------------------------------------------------ means


def weighted(bag: list[tuple[str, float]], ending: Letters) -> list[float]:
    """Return the weight of each id: those of the words over their total, shared by the ids of a word."""
    total = sum(weight for _, weight in bag)
    found = []
    for word, weight in bag:
        ids = ids_by_hand(word, False)
        share = 0 if total == 0 else weight / total / (max(len(ids), 1) if ending.shares_weight else 1)
        found += [share] * len(ids)
    return found


EIGHTHS = st.integers(-16, 16).map(lambda number: number / 8)  # their totals are exact, and often 0


@given(
    st.lists(st.lists(st.tuples(st.sampled_from(TEXTS), EIGHTHS), max_size=5), max_size=5),
    st.sampled_from(ENDINGS),
    st.booleans(),
)
def test_weights_of_means(bags: list[list[tuple[str, float]]], ending: Letters, last: bool) -> None:
    encoder = Encoder(embstore.Vocabulary(VOCABULARY), ending)
    words, numbers = [[word for word, _ in bag] for bag in bags], [[number for _, number in bag] for bag in bags]
    ones = [[(word, 1.0) for word, _ in bag] for bag in bags]
    cases: list[tuple[Any, Any]] = [(numbers, bags), (None, ones)]
    for given_weights, items in cases:
        found = encoder.encode_bags(words, given_weights, last, mode="mean")
        assert found.values.tolist() == [i for bag in words for word in bag for i in ids_by_hand(word, False)]
        sizes = [sum(len(ids_by_hand(word, False)) for word in bag) for bag in words]
        assert found.offsets.tolist() == np.cumsum([0, *sizes]).tolist()[: len(bags) + last]
        assert found.weights is not None
        assert found.weights.dtype == np.float32
        expected = [weight for bag in items for weight in weighted(bag, ending)]
        np.testing.assert_allclose(found.weights, expected, rtol=2e-7, atol=0)


def test_a_mean_leaves_out_words_that_the_policy_drops() -> None:
    encoder = Encoder(embstore.Vocabulary(VOCABULARY), "skip")
    weights: list[list[float]] = [[1, np.nan, 3], [9]]
    found = encoder.encode_bags([["the", "x", "frog"], ["x"]], weights, mode="mean")
    assert (found.values.tolist(), found.offsets.tolist()) == ([0, 1], [0, 2])
    assert found.weights is not None
    assert found.weights.tolist() == [0.25, 0.75]
    assert encoder.encode_bags([["the", "x"]], mode="mean").weights is None


def test_weights_beyond_float32_are_as_numpy_rounds_them() -> None:
    encoder = Encoder(embstore.Vocabulary(VOCABULARY), "zero")
    bags: list[list[str]] = [["the", "frog"], ["the", "frog"]]
    weights: list[list[float]] = [[3e38, -2.9999999e38], [np.inf, 1]]
    found = encoder.encode_bags(bags, weights, mode="mean").weights
    assert found is not None
    assert np.isfinite(found[:2]).all()
    assert np.isnan(found[2])
    assert found[3] == 0


def test_what_is_refused() -> None:
    vocabulary = embstore.Vocabulary(VOCABULARY)
    with pytest.raises(embstore.EmbstoreError) as caught:
        Encoder(vocabulary, "lower,hash:5:2").encode_bags([["the"]], mode="max")
    assert str(caught.value) == (
        "oov 'hash:5:2' gives a word 2 ids, whose rows are summed: use mode='sum' or mode='mean', not 'max', or "
        "another oov"
    )
    with pytest.raises(ValueError, match=r"^weights need mode='sum' or mode='mean', not 'max'$"):
        Encoder(vocabulary).encode_bags([["the"]], [[1]], mode="max")
    with pytest.raises(ValueError, match=r"^mode must be 'mean', 'sum', 'max', not 'average'$"):
        Encoder(vocabulary).encode_bags([["the"]], mode="average")  # type: ignore[arg-type]
