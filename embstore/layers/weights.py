"""The rows of a layer: a store's own, zero-copy where that is possible, and the special ones after them."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from embstore.core.dtypes import encode_rows
from embstore.core.errors import EmbstoreError
from embstore.core.options import Dtype
from embstore.layers.checkpoint import SHA256, MappedRows, as_tensor
from embstore.layers.rowwise import is_rowwise
from embstore.layers.sources import Pretrained, open_source
from embstore.store.rows import ArrayRows, DecodedRows
from embstore.store.store import Store
from embstore.words.encoder import Encoder
from embstore.words.special_rows import special_rows
from embstore.words.vocabulary import Vocabulary

BLOCK = 8192  # rows copied at a time


@dataclass(frozen=True, slots=True)
class LayerTable:
    """A layer's rows and words.

    Attributes
    ----------
    weight
        (num_embeddings, dim), or what `is_rowwise`.
    encoder
        Words to rows; None for rows that came without words.
    mapped
        The rows of the store file that a frozen `weight` lies over.
    reference
        What stands for the rows in a checkpoint, where they come from a store file with a checksum.
    """

    weight: torch.Tensor
    encoder: Encoder | None = None
    mapped: MappedRows | None = None
    reference: dict[str, str] | None = None


def open_table(
    source: Pretrained,
    tokens: Sequence[str] | None,
    *,
    oov: Any,
    padding: bool,
    freeze: bool,
    seed: int,
    dtype: torch.dtype | None,
    reading: dict[str, Any],
) -> LayerTable:
    """Open a source and put a layer's rows together; the arguments are those of `from_pretrained`."""
    opened = open_source(source, tokens, reading)
    if isinstance(opened, Store):
        return _store_table(opened, oov, padding, freeze, seed, dtype)
    if tokens is not None:
        encoder = Encoder(Vocabulary(tokens), oov, padding=padding)
        weight = with_special(opened, encoder, seed)
        return LayerTable(weight if freeze or weight is not opened else weight.clone(), encoder)
    if oov is not None or padding:
        raise TypeError("oov and padding say what words become: they need tokens=, the words of the rows")
    return LayerTable(opened if freeze else opened.clone())


def _store_table(
    given: Store, oov: Any, padding: bool, freeze: bool, seed: int, dtype: torch.dtype | None
) -> LayerTable:
    store = _own(given)
    if store.dtype == "int8" and not freeze and dtype is None:
        raise EmbstoreError("rows of int8 cannot be trained: dtype=torch.float32 widens them, freeze=True leaves them")
    encoder = Encoder(store, store.metadata.get("embstore.oov") if oov is None else oov, padding=padding)
    reference = _reference(store, encoder, seed)
    add_special, widen = encoder.special and not encoder.in_file, store.dtype == "int8" and dtype is not None
    if store.mapped and not add_special and not widen:
        mapped = MappedRows(store, encoder.num_embeddings, store.metadata.get(SHA256))
        return LayerTable(mapped.tensor(), encoder, mapped if freeze else None, reference)
    if widen:
        own = torch.from_numpy(store.block(0, len(store) if add_special else encoder.num_embeddings))
        return LayerTable(with_special(own, encoder, seed) if add_special else own, encoder, reference=reference)
    return LayerTable(as_tensor(_copied(store, encoder, seed), store.dtype), encoder, reference=reference)


def _copied(store: Store, encoder: Encoder, seed: int) -> NDArray[Any]:
    """Copy a layer's stored rows out of a store, with the special rows that it does not have."""
    empty = store.block(0, 0, encoded=True)
    rows = np.empty((encoder.num_embeddings, empty.shape[1]), empty.dtype)
    count = len(rows) if encoder.in_file else len(store)
    for start in range(0, count, BLOCK):
        stop = min(start + BLOCK, count)
        rows[start:stop] = store.block(start, stop, encoded=True)
    if count < len(rows):
        rows[count:] = encode_rows(special_rows(store, encoder.policy, encoder.padding, seed), store.dtype)
    return rows


def _own(store: Store) -> Store:
    """Map a store's file anew: what is written to the layer stays there, and closing the store does not end it."""
    if store.mapped_rows() is None:
        return store
    return MappedRows(copy.copy(store), len(store) + store.special, store.metadata.get(SHA256)).store


def with_special(own: torch.Tensor, encoder: Encoder, seed: int) -> torch.Tensor:
    """Put an encoder's special rows after the vocabulary's, (rows, dim): a copy if there are any."""
    if not encoder.special:
        return own
    wide = own.to("cpu", torch.float32) if own.dtype == torch.bfloat16 else own.cpu()
    kept: Dtype = "int8" if is_rowwise(own) else "float32"
    table = DecodedRows(ArrayRows(wide.numpy(), kept), len(own))
    special = special_rows(table, encoder.policy, encoder.padding, seed)
    return torch.cat([own, torch.from_numpy(encode_rows(special, kept)).to(own)])


def _reference(store: Store, encoder: Encoder, seed: int) -> dict[str, str] | None:
    """Everything that the rows follow from."""
    if store.path is None or SHA256 not in store.metadata:
        return None
    special = "in the file" if encoder.in_file else f"padding={encoder.padding_idx is not None}, seed={seed}"
    return {
        "store": store.path.name,
        "sha256": store.metadata[SHA256],
        "oov": str(encoder.policy),
        "special": special if encoder.special else "none",
    }
