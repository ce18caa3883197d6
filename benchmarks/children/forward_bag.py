"""A bag over the mapped file and over ordinary memory: STORE. Prints of each the median seconds, taken in turns."""

from __future__ import annotations

import json
import sys
import time
from statistics import median

import torch
from words import draw

from embstore.layers import EmbeddingBag

BAGS, LENGTH, TURNS = 8192, 50, 15


def main(path: str) -> None:
    """Time the same rows through both."""
    mapped = EmbeddingBag.from_pretrained(path, mode="sum")
    layers = {
        "over the map": mapped,
        "over ordinary memory": torch.nn.EmbeddingBag.from_pretrained(mapped.weight.clone(), mode="sum"),
    }
    values = torch.from_numpy(draw(BAGS * LENGTH, "zipf", mapped.num_embeddings, 0))
    offsets = torch.arange(0, len(values), LENGTH)
    seconds: dict[str, list[float]] = {name: [] for name in layers}
    for _ in range(TURNS):
        for name, layer in layers.items():
            start = time.perf_counter()
            layer(values, offsets)
            seconds[name].append(time.perf_counter() - start)
    print(json.dumps({name: {"layer_seconds": median(times)} for name, times in seconds.items()}))


with torch.no_grad():
    main(sys.argv[1])
