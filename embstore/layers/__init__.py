"""Stores as layers of torch: `Embedding` and `EmbeddingBag`, and `Tables`, one of them for each feature."""

from embstore.layers.bag import EmbeddingBag
from embstore.layers.embedding import Embedding
from embstore.layers.tables import Tables

__all__ = ["Embedding", "EmbeddingBag", "Tables"]
