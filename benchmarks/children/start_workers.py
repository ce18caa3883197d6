"""Start a DataLoader whose two spawned workers encode words with a large store: STORE. Prints time and memory."""

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
    """Collate function: encodes words with the encoder or layer, if any, and returns the worker's memory."""

    def __init__(self, encoder: Encoder | EmbeddingBag | None) -> None:
        self.encoder = encoder

    def __call__(self, bags: list[list[str]]) -> int:
        """Encode, then return the worker's anonymous memory."""
        if self.encoder is not None:
            self.encoder.encode(bags)
        return anonymous_bytes()


def start_workers(collate: Encode) -> dict[str, float]:
    """Run a batch through each worker; return the seconds until both are done, and the larger worker's memory."""
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
    """Give the workers the encoder, the layer with its weight, or nothing."""
    layer = EmbeddingBag.from_pretrained(path, mode="sum")
    encoders = {"with the store's encoder": layer.encoder, "with the whole layer": layer, "without encoder": None}
    print(json.dumps({case: start_workers(Encode(encoder)) for case, encoder in encoders.items()}))


if __name__ == "__main__":
    main(sys.argv[1])
