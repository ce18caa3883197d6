"""One epoch from lists of words to trained parameters: STORE. Prints the seconds of encoding and of the rest."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader
from words import draw

import embstore
from embstore.layers import Embedding, EmbeddingBag

TEXTS, BATCH = 16_384, 256
SHORTEST, LONGEST = 20, 80  # words of a text
UNKNOWN = 0.03  # share of the words that the table does not have
Texts = list[list[str]]
Encode = Callable[[Texts], tuple[Any, ...]]
Method = tuple[Encode, Callable[..., torch.Tensor]]


def make_methods(path: str) -> dict[str, Method]:
    """Return the functions of each method that encode texts and that return their mean vectors."""
    store = embstore.open(path)
    rows = {word: row for row, word in enumerate(store.itos)}
    unknown, padding = len(rows), len(rows) + 1
    vectors = torch.cat([torch.tensor(store.vectors), torch.zeros(2, store.dim)])
    bag = EmbeddingBag.from_pretrained(path, oov="zero", mode="mean")
    embedding = Embedding.from_pretrained(path, oov="zero", padding=True)
    plain_bag = torch.nn.EmbeddingBag.from_pretrained(vectors, mode="mean")
    plain = torch.nn.Embedding.from_pretrained(vectors, padding_idx=padding)  # type: ignore[no-untyped-call]

    def sizes_of(texts: Texts) -> torch.Tensor:
        return torch.tensor([[len(text)] for text in texts])

    def ragged(texts: Texts) -> tuple[torch.Tensor, torch.Tensor]:
        values = torch.tensor([rows.get(word, unknown) for text in texts for word in text])
        return values, torch.tensor([0, *accumulate(map(len, texts))][:-1])

    def padded(texts: Texts) -> tuple[torch.Tensor, torch.Tensor]:
        each = [torch.tensor([rows.get(word, unknown) for word in text]) for text in texts]
        return pad_sequence(each, batch_first=True, padding_value=padding), sizes_of(texts)

    return {
        "embstore.EmbeddingBag": (bag.encode, bag),
        "embstore.Embedding": (
            lambda texts: (embedding.encode(texts), sizes_of(texts)),
            lambda ids, sizes: embedding(ids).sum(1) / sizes,
        ),
        "dict + EmbeddingBag": (ragged, plain_bag),
        "dict + pad_sequence + Embedding": (padded, lambda ids, sizes: plain(ids).sum(1) / sizes),
    }


def make_texts(path: str, seed: int) -> list[tuple[list[str], float]]:
    """Draw texts, each with a target."""
    words, random = list(embstore.open(path).itos), np.random.default_rng(seed)
    sizes = random.integers(SHORTEST, LONGEST + 1, TEXTS).tolist()
    drawn = draw(sum(sizes), "zipf", len(words), seed).tolist()
    new = (random.random(sum(sizes)) < UNKNOWN).tolist()
    line = " ".join(f"{words[row]}#" if odd else words[row] for row, odd in zip(drawn, new, strict=True))
    split = line.split(" ")  # new strings, as from a file
    starts = [0, *accumulate(sizes)]
    return [(split[start : start + size], float(size % 2)) for start, size in zip(starts, sizes, strict=False)]


def epoch(method: Method, texts: list[tuple[list[str], float]]) -> tuple[float, float, list[float]]:
    """Train a linear layer over the mean vectors; return the seconds of all, of encoding, and the losses."""
    encode, pool = method
    encoding = 0.0

    def collate(batch: list[tuple[list[str], float]]) -> tuple[tuple[Any, ...], torch.Tensor]:
        nonlocal encoding
        begin = time.perf_counter()
        encoded = encode([words for words, _ in batch])
        encoding += time.perf_counter() - begin
        return encoded, torch.tensor([target for _, target in batch])

    torch.manual_seed(0)
    score = torch.nn.Linear(50, 1)
    optimizer = torch.optim.SGD(score.parameters(), lr=0.1)
    losses = []
    start = time.perf_counter()
    for encoded, targets in DataLoader[Any](texts, BATCH, collate_fn=collate):  # type: ignore[arg-type]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(score(pool(*encoded)).squeeze(1), targets)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    return time.perf_counter() - start, encoding, losses


def main(path: str) -> None:
    """Time each method once, after a warm-up; another one first in every round; check that all losses agree."""
    methods, seed = make_methods(path), int(os.environ.get("BENCHMARK_ROUND", "0"))
    texts, warm_up = make_texts(path, seed), make_texts(path, seed + 1000)[: 4 * BATCH]
    found, expected = {}, None
    for name in [*methods, *methods][seed % 4 : seed % 4 + 4]:
        epoch(methods[name], warm_up)
        seconds, encoding, losses = epoch(methods[name], texts)
        found[name] = {"seconds": seconds, "encode_seconds": encoding, "rest_seconds": seconds - encoding}
        expected = losses if expected is None else expected
        np.testing.assert_allclose(losses, expected, rtol=1e-4)
    print(json.dumps(found))


torch.set_num_threads(1)  # so that busy cores measure the same
main(sys.argv[1])
