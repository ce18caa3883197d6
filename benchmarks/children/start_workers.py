"""A DataLoader with two spawned workers that encode words by a large store: STORE. Prints time and memory of each."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from memory import anonymous_bytes
from torch.utils.data import DataLoader

from embstore.layers import EmbeddingBag
from embstore.words.encoder import Encoder

WORKERS = 2


class Encode:
    """Collate: words to rows by an encoder or a layer, where one is given; then what the worker holds in memory."""

    def __init__(self, encoder: Encoder | EmbeddingBag | None) -> None:
        self.encoder = encoder

    def __call__(self, bags: list[list[str]]) -> int:
        """Return the worker's memory, once it has encoded."""
        if self.encoder is not None:
            self.encoder.encode(bags)
        return anonymous_bytes()


def start_workers(collate: Encode) -> dict[str, float]:
    """Run a batch through each worker; the seconds until then, and the larger worker's memory."""
    bags = [["token-1", "token-2"]] * 2 * WORKERS
    start = time.perf_counter()
    loader: DataLoader[Any] = DataLoader(
        bags,  # type: ignore[arg-type]
        batch_size=2,
        num_workers=WORKERS,
        multiprocessing_context="spawn",
        collate_fn=collate,
    )
    memory = max(loader)
    return {"start_seconds": time.perf_counter() - start, "anonymous_bytes": memory}


def main(path: str) -> None:
    """Hand the workers the encoder, the layer with its weight, and nothing."""
    layer = EmbeddingBag.from_pretrained(path, mode="sum")
    given = {"with the store's encoder": layer.encoder, "with the whole layer": layer, "with neither": None}
    print(json.dumps({case: start_workers(Encode(encoder)) for case, encoder in given.items()}))


if __name__ == "__main__":
    main(sys.argv[1])
