"""Time the forward pass of an EmbeddingBag over a store: STORE. Prints median seconds for Zipf and uniform words."""

from __future__ import annotations

import json
import sys
import time
from statistics import median

import torch
from words import draw

from embstore.layers import EmbeddingBag

BAGS, LENGTH, CALLS = 8192, 50, 25


def main(path: str) -> None:
    """Time sums on one core, one distribution after the other."""
    layer = EmbeddingBag.from_pretrained(path, mode="sum")
    offsets = torch.arange(0, BAGS * LENGTH, LENGTH)
    print(json.dumps({f"{kind}_seconds": seconds(layer, kind, offsets) for kind in ("zipf", "uniform")}))


def seconds(layer: EmbeddingBag, kind: str, offsets: torch.Tensor) -> float:
    """Return the median seconds of many calls."""
    values = torch.from_numpy(draw(BAGS * LENGTH, kind, layer.num_embeddings, 0))
    times = []
    for _ in range(CALLS):
        start = time.perf_counter()
        layer(values, offsets)
        times.append(time.perf_counter() - start)
    return median(times)


torch.set_num_threads(1)
with torch.no_grad():
    main(sys.argv[1])
