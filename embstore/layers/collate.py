"""Turns rows or columns of data into a batch of tensors, in data loader workers; it needs no vectors."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
import torch

from embstore.core.batch import Ints
from embstore.words.columns import WordBags, Words
from embstore.words.encoded import Mode, WeightedIds
from embstore.words.encoder import Encoder

TensorBatch = dict[str, torch.Tensor | tuple[torch.Tensor, ...]]
"""By name: a tensor; for a bag the tuple (values, offsets) or (values, offsets, weights); for an `Embedding` whose
policy gives a word several ids the tuple (ids, weights)."""

Column = Collection[object]
"""A list, an array, or a column of pyarrow, pandas or polars."""


class Columns(Protocol):
    """Columns by name: a dict of lists, a pandas or polars DataFrame, a pyarrow Table."""

    def __getitem__(self, name: str, /) -> Column: ...


Data = Sequence[Mapping[str, object]] | Columns
"""Rows, each a dict, or columns."""


@dataclass(frozen=True, slots=True)
class Feature:
    """How to encode the column of a feature for its layer: see `Embedding.encode` and `EmbeddingBag.encode`."""

    encoder: Encoder
    pooled: bool
    include_last_offset: bool = False
    length: int | None = None
    mode: Mode = "sum"

    def encode(self, column: Column) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """Encode a column as tensors on the CPU."""
        if self.pooled:
            bags = self.encoder.encode_bags(
                cast("WordBags", column), include_last_offset=self.include_last_offset, mode=self.mode
            )
            return tuple(torch.from_numpy(part) for part in bags if part is not None)
        if self.length is None or len(column):
            return _tensors(self.encoder.encode(cast("Words", column), length=self.length))
        found = _tensors(self.encoder.encode([]))  # for the encoder an empty list is a sentence, not no sentences
        if isinstance(found, tuple):
            return tuple(part.view(0, self.length, *part.shape[1:]) for part in found)
        return found.view(0, self.length)


def _tensors(encoded: Ints | WeightedIds) -> torch.Tensor | tuple[torch.Tensor, ...]:
    if isinstance(encoded, WeightedIds):
        return tuple(torch.from_numpy(part) for part in encoded)
    return torch.from_numpy(encoded)


@dataclass(frozen=True, slots=True)
class Collate:
    """Makes a batch of rows or columns. It contains encoders but no vectors, so sending it to a worker is cheap.

    Attributes
    ----------
    features
        By name, in the order of the layers.
    dense, targets
        Names of columns of numbers.
    """

    features: dict[str, Feature]
    dense: tuple[str, ...]
    targets: tuple[str, ...]

    def __call__(self, data: Data) -> TensorBatch:
        """Encode rows or columns: see `Tables.encode`."""
        columns = {name: _column(data, name) for name in (*self.dense, *self.features, *self.targets)}
        sizes = {name: len(column) for name, column in columns.items()}
        if len(set(sizes.values())) > 1:
            raise ValueError(f"the columns differ in length: {sizes}")
        batch: TensorBatch = {name: _dense(columns[name], name) for name in self.dense}
        batch |= {name: feature.encode(columns[name]) for name, feature in self.features.items()}
        return batch | {name: _numbers(columns[name]) for name in self.targets}


def _column(data: Data, name: str) -> Column:
    if not isinstance(data, list | tuple):
        return cast("Columns", data)[name]
    for position, row in enumerate(data):
        if name not in row:
            raise ValueError(f"row {position} has no {name!r}, only {', '.join(map(repr, row))}")
    return [row[name] for row in data]


def _numbers(column: Column) -> torch.Tensor:
    numbers = np.asarray(column)  # may be a read-only view, for which torch.from_numpy warns: torch.tensor copies
    return torch.tensor(numbers, dtype=torch.float32 if numbers.dtype.kind == "f" else None)


def _dense(column: Column, name: str) -> torch.Tensor:
    numbers = torch.tensor(np.asarray(column), dtype=torch.float32)
    if numbers.ndim != 1:
        raise ValueError(
            f"the dense column {name!r} has the shape {tuple(numbers.shape)}, expected a number in each row"
        )
    return numbers
