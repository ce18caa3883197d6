"""formats/store: what the safetensors package reads into torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import torch
from support.goldens import bits_of, sidecars_of

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(("folder", "sidecar"), sidecars_of("store", "valid"))
def test_safetensors_opens_every_valid_store(folder: Path, sidecar: Any) -> None:
    path = folder / sidecar["file"]
    by_torch = safetensors.torch.load_file(path)
    weight = by_torch["embedding.weight"]
    wide = torch.ops.quantized.embedding_bag_byte_unpack(weight) if sidecar["dtype"] == "int8" else weight.float()
    assert bits_of(wide.numpy()) == sidecar["bits"] + sidecar.get("special", [])
    if sidecar["dtype"] != "bfloat16":  # which NumPy lacks
        by_numpy = safetensors.numpy.load_file(path)
        np.testing.assert_array_equal(by_numpy["vocab.bytes"], by_torch["vocab.bytes"].numpy())
        assert by_numpy["embedding.weight"].tobytes() == weight.numpy().tobytes()
