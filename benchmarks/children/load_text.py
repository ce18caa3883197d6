"""Read GloVe text into memory with one of embstore's peers, as its documentation recommends: PEER TEXT."""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any


def gensim(text: str) -> Callable[[], Any]:
    """Load KeyedVectors: float32 rows and a dict."""
    models = importlib.import_module("gensim.models")
    return lambda: models.KeyedVectors.load_word2vec_format(text, binary=False, no_header=True)


def pyarrow(text: str) -> Callable[[], Any]:
    """Load a pyarrow Table with one column per dimension: no rows and no index of words yet."""
    csv = importlib.import_module("pyarrow.csv")
    columns, fields = csv.ReadOptions(autogenerate_column_names=True), csv.ParseOptions(delimiter=" ", quote_char=False)
    return lambda: csv.read_csv(text, read_options=columns, parse_options=fields)


def snakefusion(text: str) -> Callable[[], Any]:
    """Load with Rust: normalised float32 rows and a hash map."""
    read = importlib.import_module("snakefusion").Embeddings.read_text
    return lambda: read(text)


def finalfusion(text: str) -> Callable[[], Any]:
    """Load with Python: normalised float32 rows and a dict."""
    load = importlib.import_module("finalfusion").load_text
    return lambda: load(text)


PEERS = {loader.__name__: loader for loader in (gensim, pyarrow, snakefusion, finalfusion)}

load = PEERS[sys.argv[1]](sys.argv[2])
start = time.perf_counter()
table = load()
print(json.dumps({"inside_seconds": time.perf_counter() - start}))
