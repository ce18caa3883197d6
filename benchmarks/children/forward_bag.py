"""Time an EmbeddingBag with memory-mapped weight and with weight in ordinary memory: STORE. Prints median seconds."""

from __future__ import annotations

import json
import sys
import time
from statistics import median

import torch
from words import draw

from embstore.layers import EmbeddingBag

BAGS, LENGTH, CALLS = 8192, 50, 15


def main(path: str) -> None:
    """Time both layers on the same rows."""
    mapped = EmbeddingBag.from_pretrained(path, mode="sum")
    layers = {
        "memory-mapped weight": mapped,
        "weight in ordinary memory": torch.nn.EmbeddingBag.from_pretrained(mapped.weight.clone(), mode="sum"),
    }
    values = torch.from_numpy(draw(BAGS * LENGTH, "zipf", mapped.num_embeddings, 0))
    offsets = torch.arange(0, len(values), LENGTH)
    seconds: dict[str, list[float]] = {name: [] for name in layers}
    for _ in range(CALLS):
        for name, layer in layers.items():
            start = time.perf_counter()
            layer(values, offsets)
            seconds[name].append(time.perf_counter() - start)
    print(json.dumps({name: {"layer_seconds": median(times)} for name, times in seconds.items()}))


with torch.no_grad():
    main(sys.argv[1])
