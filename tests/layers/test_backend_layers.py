"""Layers over a store with a backend that is not a NumPy array: copies with equal rows."""

from __future__ import annotations

import pytest
import torch
from support.backends import DTYPES, VECTORS, as_bytes, equal, store_over
from support.stored import stored

import embstore
from embstore.core.dtypes import encode_rows
from embstore.core.options import Dtype
from embstore.store.rows import ArrayRows

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("oov", [None, "hash:3", "mean"])
def test_layers(dtype: Dtype, oov: str | None) -> None:
    other_backend, in_memory = store_over(as_bytes, dtype), store_over(ArrayRows, dtype)
    for kind, options in ((embstore.Embedding, {"padding": True}), (embstore.EmbeddingBag, {"mode": "sum"})):
        for freeze in {True, in_memory.dtype == "int8"}:
            layers = [
                kind.from_pretrained(table, oov=oov, freeze=freeze, **options) for table in (other_backend, in_memory)
            ]
            found, expected = (layer.weight.detach() for layer in layers)
            equal(found.flatten().view(torch.uint8).numpy(), expected.flatten().view(torch.uint8).numpy())
            assert [layer.mapped for layer in layers] == [None, None]
            found.zero_()  # a copy: the store keeps its rows
            expected.zero_()
    equal(stored(other_backend), encode_rows(VECTORS, other_backend.dtype))
    equal(stored(in_memory), encode_rows(VECTORS, in_memory.dtype))


def test_a_closed_store_is_refused() -> None:
    store = store_over(as_bytes, "float32")
    store.close()
    with pytest.raises(ValueError, match=r"^this store is closed$"):
        embstore.Embedding.from_pretrained(store)
