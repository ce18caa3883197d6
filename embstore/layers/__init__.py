"""Layers of torch over stores: `Embedding`, `EmbeddingBag`, and `Tables`, which holds one of them for each feature.

Belongs here: everything that needs torch, except the codec of torch's files. Does not belong here: turning words into
ids, which is done by `words` and works without torch.
"""

from embstore.core.dependencies import needed

with needed("torch", "embstore.layers"):
    import torch as torch

from embstore.layers.bag import EmbeddingBag
from embstore.layers.distributed import keep_mapped
from embstore.layers.embedding import Embedding
from embstore.layers.tables import Tables

__all__ = ["Embedding", "EmbeddingBag", "Tables", "keep_mapped"]
