"""`Tables`: one layer for each feature, rows of data in, vectors or one matrix out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import torch

from embstore.core.errors import EmbstoreError
from embstore.layers.bag import EmbeddingBag
from embstore.layers.collate import Batch, Collate, Feature
from embstore.layers.embedding import Embedding


class Tables(torch.nn.Module):
    """A layer for each sparse, categorical or text feature of a model, and its dense columns.

    >>> tables = Tables({"bought": bag, "state": emb, "review": glove}, dense=["age"], lengths={"review": 5})
    >>> loader = DataLoader(rows, batch_size=32, collate_fn=tables.collate, num_workers=2)
    >>> matrix = tables(next(iter(loader)), concat=True)  # (32, tables.out_features)

    Parameters
    ----------
    layers
        By feature: an `EmbeddingBag` for lists of words that are pooled; an `Embedding` for single words, or for
        lists of words that keep their order.
    dense
        Columns of numbers, which pass through.
    targets
        Columns of numbers that `encode` passes through and that are no features.
    lengths
        To how many words the lists of an `Embedding` are cut and padded.

    Raises
    ------
    ValueError
        For a name that comes twice, a length for what is not an `Embedding` here, or a name that
        `torch.nn.ModuleDict` has no room for.
    EmbstoreError
        For a layer without words.
    """

    def __init__(
        self,
        layers: Mapping[str, Embedding | EmbeddingBag],
        dense: Sequence[str] = (),
        *,
        targets: Sequence[str] = (),
        lengths: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__()
        self.dense, self.targets, self.lengths = tuple(dense), tuple(targets), dict(lengths or {})
        _check_names([*layers, *self.dense, *self.targets])
        for name in layers:
            if not name or "." in name or hasattr(torch.nn.ModuleDict, name):
                raise ValueError(f"torch.nn.ModuleDict has no room for the name {name!r}: rename the feature")
        for name in self.lengths:
            if not isinstance(layers.get(name), Embedding):
                raise ValueError(f"lengths: {name!r} is no Embedding of these tables")
        self.layers = torch.nn.ModuleDict(layers)
        _ = self.collate  # complains of a layer without words

    def _feature(self, name: str) -> Feature:
        layer = self[name]
        if layer.encoder is None:
            raise EmbstoreError(f"the layer of {name!r} has no words: from_pretrained(array, tokens=words) names them")
        if isinstance(layer, EmbeddingBag):
            return Feature(layer.encoder, pooled=True, include_last_offset=layer.include_last_offset)
        return Feature(layer.encoder, pooled=False, length=self.lengths.get(name))

    def __getitem__(self, name: str) -> Embedding | EmbeddingBag:
        return cast("Embedding | EmbeddingBag", self.layers[name])

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[str]:
        return iter(self.layers)

    @property
    def collate(self) -> Collate:
        """The `collate_fn` for a `DataLoader` over rows: `encode` without the vectors."""
        return Collate({name: self._feature(name) for name in self}, self.dense, self.targets)

    def encode(self, data: Any) -> Batch:
        """Make a batch of rows or columns.

        Parameters
        ----------
        data
            A list of rows, each a dict; or columns by name: a dict of lists, a pandas or polars DataFrame, a
            pyarrow Table. What is neither feature nor target is left out.

        Returns
        -------
        By name: float32 (n,) for dense columns; int64 (n,), (n, longest) or (n, length) for an `Embedding`; the tuple
        (values, offsets) for an `EmbeddingBag`; targets as float32 or the integers that they are. On the CPU.

        Raises
        ------
        ValueError
            For a row without one of the columns, and for columns of unequal length.
        UnknownTokenError
            Where the policy of a layer is ``error``; names the words.
        """
        return self.collate(data)

    @staticmethod
    def move(batch: Batch, device: torch.device | str) -> Batch:
        """Return a batch with its tensors on a device: without waiting where they lie in pinned memory."""
        moved: Batch = {}
        for name, inputs in batch.items():
            tensors = [part.to(device, non_blocking=True) for part in _parts(inputs)]
            moved[name] = tuple(tensors) if isinstance(inputs, tuple | list) else tensors[0]
        return moved

    @property
    def out_features(self) -> int:
        """Width of the matrix of ``forward(batch, concat=True)``."""
        widths = [self[name].embedding_dim * self.lengths.get(name, 1) for name in self]
        return len(self.dense) + sum(widths)

    def forward(self, batch: Batch, concat: bool = False) -> dict[str, torch.Tensor] | torch.Tensor:
        """Look the batch up.

        Parameters
        ----------
        batch
            As `encode` makes it; targets are not looked at.
        concat
            Whether to return one matrix.

        Returns
        -------
        By name, dense columns first, then the layers in order: (n,) for a dense column, (n, dim), or (n, length, dim)
        for lists of words in an `Embedding`. With `concat` these side by side, (n, out_features): dense columns as one
        number each, lists of words flattened, word after word. To pool them instead, use an `EmbeddingBag`.

        Raises
        ------
        ValueError
            With `concat`, for lists of words whose length is not fixed by `lengths`.
        """
        found = {name: cast("torch.Tensor", batch[name]) for name in self.dense}
        for name, layer in self.layers.items():
            found[name] = layer(*_parts(batch[name]))
        return torch.cat([self._flat(name, vectors) for name, vectors in found.items()], 1) if concat else found

    def _flat(self, name: str, vectors: torch.Tensor) -> torch.Tensor:
        if vectors.ndim == 1:
            return vectors.unsqueeze(1)
        if vectors.ndim == 3 and name not in self.lengths:
            raise ValueError(f"{name!r} has lists of words of any length: fix it by lengths={{{name!r}: ...}}")
        return vectors.flatten(1)


def _parts(inputs: torch.Tensor | Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
    return (inputs,) if isinstance(inputs, torch.Tensor) else inputs  # pinning makes lists of the tuples of bags


def _check_names(names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name!r} comes twice among the layers, dense columns and targets")
