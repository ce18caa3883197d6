"""Stores as layers of torch: `Embedding` and `EmbeddingBag`, and `Tables`, which holds one of them for each feature.

Belongs here: everything that needs torch, but for the codec of torch's own files. Does not belong here: words to ids,
which is for `words` and works without torch.
"""

from embstore.layers.bag import EmbeddingBag
from embstore.layers.embedding import Embedding
from embstore.layers.tables import Tables

__all__ = ["Embedding", "EmbeddingBag", "Tables"]
