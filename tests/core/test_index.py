"""The index on disk, against a dict: the same arrays for any batches and both implementations."""

from __future__ import annotations

from itertools import pairwise
from types import ModuleType

import hypothesis.strategies as st
import numpy as np
import pytest
import xxhash
from hypothesis import given
from support.crafted import clusters, words_with_hashes

from embstore.core import _native, _speedups
from embstore.core.batch import Tokens
from embstore.core.index import SPARE, Vocab, VocabBuilder, has_long_run, slots_for

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


COLLIDING = st.permutations(clusters(60, 30).to_bytes())


@given(words=WORDS | COLLIDING, cuts=st.lists(st.integers(0, 60), max_size=5), seed=st.sampled_from([0, 1, 2**64 - 1]))
def test_both_implementations_build_equal_arrays(words: list[bytes], cuts: list[int], seed: int) -> None:
    """Inserted directly into arrays that are large enough for all tokens, until one is too far from home."""
    results = []
    for module in (_native, _speedups):
        slots, packed = np.zeros(slots_for(len(words)), np.uint64), Tokens.pack(words)
        data, offsets, count, spare = packed.data.copy(), packed.offsets.copy(), 0, SPARE
        rows: list[int] = []
        for part in cut(words, cuts):
            # duplicates left unused bytes: pack the next part directly after the distinct tokens
            used = int(offsets[count])
            joined = np.frombuffer(b"".join(part), np.uint8)
            data[used : used + len(joined)] = joined
            offsets[count : count + len(part) + 1] = used + np.cumsum([0, *map(len, part)])
            inserted, spare = module.insert_tokens(slots, data, offsets, count, len(part), seed, spare)
            rows += inserted.tolist()
            count = max([-1, *rows]) + 1
            if len(inserted) < len(part):
                break
        results.append((rows, spare, slots.tolist(), offsets[: count + 1].tolist(), data[: offsets[count]].tobytes()))
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


CROWDS = [(1, 400), (14, 14), (66, 66), (400, 400)]  # words in each cluster, words


@pytest.mark.parametrize(("size", "count"), CROWDS)
@pytest.mark.parametrize("expected", [0, 400])
def test_words_chosen_to_collide_are_indexed(kernel: ModuleType, size: int, count: int, expected: int) -> None:
    """As fast as others: no word is more than 64 slots from home, or all together more than 2 each and 64."""
    words = clusters(count, size)
    builder = VocabBuilder(expected)
    rows = [*builder.add(words[:10]).tolist(), *builder.add(words[5:]).tolist(), *builder.add(words[:3]).tolist()]
    assert rows == [*range(10), *range(5, count), 0, 1, 2]
    vocab = builder.vocab()
    assert (vocab.seed == 0) == (size == 1)
    assert vocab.packed_rows(words).tolist() == list(range(count))
    distances = distances_from_home(vocab)
    assert distances.max() <= 64
    assert distances.sum() <= 2 * count + 64


def distances_from_home(vocab: Vocab) -> np.typing.NDArray[np.int64]:
    """Slots between the home of each token and its place."""
    entries = vocab.slots.view("<u8")
    used = np.flatnonzero(entries)
    homes = _native.hash_tokens(vocab.data, vocab.offsets.view("<i8"), vocab.seed) & np.uint64(len(entries) - 1)
    rows = (entries[used] & np.uint64(0xFFFFFFFF)).astype(np.int64) - 1
    distances: np.typing.NDArray[np.int64] = (used - homes[rows].astype(np.int64)) % len(entries)
    return distances


def test_words_chosen_to_collide_give_one_index_for_any_batches(kernel: ModuleType) -> None:
    """The seed of the result depends on the words alone, although that of the work is random."""
    words = clusters(300, 60)
    results = []
    for batch, expected in ((300, 0), (7, 0), (64, 300), (1, 1000)):
        builder = VocabBuilder(expected)
        for start in range(0, 300, batch):
            builder.add(words[start : start + batch])
        results.append((builder.vocab().slots.tobytes(), builder.seed))
    assert len(set(results)) == 1


@pytest.mark.parametrize(("count", "suits"), [(256, True), (257, False), (5000, False)])
def test_words_side_by_side_do_not_slow_the_search_for_unknown_ones(
    kernel: ModuleType, count: int, suits: bool
) -> None:
    """Each at its home, in one run of slots, in which the search for an unknown word would not end."""
    number = np.arange(count, dtype=np.uint64)
    builder = VocabBuilder()
    builder.add(words_with_hashes(number << np.uint64(32) | (number + np.uint64(8000))))
    vocab = builder.vocab()
    assert (vocab.seed == 0) == suits
    assert not has_long_run(vocab.slots.view("<u8"))


@given(used=st.lists(st.tuples(st.integers(0, 1023), st.integers(1, 300)), max_size=6))
def test_long_runs_are_found(used: list[tuple[int, int]]) -> None:
    slots = np.zeros(1024, np.uint64)
    for start, length in used:
        slots[np.arange(start, start + length) % 1024] = 1
    if slots.all():
        slots[0] = 0
    marks = "".join("x" if slot else " " for slot in slots)
    assert has_long_run(slots) == (max(map(len, (marks + marks).split(" "))) > 256)


def test_the_seed_cannot_be_chosen(kernel: ModuleType) -> None:
    """Words that collide under the seed derived from others: it is derived from all words, these too."""
    builder = VocabBuilder()
    builder.add(clusters(100, 100))
    builder.finish()
    first = builder.seed
    both = VocabBuilder()
    both.add(clusters(100, 100))
    both.add(clusters(100, 100, seed=first))
    vocab = both.vocab()
    assert vocab.seed not in (0, first)
    assert distances_from_home(vocab).max() <= 64


def test_an_index_without_room_is_refused(kernel: ModuleType) -> None:
    packed = Tokens.pack(["a", "b"])
    with pytest.raises(ValueError, match=r"^the index is too small for these tokens$"):
        kernel.insert_tokens(np.zeros(2, np.uint64), packed.data.copy(), packed.offsets.copy(), 0, 2, 0, 64)
