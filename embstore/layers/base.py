"""The common base of `Embedding` and `EmbeddingBag`."""

from __future__ import annotations

from typing import Self

import torch

from embstore.core.errors import EmbstoreError
from embstore.core.int8 import TAIL
from embstore.layers.checkpoint import StoreBacked
from embstore.layers.mapped import mapped_parameter
from embstore.layers.origin import Origin
from embstore.layers.rowwise import is_rowwise
from embstore.layers.weights import LayerTable
from embstore.words.encoder import Encoder


class WordLayer(StoreBacked):
    """A layer that encodes words.

    Attributes
    ----------
    encoder
        Encodes words as rows, without torch, for data loaders; None if the rows have no words.
    out_dtype
        Dtype that the result is cast to; None keeps the dtype of the rows.
    rowwise
        Whether `weight` has int8 rows. An attribute, as torch's tracers know no dtypes.
    """

    encoder: Encoder | None = None
    out_dtype: torch.dtype | None = None
    rowwise: bool = False

    @classmethod
    def _from_table(
        cls,
        table: LayerTable,
        *,
        dtype: torch.dtype | None,
        device: torch.device | str | None,
        out_dtype: torch.dtype | None,
        persistent: bool = True,
        **options: object,
    ) -> Self:
        """Create the layer with torch's own `from_pretrained`, which gets the options."""
        if dtype is not None and not dtype.is_floating_point:
            raise ValueError(f"dtype={dtype}: expected a floating dtype")
        weight = table.weight.to(device, dtype)
        rowwise = is_rowwise(weight)  # torch's constructor requires floating rows: pass zeros that take no memory
        rows = torch.zeros(1, 1).expand(len(weight), weight.shape[1] - TAIL) if rowwise else weight
        layer: Self = super().from_pretrained(rows, **options)  # type: ignore[misc]
        if table.mapped is not None and table.mapped.viewed_by(weight):
            parameter = mapped_parameter(table.mapped, in_files=not persistent)
        else:
            parameter = torch.nn.Parameter(weight, requires_grad=not options["freeze"])
        _keep_rows(layer, parameter)
        layer.encoder, layer.out_dtype, layer.rowwise = table.encoder, out_dtype, rowwise
        if not persistent:
            layer._refer_to(_existing_origin(table.origin))
        return layer

    def _existing_encoder(self) -> Encoder:
        if self.encoder is None:
            raise EmbstoreError("the rows of this layer have no words: use from_pretrained(array, tokens=words)")
        return self.encoder

    def _cast(self, vectors: torch.Tensor) -> torch.Tensor:
        return vectors if self.out_dtype is None else vectors.to(self.out_dtype)


def _keep_rows(layer: torch.nn.Module, parameter: torch.nn.Parameter) -> None:
    """Make a parameter the weight of a layer so that programs which initialize models leave its rows alone.

    It does not go through ``layer.weight =``, where `accelerate.init_empty_weights` would take its data away.
    Parameters with the flag are left out when transformers initializes a model.
    """
    parameter._is_hf_initialized = True  # type: ignore[attr-defined]
    layer._parameters["weight"] = parameter


def _existing_origin(origin: Origin | None) -> Origin:
    if origin is None or origin.reference() is None:
        raise EmbstoreError(
            "persistent=False needs rows from a store file with a checksum: write one with embstore.convert or"
            " embstore.save, and open that"
        )
    return origin


def check_options(*, freeze: bool, max_norm: float | None, persistent: bool = True) -> None:
    """Raise EmbstoreError for options that would write to shared rows, or not save trained rows."""
    if freeze and max_norm is not None:
        raise EmbstoreError(
            "max_norm scales rows in place, but the rows of a frozen layer may be shared: use freeze=False, which"
            " copies on write, and requires_grad_(False) if the rows must not be trained"
        )
    if not freeze and not persistent:
        raise EmbstoreError("persistent=False leaves the rows out of the state_dict: that needs freeze=True")
