"""What an encoder returns: bags as values and offsets, and matrices with several weighted ids for each word."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embstore.core.batch import Ints

Mode = Literal["mean", "sum", "max"]
"""How bags are pooled."""


class Bags(NamedTuple):
    """Ragged bags, as `torch.nn.EmbeddingBag` takes them.

    Attributes
    ----------
    values
        int64 (n,): the ids of all bags, end to end.
    offsets
        int64 (bags,), or (bags + 1,) with `include_last_offset`: the start of each bag in `values`.
    weights
        float32 (n,), or None: per_sample_weights. Never None for the policy ``subword``, nor, with ``mode="mean"``,
        for ``hash:B:k``.

    Examples
    --------
    >>> encoder = embstore.Encoder(embstore.Vocabulary(["the", "frog"]), oov="skip")
    >>> bags = encoder.encode_bags([["the", "frog"], ["toad"], ["the"]])
    >>> bags.values
    array([0, 1, 0])
    >>> bags.offsets
    array([0, 2, 2])
    """

    values: Ints
    offsets: Ints
    weights: NDArray[np.float32] | None = None


class WeightedIds(NamedTuple):
    """Words with several ids each, as `Embedding` takes them: a word's vector is the weighted sum of its rows.

    k is the largest number of ids of a word in the batch, at least 1. Places that a word does not need have the
    weight 0, and the id of the padding row, or without padding the word's first id.

    Attributes
    ----------
    ids
        int64 (words, k), or (sentences, length, k).
    weights
        float32, of the same shape. A word of the vocabulary has the weight 1 in the first place.

    Examples
    --------
    >>> encoder = embstore.Encoder(embstore.Vocabulary(["the", "frog"]), oov="hash:100:2", padding=True)
    >>> encoded = encoder.encode(["frog", "toad"], length=3)
    >>> encoded.ids
    array([[ 1,  2],
           [57, 62],
           [ 2,  2]])
    >>> encoded.weights
    array([[1., 0.],
           [1., 1.],
           [0., 0.]], dtype=float32)
    """

    ids: Ints
    weights: NDArray[np.float32]
