"""What `torch.ao.quantization` makes of models with layers: it quantizes the rest, and says that layers stay."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.tables import saved
from torch.ao.nn.quantized import Linear
from torch.ao.nn.quantized.dynamic import Linear as DynamicLinear
from torch.ao.quantization import (
    QConfigMapping,
    float_qparams_weight_only_qconfig,
    get_default_qconfig,
    get_default_qconfig_mapping,
    prepare,
    quantize_dynamic,
)
from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

import embstore

pytestmark = pytest.mark.torch

WORDS = [f"w{i}" for i in range(30)]
IDS, OFFSETS = torch.tensor([1, 2, 3, 4, 5]), torch.tensor([0, 2, 2])
SAID = (
    "EmbeddingBag(30, 8, mode='sum') stays as it is under torch.ao.quantization: for 8-bit rows, make it over a store"
    " that was converted with dtype='int8'"
)


@pytest.fixture(autouse=True)
def _still_works() -> Iterator[None]:
    with warnings.catch_warnings():  # torch.ao.quantization is deprecated
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        warnings.filterwarnings("ignore", ".*quantized tensor creation functions")
        warnings.filterwarnings("ignore", "Please use quant_min and quant_max")
        warnings.filterwarnings("ignore", "must run observer before")
        yield


class Model(torch.nn.Module):
    def __init__(self, folder: Path, dtype: Any = "float32") -> None:
        super().__init__()
        torch.manual_seed(0)
        vectors = np.random.default_rng(0).standard_normal((30, 8)).astype(np.float32)
        path = saved(folder / f"{dtype}.safetensors", WORDS, vectors, dtype=dtype)
        self.bag = embstore.EmbeddingBag.from_pretrained(path, mode="sum")
        self.scores = torch.nn.Linear(8, 3)

    def forward(self, ids: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.scores(self.bag(ids, offsets))
        return scores


@pytest.mark.parametrize("spec", [{"bag"}, {embstore.EmbeddingBag}, {"bag", torch.nn.EmbeddingBag}])
def test_quantize_dynamic_says_that_a_layer_stays(tmp_path: Path, spec: set[Any]) -> None:
    model, qconfig = Model(tmp_path), float_qparams_weight_only_qconfig
    with pytest.warns(embstore.EmbstoreWarning, match=f"^{re.escape(SAID)}$"):
        found = quantize_dynamic(model, dict.fromkeys(spec, qconfig))  # type: ignore[no-untyped-call]
    assert type(found.bag) is embstore.EmbeddingBag
    assert torch.equal(found(IDS, OFFSETS), model(IDS, OFFSETS))
    assert not hasattr(found.bag, "qconfig")
    assert not hasattr(model.bag, "qconfig")


def test_quantize_dynamic_of_other_types_passes_layers_over(tmp_path: Path) -> None:
    """torch looks types up exactly, so ``torch.nn.EmbeddingBag`` means no subclass: embstore learns nothing of it."""
    model = Model(tmp_path)
    for spec in ({torch.nn.EmbeddingBag: float_qparams_weight_only_qconfig}, None):
        found = quantize_dynamic(model, spec)  # type: ignore[no-untyped-call]
        assert type(found.bag) is embstore.EmbeddingBag
        assert type(found.scores) is (torch.nn.Linear if spec else DynamicLinear)
        torch.testing.assert_close(found(IDS, OFFSETS), model(IDS, OFFSETS), atol=0.1, rtol=0)


def test_prepare_says_that_a_layer_stays(tmp_path: Path) -> None:
    model = Model(tmp_path).eval()
    model.qconfig = get_default_qconfig("fbgemm")  # type: ignore[no-untyped-call]
    with pytest.warns(embstore.EmbstoreWarning, match=f"^{re.escape(SAID)}$"):
        prepared = prepare(model)  # type: ignore[no-untyped-call]
    assert torch.equal(prepared.bag(IDS, OFFSETS), model.bag(IDS, OFFSETS))


def test_int8_rows_have_nothing_to_be_told(tmp_path: Path) -> None:
    spec = {"bag": float_qparams_weight_only_qconfig}
    found = quantize_dynamic(Model(tmp_path, "int8"), spec)  # type: ignore[no-untyped-call]
    assert found.bag.rowwise


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_prepare_fx_quantizes_what_follows_a_layer(tmp_path: Path, dtype: str) -> None:
    model, inputs = Model(tmp_path, dtype).eval(), (IDS, OFFSETS)
    for mapping in (
        get_default_qconfig_mapping("fbgemm"),
        QConfigMapping().set_object_type(torch.nn.EmbeddingBag, float_qparams_weight_only_qconfig),
    ):
        prepared = prepare_fx(model, mapping, inputs)
        prepared(*inputs)
        found = convert_fx(prepared)
        torch.testing.assert_close(found(*inputs), model(*inputs), atol=0.1, rtol=0)
    assert torch.equal(found(*inputs), model(*inputs))  # the second quantizes no linear layer, and no rows
    quantized = convert_fx(prepare_fx(model, get_default_qconfig_mapping("fbgemm"), inputs))
    assert type(quantized.scores) is Linear
