"""Rows in memory: as they came, and never there twice."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embstore.batch import Batch, Source, Tokens
from embstore.gathering import Gathered
from embstore.store import Store


@given(sizes=st.lists(st.integers(0, 30), max_size=20), expected=st.none() | st.integers(0, 300))
def test_rows_stand_as_they_came(sizes: list[int], expected: int | None) -> None:
    gathered, rows = Gathered(3, "<f4", expected), np.arange(3 * sum(sizes), dtype="<f4").reshape(-1, 3)
    begin = 0
    for size in sizes:
        gathered.add(rows[begin : begin + size])
        begin += size
    assert gathered.finish().tolist() == rows.tolist()
    assert gathered.finish().nbytes == rows.nbytes
    gathered.add(np.ones((2, 3), "<f4"))
    assert gathered.finish().tolist() == [*rows.tolist(), [1, 1, 1], [1, 1, 1]]


def big_batches(count: int, rows: int) -> Iterator[Batch]:
    for number in range(count):
        words = Tokens.pack(f"{number}.{row}" for row in range(rows))
        yield Batch(words, np.full((rows, 300), number, np.float32))


@pytest.mark.parametrize("told", [None, 20_000, 10**15])
def test_a_table_is_read_without_a_second_one_in_memory(told: int | None) -> None:
    special = [np.full((500, 300), row, np.float32) for row in range(4)]
    source = Source(300, big_batches(40, 500), rows=told, special=lambda _: iter(special))
    tracemalloc.start()
    store = Store.from_source(source, "made")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (len(store), store.special) == (20_000, 2000)
    assert [int(store[f"{number}.499"][299]) for number in (0, 17, 39)] == [0, 17, 39]
    assert store.weight[20_000::500, 0].tolist() == [0, 1, 2, 3]
    index = 300_000_000 if told == 10**15 else 0  # the slots of the most tokens that an index begins with, untouched
    assert peak < 1.45 * store.raw.nbytes + index


def test_special_rows_may_be_views_of_the_vocabulary_s() -> None:
    source = Source(300, big_batches(4, 500), special=lambda raw: iter([raw[:700], raw[1000:1001]]))
    weight = Store.from_source(source, "made").weight
    assert weight[2000:].tolist() == [*weight[:700].tolist(), *weight[1000:1001].tolist()]
