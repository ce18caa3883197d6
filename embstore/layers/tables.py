"""`Tables`: one layer for each feature of a model; encodes rows of data, and looks up vectors or one matrix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import torch

from embstore.core.errors import EmbstoreError
from embstore.layers.bag import EmbeddingBag
from embstore.layers.collate import Collate, Feature, TensorBatch
from embstore.layers.data import Data
from embstore.layers.embedding import Embedding
from embstore.words.encoded import Mode


class Tables(torch.nn.Module):
    """The input layers of a model: one layer for each categorical or text feature, and dense columns.

    Parameters
    ----------
    layers
        Name of each feature to its layer: an `EmbeddingBag` to pool lists of words; an `Embedding` for single words,
        or for lists of words whose order matters.
    dense
        Names of columns of numbers that are features.
    targets
        Names of columns of numbers that are not features; `encode` returns those that the data have, `forward` ignores
        them.
    lengths
        Name of a feature with an `Embedding` to the number of words that its lists are cut or padded to.

    Raises
    ------
    ValueError
        For a repeated name, a length for a name that is not an `Embedding`, or a name that `torch.nn.ModuleDict` does
        not accept.
    EmbstoreError
        For a layer without words.

    Examples
    --------
    >>> from torch.utils.data import DataLoader
    >>> rows = [
    ...     {"age": 31, "bought": ["tea", "mug"], "review": ["very", "good"]},
    ...     {"age": 62, "bought": [], "review": ["bad"]},
    ... ]
    >>> tables = embstore.Tables(
    ...     {
    ...         "bought": embstore.EmbeddingBag.from_vocabulary([], 8, oov="hash:64"),
    ...         "review": embstore.Embedding.from_pretrained("glove.6B.50d.safetensors", padding=True),
    ...     },
    ...     dense=["age"],
    ...     lengths={"review": 5},
    ... )
    >>> loader = DataLoader(rows, batch_size=2, collate_fn=tables.collate)
    >>> for batch in loader:
    ...     print(tables(batch, concat=True).shape, tables.out_features)
    torch.Size([2, 259]) 259
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
                raise ValueError(f"torch.nn.ModuleDict does not accept the name {name!r}: rename the feature")
        for name in self.lengths:
            if not isinstance(layers.get(name), Embedding):
                raise ValueError(f"lengths: {name!r} is not the name of an Embedding")
        self.layers = torch.nn.ModuleDict(layers)
        _ = self.collate  # raises EmbstoreError for a layer without words

    def _feature(self, name: str) -> Feature:
        layer = self[name]
        if layer.encoder is None:
            raise EmbstoreError(f"the layer {name!r} has no words: use from_pretrained(array, tokens=words)")
        if isinstance(layer, EmbeddingBag):
            last, mode = layer.include_last_offset, cast("Mode", layer.mode)
            return Feature(layer.encoder, pooled=True, include_last_offset=last, mode=mode)
        return Feature(layer.encoder, pooled=False, length=self.lengths.get(name))

    def __getitem__(self, name: str) -> Embedding | EmbeddingBag:
        return cast("Embedding | EmbeddingBag", self.layers[name])

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[str]:
        return iter(self.layers)

    @property
    def collate(self) -> Collate:
        """The `collate_fn` for a `DataLoader` over rows: the same as `encode`, but pickled without vectors."""
        return Collate({name: self._feature(name) for name in self}, self.dense, self.targets)

    def encode(self, data: Data) -> TensorBatch:
        """Encode rows or columns as a batch of tensors.

        Parameters
        ----------
        data
            A list of rows, each a dict; or columns by name: a dict of lists, a pandas or polars DataFrame, a
            pyarrow Table. Other columns are ignored.

        Returns
        -------
        By name, on the CPU: float32 (n,) for dense columns; int64 (n,), (n, longest) or (n, length) for an
        `Embedding`, or the tuple (ids, weights), with one more dimension, if its policy gives a word several ids; the
        tuple (values, offsets) for an `EmbeddingBag`, with weights as a third part under ``subword``, and under
        ``hash:B:k`` with ``mode="mean"``; targets as float32, or with their integer dtype.

        Targets that no row has are left out, so that the same call, and the same `collate`, serve for prediction;
        where a loss needs one of them, ``batch[name]`` is then a KeyError.

        Raises
        ------
        ValueError
            For a feature that a row or the columns do not have, for a target that only some rows have, for columns of
            different lengths, and for a dense column or a target with anything but numbers.
        UnknownTokenError
            For words that are not in the vocabulary of a layer, if its policy is ``error``.

        Examples
        --------
        >>> states = embstore.Embedding.from_vocabulary(["CA", "WA"], 4, oov="zero")
        >>> tables = embstore.Tables({"state": states}, dense=["age"], targets=["stars"])
        >>> tables.encode([{"age": 31, "state": "WA", "stars": 4}, {"age": 62.5, "state": "??", "stars": 1}])
        {'age': tensor([31.0000, 62.5000]), 'state': tensor([1, 2]), 'stars': tensor([4, 1])}
        >>> tables.encode({"age": [45], "state": ["CA"]})
        {'age': tensor([45.]), 'state': tensor([0])}
        """
        return self.collate(data)

    @staticmethod
    def move(batch: TensorBatch, device: torch.device | str) -> TensorBatch:
        """Return a batch with its tensors on a device; tensors in pinned memory are copied asynchronously.

        Examples
        --------
        >>> states = embstore.Embedding.from_vocabulary(["CA", "WA"], 4)
        >>> tables = embstore.Tables({"state": states})
        >>> batch = tables.move(tables.encode({"state": ["WA", "CA"]}), "cpu")
        >>> batch["state"].device
        device(type='cpu')
        """
        moved: TensorBatch = {}
        for name, inputs in batch.items():
            tensors = [part.to(device, non_blocking=True) for part in _parts(inputs)]
            moved[name] = tuple(tensors) if isinstance(inputs, tuple | list) else tensors[0]
        return moved

    @property
    def out_features(self) -> int:
        """Number of columns of ``forward(batch, concat=True)``."""
        widths = [self[name].embedding_dim * self.lengths.get(name, 1) for name in self]
        return len(self.dense) + sum(widths)

    def forward(self, batch: TensorBatch, concat: bool = False) -> dict[str, torch.Tensor] | torch.Tensor:
        """Look up the vectors of a batch.

        Parameters
        ----------
        batch
            As returned by `encode`; targets are ignored.
        concat
            Whether to return one matrix.

        Returns
        -------
        By name, dense columns first, then the layers in order: (n,) for a dense column, (n, dim), or (n, length, dim)
        for lists of words in an `Embedding`. With `concat` all of them concatenated, (n, out_features): a dense column
        is one column, and the vectors of a list of words follow each other. To pool them, use an `EmbeddingBag`.

        Raises
        ------
        ValueError
            With `concat`, for lists of words whose length is not set by `lengths`.
        TypeError
            For rows or columns that `encode` has not made a batch of, and for a batch without one of the features.

        Examples
        --------
        >>> states = embstore.Embedding.from_vocabulary(["CA", "WA"], 2, init=[[1, 2], [3, 4]], freeze=True)
        >>> tables = embstore.Tables({"state": states}, dense=["age"])
        >>> batch = tables.encode({"age": [31, 62], "state": ["WA", "CA"]})
        >>> tables(batch)
        {'age': tensor([31., 62.]), 'state': tensor([[3., 4.],
                [1., 2.]])}
        >>> tables(batch, concat=True)
        tensor([[31.,  3.,  4.],
                [62.,  1.,  2.]])
        """
        _check_batch(batch, [*self.dense, *self.layers])
        found = {name: cast("torch.Tensor", batch[name]) for name in self.dense}
        for name, layer in self.layers.items():
            found[name] = layer(*_parts(batch[name]))
        return torch.cat([self._flat(name, vectors) for name, vectors in found.items()], 1) if concat else found

    def _flat(self, name: str, vectors: torch.Tensor) -> torch.Tensor:
        if vectors.ndim == 1:
            return vectors.unsqueeze(1)
        if vectors.ndim == 3 and name not in self.lengths:
            raise ValueError(
                f"{name!r} has lists of words of different lengths: set one with lengths={{{name!r}: ...}}"
            )
        return vectors.flatten(1)


def _parts(inputs: torch.Tensor | Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
    return (
        (inputs,) if isinstance(inputs, torch.Tensor) else inputs
    )  # a DataLoader that pins memory returns tuples as lists


def _check_batch(batch: TensorBatch, names: list[str]) -> None:
    cure = "rows and columns go through encode, as in tables(tables.encode(data))"
    if isinstance(batch, list | tuple | str):
        raise TypeError(f"the input of Tables is a batch, not a {type(batch).__name__}: {cure}")
    for name in names:
        if name not in batch:
            raise TypeError(f"the batch has no {name!r}, only {', '.join(map(repr, batch)) or 'nothing'}: {cure}")
        parts = _parts(batch[name])
        if not len(parts) or not all(isinstance(part, torch.Tensor) for part in parts):
            raise TypeError(f"{name!r} in the batch is not made of tensors: {cure}")


def _check_names(names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name!r} appears twice among the layers, dense columns and targets")
