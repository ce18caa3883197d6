"""What `Embedding` and `EmbeddingBag` have in common."""

from __future__ import annotations

from typing import Any, Self

import torch

from embstore.core.errors import EmbstoreError
from embstore.core.int8 import TAIL
from embstore.layers.checkpoint import StoreBacked
from embstore.layers.rowwise import is_rowwise
from embstore.layers.weights import LayerTable
from embstore.words.encoder import Encoder


class WordLayer(StoreBacked):
    """A layer that knows its words.

    Attributes
    ----------
    encoder
        Words to rows, without torch, for data loaders; None for rows that came without words.
    out_dtype
        What the result is cast to; None leaves it as the rows are.
    """

    encoder: Encoder | None = None
    out_dtype: torch.dtype | None = None

    @classmethod
    def _over(
        cls,
        table: LayerTable,
        *,
        dtype: torch.dtype | None,
        device: torch.device | str | None,
        out_dtype: torch.dtype | None,
        persistent: bool = True,
        **options: Any,
    ) -> Self:
        """Make the layer by torch's own `from_pretrained`, which takes the options."""
        if dtype is not None and not dtype.is_floating_point:
            raise ValueError(f"dtype={dtype}: expected a floating one")
        weight = table.weight.to(device, dtype)
        narrow = is_rowwise(weight)  # torch's constructor wants floating rows: it gets an empty shell of them
        rows = torch.zeros(1, 1).expand(len(weight), weight.shape[1] - TAIL) if narrow else weight
        layer: Self = super().from_pretrained(rows, **options)  # type: ignore[misc]
        if narrow:
            layer.weight = torch.nn.Parameter(weight, requires_grad=False)
        layer.encoder, layer.out_dtype, layer.mapped = table.encoder, out_dtype, table.mapped
        if not persistent:
            layer.reference = _required(table.reference)
        return layer

    def _words(self) -> Encoder:
        if self.encoder is None:
            raise EmbstoreError("this layer's rows came without words: from_pretrained(array, tokens=words) names them")
        return self.encoder

    def _cast(self, vectors: torch.Tensor) -> torch.Tensor:
        return vectors if self.out_dtype is None else vectors.to(self.out_dtype)


def _required(reference: dict[str, str] | None) -> dict[str, str]:
    if reference is None:
        raise EmbstoreError(
            "persistent=False refers to a store file by its sha256, and these rows come from none: write one with"
            " embstore.convert or embstore.save, and open that"
        )
    return reference


def check_options(*, freeze: bool, max_norm: float | None, persistent: bool = True) -> None:
    """Refuse what would write to rows that others share, or lose rows that were trained."""
    if freeze and max_norm is not None:
        raise EmbstoreError(
            "max_norm scales rows in place, but a frozen layer shares its rows with whatever else is over the same"
            " map: freeze=False gives it a copy-on-write map of its own, and requires_grad_(False) keeps that untrained"
        )
    if not freeze and not persistent:
        raise EmbstoreError("persistent=False leaves the rows out of the state_dict: that needs freeze=True")
