"""Open a table and look up the vector of one word: HOW FILE WORD. Modules are imported beforehand."""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from memory import anonymous_bytes

Opener = Callable[[str], Any]


def embstore() -> Opener:
    """Open a store, memory-mapped."""
    opener: Opener = importlib.import_module("embstore").open
    return opener


def gensim() -> Opener:
    """Memory-map the matrix, unpickle the words."""
    vectors = importlib.import_module("gensim.models").KeyedVectors
    return lambda path: vectors.load(path, mmap="r")


def numpy() -> Opener:
    """Memory-map the matrix, build a dict of the words."""
    np = importlib.import_module("numpy")

    class Table:
        def __init__(self, path: str) -> None:
            words = Path(path).with_suffix(".vocab.txt").read_text(encoding="utf-8").split("\n")[:-1]
            self.rows = {word: row for row, word in enumerate(words)}
            self.vectors = np.load(path, mmap_mode="r", allow_pickle=False)

        def __getitem__(self, word: str) -> Any:
            return self.vectors[self.rows[word]]

    return Table


how, path, word = sys.argv[1:]
open_table = {maker.__name__: maker for maker in (embstore, gensim, numpy)}[how]()
before = anonymous_bytes()
start = time.perf_counter()
table = open_table(path)
vector = table[word]
seconds = time.perf_counter() - start
print(json.dumps({"open_seconds": seconds, "anonymous_bytes": anonymous_bytes() - before}))
