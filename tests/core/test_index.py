"""The index on disk, against a dict: the same arrays for any batches and both implementations."""

from __future__ import annotations

from itertools import pairwise
from types import ModuleType

import hypothesis.strategies as st
import numpy as np
import pytest
import xxhash
from hypothesis import given

from embstore.core import _native, _speedups
from embstore.core.batch import Tokens
from embstore.core.errors import EmbstoreError
from embstore.core.index import VocabBuilder, slots_for

NAMES = st.sampled_from([b"", b"the", "d\u00e9j\u00e0".encode(), b"\xff", b"x" * 40])
WORDS = st.lists(st.binary(max_size=2) | NAMES, max_size=60)


def built(batches: list[list[bytes]], expected: int = 0) -> tuple[list[int], list[np.typing.NDArray[np.generic]]]:
    """Return the row of each word, and the three arrays."""
    builder, rows = VocabBuilder(expected), []
    for words in batches:
        rows += builder.add(Tokens.pack(words)).tolist()
    return rows, [array.copy() for array in builder.finish()]


def cut(words: list[bytes], cuts: list[int]) -> list[list[bytes]]:
    bounds = [0, *sorted(min(at, len(words)) for at in cuts), len(words)]
    return [words[start:stop] for start, stop in pairwise(bounds)]


def model(words: list[bytes]) -> list[int]:
    rows: dict[bytes, int] = {}
    return [rows.setdefault(word, len(rows)) for word in words]


@given(words=WORDS, cuts=st.lists(st.integers(0, 60), max_size=5), expected=st.integers(0, 100))
def test_rows_are_those_of_a_dict_for_any_batches(
    kernel: ModuleType, words: list[bytes], cuts: list[int], expected: int
) -> None:
    rows, arrays = built(cut(words, cuts), expected)
    assert rows == model(words)
    _, at_once = built([words])
    for array, other in zip(arrays, at_once, strict=True):
        np.testing.assert_array_equal(array, other)


@given(words=WORDS)
def test_every_word_is_found_and_no_other(kernel: ModuleType, words: list[bytes]) -> None:
    builder = VocabBuilder()
    builder.add(Tokens.pack(words))
    vocab, rows = builder.vocab(), dict(zip(words, model(words), strict=True))
    asked = [*words, *(word + b"?" for word in words), *(word[:-1] for word in words)]
    assert vocab.packed_rows(Tokens.pack(asked)).tolist() == [rows.get(word, -1) for word in asked]


@given(words=WORDS, cuts=st.lists(st.integers(0, 60), max_size=5))
def test_both_implementations_build_equal_arrays(words: list[bytes], cuts: list[int]) -> None:
    """Inserted directly into arrays that are large enough for all tokens."""
    results = []
    for module in (_native, _speedups):
        slots, packed = np.zeros(slots_for(len(words)), np.uint64), Tokens.pack(words)
        data, offsets, count = packed.data.copy(), packed.offsets.copy(), 0
        rows: list[int] = []
        for part in cut(words, cuts):
            # duplicates left unused bytes: pack the next part directly after the distinct tokens
            used = int(offsets[count])
            joined = np.frombuffer(b"".join(part), np.uint8)
            data[used : used + len(joined)] = joined
            offsets[count : count + len(part) + 1] = used + np.cumsum([0, *map(len, part)])
            rows += module.insert_tokens(slots, data, offsets, count, len(part)).tolist()
            count = max([-1, *rows]) + 1
        results.append((rows, slots.tolist(), offsets[: count + 1].tolist(), data[: offsets[count]].tobytes()))
    assert results[0] == results[1]


def test_the_layout_of_a_slot(kernel: ModuleType) -> None:
    _, (slots, offsets, data) = built([[b"the", b"", b"of"]])
    assert (offsets.tolist(), data.tobytes()) == ([0, 3, 3, 5], b"theof")
    assert len(slots) == 8
    expected = [0] * 8
    for row, word in enumerate([b"the", b"", b"of"]):
        hashed = xxhash.xxh64_intdigest(word)
        slot = hashed % 8
        while expected[slot]:
            slot = (slot + 1) % 8
        expected[slot] = (hashed >> 32 << 32) | (row + 1)
    assert slots.tolist() == expected


@pytest.mark.parametrize(("tokens", "slots"), [(0, 2), (1, 2), (2, 4), (3, 8), (4, 8), (5, 16), (400_000, 1 << 20)])
def test_an_index_is_at_most_half_full(tokens: int, slots: int) -> None:
    assert slots_for(tokens) == slots


def test_repeated_tokens_leave_no_unused_space(kernel: ModuleType) -> None:
    _, (slots, offsets, data) = built([[b"a"] * 500, [b"b"] * 500])
    assert (len(slots), offsets.tolist(), data.tobytes()) == (4, [0, 1, 2], b"ab")


def test_many_words_in_many_batches(kernel: ModuleType) -> None:
    words = [str(i * i % 7919).encode() for i in range(6000)]
    rows, arrays = built(cut(words, list(range(0, 6000, 701))))
    assert rows == model(words)
    assert arrays[0].tolist() == built([words])[1][0].tolist()


def test_an_empty_batch_adds_nothing(kernel: ModuleType) -> None:
    assert built([[], [b"a"], [], [b"a", b"b"], []])[0] == [0, 0, 1]


@pytest.fixture(scope="module")
def collisions() -> list[bytes]:
    """1,400 words whose home slots are the first 256 of 4,096, found by trial, as an attacker would."""
    candidates = Tokens.pack(b"%d" % i for i in range(40_000))
    hashes = _speedups.hash_tokens(candidates.data, candidates.offsets, 0)
    crowd = np.flatnonzero(hashes % np.uint64(4096) < 256)[:1400]
    assert len(crowd) == 1400
    return candidates.take(crowd).to_bytes()


def test_words_made_to_collide_are_refused(kernel: ModuleType, collisions: list[bytes]) -> None:
    with pytest.raises(EmbstoreError) as caught:
        built([collisions])
    assert str(caught.value) == "more than 1,024 tokens hash to the same slots: they were chosen to collide"


def test_1024_colliding_words_are_found(kernel: ModuleType, collisions: list[bytes]) -> None:
    builder = VocabBuilder()
    builder.add(Tokens.pack(collisions[:1024]))
    asked = Tokens.pack([*collisions[:1024], collisions[1024]])
    assert builder.vocab().packed_rows(asked).tolist() == [*range(1024), -1]


def test_an_index_without_room_is_refused(kernel: ModuleType) -> None:
    packed = Tokens.pack(["a", "b"])
    with pytest.raises(ValueError, match=r"^the index is too small for these tokens$"):
        kernel.insert_tokens(np.zeros(2, np.uint64), packed.data.copy(), packed.offsets.copy(), 0, 2)
