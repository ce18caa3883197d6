"""Arrays that grow: rows in order, and no second copy in memory."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.running import output_of
from support.tables import big_batches

from embstore.core.batch import Source
from embstore.store.growing import GrowingRows
from embstore.store.store import load_store


@given(sizes=st.lists(st.integers(0, 30), max_size=20), expected=st.none() | st.integers(0, 300))
def test_rows_keep_their_order(sizes: list[int], expected: int | None) -> None:
    growing, rows = GrowingRows(3, "<f4", expected), np.arange(3 * sum(sizes), dtype="<f4").reshape(-1, 3)
    begin = 0
    for size in sizes:
        growing.add(rows[begin : begin + size])
        begin += size
    assert growing.finish().tolist() == rows.tolist()
    assert growing.finish().nbytes == rows.nbytes
    growing.add(np.ones((2, 3), "<f4"))
    assert growing.finish().tolist() == [*rows.tolist(), [1, 1, 1], [1, 1, 1]]


# the peak memory of a process: how tracemalloc counts arrays resized in place depends on the version of NumPy
READING = """
import sys
import numpy as np
from embstore.core.batch import Source
from embstore.store.store import load_store
from support.memory import peak_of_process
from support.tables import big_batches
special = [np.full((2500, 300), row, np.float32) for row in range(4)]
source = Source(300, big_batches(40, 2500), rows=eval(sys.argv[1]), special=lambda _: iter(special))
before = peak_of_process()
store = load_store(source, "made")
print((peak_of_process() - before) / store.weight.nbytes)
assert (len(store), store.special) == (100_000, 10_000)
assert [int(store[f"{number}.499"][299]) for number in (0, 17, 39)] == [0, 17, 39]
assert store.weight[100_000::2500, 0].tolist() == [0, 1, 2, 3]
"""


# the third: the slots for 16 M tokens, the maximum at the start of an index, take twice the memory of the table
@pytest.mark.parametrize(("stated", "maximum"), [(None, 1.45), (100_000, 1.45), (10**15, 1.45 + 2.05)])
def test_a_table_is_read_without_a_second_one_in_memory(stated: int | None, maximum: float) -> None:
    assert 0.9 < float(output_of(READING, repr(stated))) < maximum


def test_special_rows_may_be_views_of_the_vocabulary_rows() -> None:
    source = Source(300, big_batches(4, 500), special=lambda table: [table.block(0, 700), table.block(1000, 1001)])
    weight = load_store(source, "made").weight
    assert weight[2000:].tolist() == [*weight[:700].tolist(), *weight[1000:1001].tolist()]
