"""Create a layer and its vocabulary from files: HOW FILE. Modules are imported beforehand."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from memory import anonymous_bytes

from embstore.layers import Embedding, EmbeddingBag


def numpy(path: str) -> tuple[Any, ...]:
    """Memory-map the matrix, build a dict of the words."""
    words = Path(path).with_suffix(".vocab.txt").read_text(encoding="utf-8").split("\n")[:-1]
    rows = {word: row for row, word in enumerate(words)}
    vectors = torch.from_numpy(np.load(path, mmap_mode="c", allow_pickle=False))
    return rows, torch.nn.Embedding.from_pretrained(vectors)  # type: ignore[no-untyped-call]


how, path = sys.argv[1:]
make = {"embedding": Embedding.from_pretrained, "bag": EmbeddingBag.from_pretrained, "numpy": numpy}[how]
before = anonymous_bytes()
start = time.perf_counter()
layer = make(path)  # type: ignore[operator]
seconds = time.perf_counter() - start
print(json.dumps({"ready_seconds": seconds, "anonymous_bytes": anonymous_bytes() - before}))
