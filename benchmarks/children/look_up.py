"""Look up a list of a million words: STORE DISTRIBUTION (zipf or uniform). Prints the seconds of each method.

Under EMBSTORE_PLAIN=1 only embstore is timed.

Every list has new str objects, as a tokenizer creates them: no hash is cached, no object is a key of the dict.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from words import draw

import embstore
from embstore.core import kernels

WORDS = 1_000_000
Rows = Callable[[list[str]], Any]


def main(path: str, distribution: str) -> None:
    """Time each method once, another one first in every round; check that all agree."""
    store = embstore.open(path)
    words = list(store.itos)
    rows_of, index = {word: row for row, word in enumerate(words)}, pa.array(words)
    methods: dict[str, Rows] = {
        "embstore": store.rows,
        "dict": lambda fresh: np.fromiter(map(rows_of.get, fresh), np.int64, len(fresh)),
        "pyarrow": lambda fresh: pc.index_in(pa.array(fresh), value_set=index).to_numpy(zero_copy_only=False),
    }
    if not kernels.COMPILED:
        methods = {"embstore, without compiled functions": store.rows}
    round_ = int(os.environ.get("BENCHMARK_ROUND", "0"))
    expected = draw(WORDS, distribution, len(words), round_)
    text = "\n".join([words[row] for row in expected.tolist()])
    first = round_ % len(methods)
    found = {}
    for name, method in [*methods.items(), *methods.items()][first : first + len(methods)]:
        fresh = text.split("\n")
        start = time.perf_counter()
        rows = method(fresh)
        found[name] = {"lookup_seconds": time.perf_counter() - start}
        assert np.array_equal(rows, expected), name
    print(json.dumps(found))


main(*sys.argv[1:])
