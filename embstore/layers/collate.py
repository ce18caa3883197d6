"""Turns rows or columns of data into a batch of tensors, in data loader workers; it needs no vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch

from embstore.layers.data import Column, Data, as_numbers, take_columns
from embstore.words.columns import WordBags, Words
from embstore.words.encoder import Encoder

TensorBatch = dict[str, torch.Tensor | tuple[torch.Tensor, ...]]
"""By name: a tensor, or for a bag the tuple (values, offsets), with weights as a third part under ``subword``."""


@dataclass(frozen=True, slots=True)
class Feature:
    """How to encode the column of a feature for its layer: see `Embedding.encode` and `EmbeddingBag.encode`."""

    encoder: Encoder
    pooled: bool
    include_last_offset: bool = False
    length: int | None = None

    def encode(self, column: Column) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """Encode a column as tensors on the CPU."""
        if self.pooled:
            bags = self.encoder.encode_bags(cast("WordBags", column), include_last_offset=self.include_last_offset)
            return tuple(torch.from_numpy(part) for part in bags if part is not None)
        if self.length is not None and not len(column):  # the encoder would read an empty list as one sentence
            return torch.empty((0, self.length), dtype=torch.int64)
        return torch.from_numpy(self.encoder.encode(cast("Words", column), length=self.length))


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
