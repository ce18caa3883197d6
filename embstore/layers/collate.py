"""Rows of data as a batch of tensors: what data loader workers run, without any vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from embstore.words.encoder import Encoder

Batch = dict[str, torch.Tensor | tuple[torch.Tensor, ...]]
"""By name: a tensor, or for a bag the tuple (values, offsets), and weights too under ``subword``."""


@dataclass(frozen=True, slots=True)
class Feature:
    """How the column of a feature becomes its layer's input: see `Embedding.encode` and `EmbeddingBag.encode`."""

    encoder: Encoder
    pooled: bool
    include_last_offset: bool = False
    length: int | None = None

    def encode(self, column: Any) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """Turn a column into tensors on the CPU."""
        if self.pooled:
            bags = self.encoder.encode_bags(column, include_last_offset=self.include_last_offset)
            return tuple(torch.from_numpy(part) for part in bags if part is not None)
        if self.length is not None and not len(column):  # an empty list would be one sentence, not none
            return torch.empty((0, self.length), dtype=torch.int64)
        return torch.from_numpy(self.encoder.encode(column, length=self.length))


@dataclass(frozen=True, slots=True)
class Collate:
    """Makes a batch of rows or columns. It holds encoders and no vectors, so it is cheap to send to a worker.

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

    def __call__(self, data: Any) -> Batch:
        """Encode rows or columns: see `Tables.encode`."""
        columns = {name: _column(data, name) for name in (*self.dense, *self.features, *self.targets)}
        sizes = {name: len(column) for name, column in columns.items()}
        if len(set(sizes.values())) > 1:
            raise ValueError(f"the columns differ in length: {sizes}")
        batch: Batch = {name: _dense(columns[name], name) for name in self.dense}
        batch |= {name: feature.encode(columns[name]) for name, feature in self.features.items()}
        return batch | {name: _numbers(columns[name]) for name in self.targets}


def _column(data: Any, name: str) -> Any:
    if not isinstance(data, list | tuple):
        return data[name]
    for position, row in enumerate(data):
        if name not in row:
            raise ValueError(f"row {position} has no {name!r}, only {', '.join(map(repr, row))}")
    return [row[name] for row in data]


def _numbers(column: Any) -> torch.Tensor:
    numbers = np.asarray(column)  # perhaps a read-only view, which torch would warn of: torch.tensor copies
    return torch.tensor(numbers, dtype=torch.float32 if numbers.dtype.kind == "f" else None)


def _dense(column: Any, name: str) -> torch.Tensor:
    numbers = torch.tensor(np.asarray(column), dtype=torch.float32)
    if numbers.ndim != 1:
        raise ValueError(
            f"the dense column {name!r} has the shape {tuple(numbers.shape)}, expected a number in each row"
        )
    return numbers
