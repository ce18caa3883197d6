"""Bags of words to their summed vectors: STORE. Prints the seconds of encoding and of the layer for each method."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from itertools import accumulate
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence
from words import draw

import embstore
from embstore.layers import EmbeddingBag

BAGS, LENGTH = 8192, 50
Bags = list[list[str]]
Method = tuple[Callable[[Bags], tuple[Any, ...]], Callable[..., torch.Tensor]]


def make_methods(path: str) -> dict[str, Method]:
    """Return the functions of each method that encode and that pool."""
    store = embstore.open(path)
    rows = {word: row for row, word in enumerate(store.itos)}
    vectors = torch.tensor(store.vectors)
    bag = EmbeddingBag.from_pretrained(path, mode="sum")
    plain_bag = torch.nn.EmbeddingBag.from_pretrained(vectors, mode="sum")
    with_padding = torch.cat([vectors, torch.zeros(1, store.dim)])
    embedding = torch.nn.Embedding.from_pretrained(with_padding)  # type: ignore[no-untyped-call]

    def ragged(bags: Bags) -> tuple[torch.Tensor, torch.Tensor]:
        values = torch.tensor([rows[word] for bag in bags for word in bag])
        return values, torch.tensor([0, *accumulate(map(len, bags))][:-1])

    def padded(bags: Bags) -> tuple[torch.Tensor]:
        each = [torch.tensor([rows[word] for word in bag]) for bag in bags]
        return (pad_sequence(each, batch_first=True, padding_value=len(rows)),)

    return {
        "embstore.EmbeddingBag": (bag.encode, bag),
        "dict + EmbeddingBag": (ragged, plain_bag),
        "dict + pad_sequence + Embedding + sum(1)": (padded, lambda ids: embedding(ids).sum(1)),
    }


def main(path: str) -> None:
    """Time each method once, after a small warm-up batch; another one first in every round; check that all agree."""
    methods, words, seed = (
        make_methods(path),
        list(embstore.open(path).itos),
        int(os.environ.get("BENCHMARK_ROUND", "0")),
    )
    chosen = draw(BAGS * LENGTH, "zipf", len(words), seed).reshape(BAGS, LENGTH).tolist()
    lines = [" ".join([words[row] for row in rows]) for rows in chosen]
    found, expected = {}, None
    for name in [*methods, *methods][seed % 3 : seed % 3 + 3]:
        encode, pool = methods[name]
        pool(*encode([line.split(" ") for line in lines[:64]]))
        bags = [line.split(" ") for line in lines]
        start = time.perf_counter()
        encoded = encode(bags)
        between = time.perf_counter()
        pooled = pool(*encoded)
        end = time.perf_counter()
        found[name] = {"seconds": end - start, "encode_seconds": between - start, "layer_seconds": end - between}
        expected = pooled if expected is None else expected
        torch.testing.assert_close(pooled, expected, rtol=1e-4, atol=1e-4)
    print(json.dumps(found))


with torch.no_grad():
    main(sys.argv[1])
