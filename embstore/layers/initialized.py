"""The rows of a layer without pretrained vectors: given, or drawn from a seeded normal distribution."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from numpy.typing import ArrayLike

from embstore.layers.sources import viewed
from embstore.layers.weights import LayerTable, with_special
from embstore.words.encoder import Encoder
from embstore.words.policy import OovLike
from embstore.words.vocabulary import Vocabulary

VocabularyLike = Vocabulary | Encoder | Sequence[str]


def initialized_table(
    vocabulary: VocabularyLike,
    dim: int,
    *,
    oov: OovLike,
    padding: bool = False,
    padding_idx: int | None,
    init: ArrayLike | torch.Tensor | None,
    std: float,
    seed: int,
    dtype: torch.dtype | None,
) -> LayerTable:
    """Create the rows and the encoder of a layer; the parameters are those of `Embedding.from_vocabulary`.

    Rows are made on the CPU in float32, and are the same under any default device and dtype of torch, rounded.
    """
    encoder = _encoder(vocabulary, oov, padding, padding_idx)
    count, total = len(encoder.vocabulary), encoder.num_embeddings
    if init is None:
        drawn = torch.Generator("cpu").manual_seed(seed)
        rows = std * torch.randn(count, dim, generator=drawn, device="cpu", dtype=torch.float32)
    else:
        rows = viewed(init).detach().to("cpu", torch.float32, copy=True)
    if rows.shape not in ((count, dim), (total, dim)):
        with_special_rows = f", or ({total}, {dim}) with the special rows" if total > count else ""
        raise ValueError(f"init has the shape {tuple(rows.shape)}, expected ({count}, {dim}){with_special_rows}")
    if init is None and encoder.padding_idx is not None and not encoder.padding:
        rows[encoder.padding_idx] = 0
    if len(rows) != total:
        rows = with_special(rows, encoder, seed)
        # The special rows of an empty vocabulary are drawn with a standard deviation of 1.
        rows = rows if count else std * rows
    if init is None:
        rows = rows.to(dtype or torch.get_default_dtype())
    return LayerTable(rows, encoder)


def _encoder(vocabulary: VocabularyLike, oov: OovLike, padding: bool, padding_idx: int | None) -> Encoder:
    if not isinstance(vocabulary, Encoder):
        words = vocabulary if isinstance(vocabulary, Vocabulary) else Vocabulary(vocabulary)
        return Encoder(words, oov, padding=padding, padding_idx=padding_idx)
    if oov is not None or padding or padding_idx is not None:
        raise TypeError("an Encoder already has oov and padding: pass them to Encoder(...)")
    return vocabulary
