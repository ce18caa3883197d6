"""Stores as layers of torch: `Embedding` and `EmbeddingBag`."""

from embstore.layers.bag import EmbeddingBag
from embstore.layers.embedding import Embedding

__all__ = ["Embedding", "EmbeddingBag"]
