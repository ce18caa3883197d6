"""Policies: their text, the forms that back-offs make, the buckets of words."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from types import ModuleType
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
import xxhash
from hypothesis import given
from support.paths import FORMATS

from embstore.words.backoffs import BACK_OFFS, find_forms
from embstore.words.endings.error import Error
from embstore.words.endings.hash import Hash
from embstore.words.endings.mean import Mean
from embstore.words.endings.skip import Skip
from embstore.words.endings.subword import Subword
from embstore.words.endings.unk import Unk
from embstore.words.endings.zero import Zero
from embstore.words.policy import Policy


def golden_policies(path: str) -> list[Any]:
    found: list[Any] = json.loads((FORMATS / "oov" / path).read_text())
    assert found
    return found


# ------------------------------------------------------------------------------------------------------ text


@pytest.mark.parametrize("golden", golden_policies("valid/texts.json"), ids=lambda golden: golden["text"])
def test_text_is_parsed_and_written(golden: dict[str, str]) -> None:
    policy = Policy.parse(golden["text"])
    assert str(policy) == golden["canonical"]
    assert Policy.parse(str(policy)) == policy
    assert policy.named


@pytest.mark.parametrize("golden", golden_policies("invalid/texts.json"), ids=lambda golden: golden["text"])
def test_text_that_is_not_a_policy(golden: dict[str, str]) -> None:
    with pytest.raises(ValueError) as caught:
        Policy.parse(golden["text"])
    assert str(caught.value) == golden["message"]


def test_a_long_part_is_shown_short() -> None:
    with pytest.raises(ValueError) as caught:
        Policy.parse("x" * 10_000)
    assert str(caught.value).startswith(f"oov: {'x' * 77 + '...'!r} is not a back-off or an ending (back-offs: nfc, ")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, Policy()),
        ("error", Policy((), Error())),
        ("lower,digits,hash:1000", Policy(("lower", "digits"), Hash(1000))),
        ("unk:a,b", Policy((), Unk("a,b"))),
        (Policy(("nfc",), Skip()), Policy(("nfc",), Skip())),
        (Mean(), Policy((), Mean())),
        (Hash(7, 2), Policy((), Hash(7, 2))),
        (str.upper, Policy((str.upper,), Error())),
        (["lower", str.upper, "hash:10:2"], Policy(("lower", str.upper), Hash(10, 2))),
        (("casefold", Zero()), Policy(("casefold",), Zero())),
        (["accents"], Policy(("accents",), Error())),
        ([], Policy()),
        ("subword", Policy((), Subword())),
    ],
    ids=repr,
)
def test_a_policy_is_made_of_its_parts(given: Any, expected: Policy) -> None:
    assert Policy.parse(given) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["zero", str.lower], "oov: the ending 'zero' must be the last part, and the only ending"),
        (["lower", 3], "oov: 3 is not a back-off, an ending or a function"),
        (3.5, "oov: 3.5 is not a back-off, an ending or a function"),
    ],
)
def test_invalid_parts(given: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        Policy.parse(given)
    assert str(caught.value) == message


def test_an_unknown_back_off_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^oov: 'stem' is not a back-off \(back-offs: nfc, lower, casefold, accents, "
    ):
        Policy(("stem",))


def test_a_function_has_its_name_in_the_text_and_is_pickled_by_it() -> None:
    policy = Policy.parse([str.upper, "zero"])
    assert str(policy) == "<str.upper>,zero"
    assert not policy.named
    assert pickle.loads(pickle.dumps(policy)) == policy


ENDINGS = st.one_of(
    st.sampled_from([Error(), Skip(), Zero(), Mean(), Unk(), Subword()]),
    st.builds(Hash, st.integers(1, 2**32), st.integers(1, 256)),
    st.builds(Unk, st.text(min_size=1)),
)


@given(backoffs=st.lists(st.sampled_from(list(BACK_OFFS)), unique=True), ending=ENDINGS)
def test_any_policy_comes_back_from_its_text(backoffs: list[str], ending: Any) -> None:
    policy = Policy(tuple(backoffs), ending)
    assert Policy.parse(str(policy)) == policy


# ------------------------------------------------------------------------------------------------- back-offs


class Recorder:
    """A vocabulary of one word or none, which records the words that it was asked for."""

    def __init__(self, known: str | None = None) -> None:
        self.known = known
        self.asked: list[str] = []

    def rows(self, words: list[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
        self.asked += words
        return np.array([0 if word == self.known else -1 for word in words], np.int64)


@pytest.mark.parametrize("golden", golden_policies("valid/forms.json"), ids=lambda golden: golden["back_offs"])
def test_the_forms_that_are_tried(golden: Any) -> None:
    back_offs = Policy.parse(golden["back_offs"]).backoffs
    recorder = Recorder()
    rows, by = find_forms(back_offs, [golden["word"]], recorder.rows)
    assert recorder.asked == golden["forms"]
    assert (rows.tolist(), by.tolist()) == ([-1], [-1])
    for form in golden["forms"]:
        recorder = Recorder(form)
        assert find_forms(back_offs, [golden["word"]], recorder.rows)[0].tolist() == [0]


def test_a_word_that_was_found_is_not_tried_again() -> None:
    recorder = Recorder("thé")
    rows, by = find_forms(("lower", "accents"), ["THÉ", "QÉ"], recorder.rows)
    assert (rows.tolist(), by.tolist()) == ([0, -1], [0, -1])
    assert recorder.asked == ["thé", "qé", "qe"]


@pytest.mark.parametrize("known", [{"A0": 1, "A#": 2}, {"A0": 2, "A#": 1}])
def test_the_first_form_wins(known: dict[str, int]) -> None:
    def rows(words: list[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
        return np.array([known.get(word, -1) for word in words], np.int64)

    assert find_forms(("digits",), ["A1"], rows)[0].tolist() == [known["A0"]]


def test_a_function_may_have_no_other_form() -> None:
    """None leaves the word unchanged, and the next back-off continues with it."""

    def stem(word: str) -> str | None:
        return word.removesuffix("ING") if word.endswith("ING") else None

    recorder = Recorder("walk")
    rows, by = find_forms((stem, "lower"), ["WALKING", "WALK"], recorder.rows)
    assert (rows.tolist(), by.tolist()) == ([0, 0], [1, 1])


WORDS = st.text("aAbBé\u0301É1\uff12ß", max_size=4)


@given(
    back_offs=st.lists(st.sampled_from(list(BACK_OFFS)), unique=True, max_size=4),
    words=st.lists(WORDS, unique=True, max_size=6),
    known=st.dictionaries(WORDS, st.integers(0, 99), max_size=8),
)
def test_forms_are_found_as_by_one_word_at_a_time(
    back_offs: list[str], words: list[str], known: dict[str, int]
) -> None:
    def model(word: str) -> tuple[int, int]:
        forms = [word]
        for number, back_off in enumerate(back_offs):
            forms = [str(function(form)) for function in BACK_OFFS[back_off] for form in forms]
            for form in forms:
                if form in known:
                    return known[form], number
        return -1, -1

    rows, by = find_forms(back_offs, words, lambda forms: np.array([known.get(form, -1) for form in forms], np.int64))
    assert list(zip(rows.tolist(), by.tolist(), strict=True)) == [model(word) for word in words]


# --------------------------------------------------------------------------------------------------- buckets


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1000, 3), (4096, 2), (2**32, 4)], ids=str)
def test_the_buckets_of_the_format(kernel: ModuleType, size: tuple[int, int]) -> None:
    vectors = [v for v in golden_policies("valid/buckets.json") if (v["buckets"], v["hashes"]) == size]
    words = [bytes.fromhex(v["word"]).decode("utf-8", "surrogateescape") for v in vectors]
    assert words[1:3] == ["the", "The"]
    assert Hash(*size).buckets_of(words).tolist() == [v["places"] for v in vectors]


def test_a_lone_surrogate_has_a_bucket(kernel: ModuleType) -> None:
    expected = [
        v["places"] for v in golden_policies("valid/buckets.json") if v["word"] == "eda080" and v["buckets"] == 1000
    ]
    assert Hash(1000, 3).buckets_of(["\ud800"]).tolist() == expected


@given(words=st.lists(st.text(max_size=40)), buckets=st.integers(1, 2**32), k=st.integers(1, 4))
def test_the_buckets_of_any_words(kernel: ModuleType, words: list[str], buckets: int, k: int) -> None:
    def bucket(word: str, seed: int) -> int:
        return int(xxhash.xxh64_intdigest(word.encode("utf-8", "surrogatepass"), seed)) % buckets

    places = Hash(buckets, k).buckets_of(words)
    assert places.dtype == np.int64
    assert places.shape == (len(words), k)
    assert places.tolist() == [[bucket(word, i + 1) for i in range(k)] for word in words]


def test_buckets_are_the_same_in_every_process() -> None:
    words = ["uxm3", "a12o", "w29k"]
    code = f"from embstore.words.endings.hash import Hash; print(Hash(10**6, 2).buckets_of({words}).tolist())"
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "EMBSTORE_PLAIN": plain},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, plain in [("0", "0"), ("1", "1"), ("random", "0")]
    }
    expected = [[int(xxhash.xxh64_intdigest(word.encode(), seed)) % 10**6 for seed in (1, 2)] for word in words]
    assert printed == {f"{expected}\n"}
