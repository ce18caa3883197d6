"""Files with bytes changed, and everything that can be asked of a store that may be damaged."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

import embstore
from embstore.core.errors import EmbstoreError


def with_changed_bytes(whole: bytes, random: np.random.Generator, reach: int) -> bytes:
    """Return the bytes with one to three of the first ``reach`` changed."""
    damaged = bytearray(whole)
    for place in random.integers(0, reach, random.integers(1, 4)):
        damaged[place] = random.integers(256)
    return bytes(damaged)


def spans_of_tensors(raw: bytes) -> dict[str, slice]:
    """Return where each tensor of a safetensors file is."""
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    spans = {name: entry["data_offsets"] for name, entry in header.items() if name != "__metadata__"}
    return {name: slice(8 + length + start, 8 + length + stop) for name, (start, stop) in spans.items()}


def ask_everything(path: Path, words: Sequence[str]) -> None:
    """Open a store and call all that it has; errors of embstore's own are fine."""
    try:
        store = embstore.open(path, format="store")
    except EmbstoreError:
        return
    text = path.with_suffix(".txt")
    calls: list[Callable[[], object]] = [
        store.verify,
        lambda: list(store.itos),
        lambda: (store.itos[0], store.itos[-1]),
        lambda: dict(store.stoi),
        lambda: store.rows(words),
        lambda: store["word1"],
        lambda: store[["word1", ""]],
        lambda: store.get("é"),
        lambda: store.weight.sum(),
        lambda: store.most_similar("word3"),
        store._repr_html_,
        lambda: embstore.convert(path, text, format="store", overwrite=True),
    ]
    for call in calls:
        with contextlib.suppress(EmbstoreError):
            call()
    store.close()
