"""The rows of a pretrained layer: the store's own, zero-copy if possible, followed by the special rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from embstore.core.dtypes import encode_rows
from embstore.core.errors import EmbstoreError
from embstore.core.options import Dtype
from embstore.layers.mapped import SHA256, MappedRows, as_tensor
from embstore.layers.origin import Origin
from embstore.layers.rowwise import is_rowwise
from embstore.layers.sources import LayerReading, Pretrained, open_source
from embstore.store.rows import ArrayRows, DecodedRows
from embstore.store.store import Store
from embstore.words.encoder import Encoder
from embstore.words.padding import existing_row
from embstore.words.policy import OovLike
from embstore.words.special_rows import special_rows
from embstore.words.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class LayerTable:
    """The rows and words of a layer.

    Attributes
    ----------
    weight
        (num_embeddings, dim); for int8 uint8 of shape (num_embeddings, dim + 8).
    encoder
        Encodes words as rows; None if the rows have no words.
    mapped
        The rows of the store file that a frozen `weight` is a view of, or None.
    origin
        What the rows were made from, for rows of a store; else None.
    row_for_padding
        The row that stands for padding, if there is no encoder, which knows it.
    """

    weight: torch.Tensor
    encoder: Encoder | None = None
    mapped: MappedRows | None = None
    origin: Origin | None = None
    row_for_padding: int | None = None

    @property
    def padding_idx(self) -> int | None:
        """Id of the padding row, for torch's layers."""
        return self.row_for_padding if self.encoder is None else self.encoder.padding_idx


def open_table(
    source: Pretrained,
    tokens: Sequence[str] | None,
    *,
    oov: OovLike,
    padding: bool,
    padding_idx: int | None,
    freeze: bool,
    seed: int,
    dtype: torch.dtype | None,
    reading: LayerReading,
) -> LayerTable:
    """Open a source and build the rows of a layer; the parameters are those of `from_pretrained`."""
    opened = open_source(source, tokens, dtype, reading)
    if isinstance(opened, Store):
        stored = opened.metadata.get("embstore.oov")
        encoder = Encoder(
            _mapped_again(opened), stored if oov is None else oov, padding=padding, padding_idx=padding_idx
        )
        return _store_table(Origin(encoder, seed, dtype), freeze)
    if tokens is not None:
        encoder = Encoder(Vocabulary(tokens), oov, padding=padding, padding_idx=padding_idx)
        weight = with_special(opened, encoder, seed)
        return LayerTable(weight if freeze or weight is not opened else weight.clone(), encoder)
    if oov is not None or padding:
        raise TypeError("oov and padding need tokens=, the words of the rows")
    row = None if padding_idx is None else existing_row(padding_idx, len(opened), padding=padding)
    return LayerTable(opened if freeze else opened.clone(), row_for_padding=row)


def _store_table(origin: Origin, freeze: bool) -> LayerTable:
    store, encoder, dtype = origin.store, origin.encoder, origin.dtype
    if store.dtype == "int8" and not freeze and dtype is None:
        raise EmbstoreError("int8 rows cannot be trained: convert them with dtype=torch.float32, or use freeze=True")
    add_special, widen = encoder.special and not encoder.in_file, store.dtype == "int8" and dtype is not None
    if store.mapped and not add_special and not widen:
        mapped = MappedRows(store, encoder.num_embeddings, store.metadata.get(SHA256))
        return LayerTable(mapped.tensor(), encoder, mapped if freeze else None, origin)
    rows = _copied(origin, encoded=not widen)
    return LayerTable(as_tensor(rows, "float32" if widen else store.dtype), encoder, origin=origin)


def _copied(origin: Origin, *, encoded: bool) -> NDArray[Any]:
    empty, start = origin.store.block(0, 0, encoded=encoded), 0
    rows = np.empty((origin.encoder.num_embeddings, empty.shape[1]), empty.dtype)
    for block in origin.blocks(encoded=encoded):
        rows[start : start + len(block)] = block
        start += len(block)
    return rows


def _mapped_again(store: Store) -> Store:
    """Map a store's file once more: writes to the layer then do not change the store, which may also be closed."""
    if store.mapped_rows() is None:
        return store
    return MappedRows(store.open_again(), len(store) + store.special, store.metadata.get(SHA256)).store


def with_special(rows: torch.Tensor, encoder: Encoder, seed: int) -> torch.Tensor:
    """Append an encoder's special rows to the vocabulary's, (rows, dim): a copy if there are any."""
    if not encoder.special:
        return rows
    if rows.is_meta:
        raise ValueError(
            "the special rows are made from the other rows, and those have no data, on the device meta: make them on"
            " the CPU"
        )
    wide = rows.to("cpu", torch.float32) if rows.dtype == torch.bfloat16 else rows.cpu()
    dtype: Dtype = "int8" if is_rowwise(rows) else "float32"
    table = DecodedRows(ArrayRows(wide.numpy(), dtype), len(rows))
    special = special_rows(table, encoder.policy, encoder.padding, seed)
    return torch.cat([rows, torch.from_numpy(encode_rows(special, dtype)).to(rows)])
