"""Rows for a feature that has no pretrained vectors: given, or drawn from a seeded normal distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from embstore.layers.weights import LayerTable, with_special
from embstore.words.encoder import Encoder
from embstore.words.vocabulary import Vocabulary

Words = Vocabulary | Encoder | Sequence[str]


def drawn_table(
    words: Words, dim: int, *, oov: Any, padding: bool = False, init: Any, std: float, seed: int
) -> LayerTable:
    """Put a table together; the arguments are those of `Embedding.from_vocabulary`."""
    encoder = _encoder(words, oov, padding)
    count, total = len(encoder.vocabulary), encoder.num_embeddings
    if init is None:
        own = std * torch.randn(count, dim, generator=torch.Generator().manual_seed(seed))
    else:
        own = torch.as_tensor(init).detach().to("cpu", torch.float32, copy=True)
    if own.shape not in ((count, dim), (total, dim)):
        more = f", or ({total}, {dim}) with the special rows" if total > count else ""
        raise ValueError(f"init has the shape {tuple(own.shape)}, expected ({count}, {dim}){more}")
    if len(own) == total:
        return LayerTable(own, encoder)
    weight = with_special(own, encoder, seed)
    return LayerTable(weight if count else std * weight, encoder)  # without words the special rows deviate by 1


def _encoder(words: Words, oov: Any, padding: bool) -> Encoder:
    if not isinstance(words, Encoder):
        return Encoder(words if isinstance(words, Vocabulary) else Vocabulary(words), oov, padding=padding)
    if oov is not None or padding:
        raise TypeError("oov and padding are the encoder's own: give them to Encoder(...)")
    return words
