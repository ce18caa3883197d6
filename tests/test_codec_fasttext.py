"""fastText's models: n-grams against a model of loops, vectors against gensim's."""

from __future__ import annotations

import numpy as np
import pytest
from goldens import FORMATS
from hypothesis import given
from hypothesis import strategies as st

import embstore
from embstore.batch import Tokens
from embstore.ngrams import Ngrams

# What gensim 4.4's load_facebook_vectors gives the words "frog" and "žába" of the golden files.
BY_GENSIM = {
    "ngrams_1_to_1": [[0.16249999, -0.29687500, -0.12500000], [-0.14375000, -0.28749999, -0.11562500]],
    "ngrams_2_to_4": [[-0.10576923, -0.17668270, -0.00480769], [-0.06971154, -0.26201922, -0.09014423]],
    "ngrams_3_to_6": [[0.06107955, -0.05397727, 0.11789773], [0.01278409, -0.38920453, -0.21732955]],
}


@pytest.mark.parametrize("name", BY_GENSIM)
def test_vectors_are_those_of_gensim(name: str) -> None:
    store = embstore.open(FORMATS / "fasttext" / "valid" / f"{name}.bin")
    np.testing.assert_allclose(store[["frog", "žába"]], BY_GENSIM[name], rtol=0, atol=1e-6)


def fnv(data: bytes) -> int:
    hashed = 2166136261
    for byte in data:
        hashed = (hashed ^ (byte - 256 if byte > 127 else byte) % (1 << 32)) * 16777619 % (1 << 32)
    return hashed


def by_loops(word: str, least: int, most: int, buckets: int) -> list[int]:
    """As fastText's Dictionary::computeSubwords goes over a word."""
    marked, found = f"<{word}>", []
    for start in range(len(marked)):
        for stop in range(start + 1, min(start + most, len(marked)) + 1):
            length = stop - start
            if length >= least and not (length == 1 and (start == 0 or stop == len(marked))):
                found.append(fnv(marked[start:stop].encode()) % buckets)
    return [] if word == "</s>" else found


words = st.lists(st.text(max_size=8) | st.just("</s>"), max_size=6)


@given(words=words, least=st.integers(1, 4), more=st.integers(0, 4), buckets=st.integers(1, 3_000_000))
def test_ngrams_are_those_of_loops(words: list[str], least: int, more: int, buckets: int) -> None:
    words = [word for word in words if word.isprintable() or word.isspace()]
    expected = [by_loops(word, least, least + more, buckets) for word in words]
    found, counts = Ngrams(least, least + more, buckets).of(Tokens.pack(words))
    assert counts.tolist() == [len(places) for places in expected]
    assert found.tolist() == [place for places in expected for place in places]


@pytest.mark.parametrize(("least", "most", "buckets"), [(0, 0, 5), (3, 6, 0), (3, 2, 5)])
def test_models_without_ngrams(least: int, most: int, buckets: int) -> None:
    found, counts = Ngrams(least, most, buckets).of(Tokens.pack(["frog", "toad"]))
    assert (found.tolist(), counts.tolist()) == ([], [0, 0])


def test_published_hashes() -> None:
    """FNV-1a of 32 bits, http://www.isthe.com/chongo/tech/comp/fnv; ASCII is extended by nothing."""
    found, _ = Ngrams(3, 3, 1 << 32).of(Tokens.pack(["a"]))
    assert found.tolist() == [fnv(b"<a>")]
    assert (fnv(b"a"), fnv(b"foobar")) == (0xE40C292C, 0xBF9CF968)
