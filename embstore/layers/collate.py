"""Turns rows or columns of data into a batch of tensors, in data loader workers; it needs no vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch

from embstore.core.batch import Ints
from embstore.layers.data import Column, Data, as_numbers, take_columns
from embstore.words.columns import WordBags, Words
from embstore.words.encoded import Mode, WeightedIds
from embstore.words.encoder import Encoder

TensorBatch = dict[str, torch.Tensor | tuple[torch.Tensor, ...]]
"""By name: a tensor; for a bag the tuple (values, offsets) or (values, offsets, weights); for an `Embedding` whose
policy gives a word several ids the tuple (ids, weights)."""


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
        Names of columns of numbers; targets that the data do not have are left out of the batch.
    """

    features: dict[str, Feature]
    dense: tuple[str, ...]
    targets: tuple[str, ...]

    def __call__(self, data: Data) -> TensorBatch:
        """Encode rows or columns: see `Tables.encode`."""
        columns = take_columns(data, [*self.dense, *self.features], self.targets)
        batch: TensorBatch = {name: _dense(columns[name], name) for name in self.dense}
        batch |= {name: feature.encode(columns[name]) for name, feature in self.features.items()}
        return batch | {name: _target(columns[name], name) for name in self.targets if name in columns}


def _target(column: Column, name: str) -> torch.Tensor:
    numbers = as_numbers(column, name)  # may be a read-only view, for which torch.from_numpy warns: torch.tensor copies
    return torch.tensor(numbers, dtype=torch.float32 if numbers.dtype.kind == "f" else None)


def _dense(column: Column, name: str) -> torch.Tensor:
    numbers = torch.tensor(as_numbers(column, name), dtype=torch.float32)
    if numbers.ndim != 1:
        raise ValueError(
            f"the dense column {name!r} has the shape {tuple(numbers.shape)}, expected a number in each row"
        )
    return numbers
