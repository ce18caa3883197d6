"""Writing stores: torch reads them, and rounds to 16 bits in the same way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given
from numpy.typing import NDArray
from support.matrices import MATRICES
from support.tables import source

import embstore
from embstore.store.writer import write_store

pytestmark = pytest.mark.torch


@given(vectors=MATRICES)
def test_torch_reads_the_same_bits(tmp_path: Path, vectors: NDArray[np.float32]) -> None:
    path, words = tmp_path / "s.safetensors", [f"w{i}" for i in range(len(vectors))]
    write_store(path, source(words, vectors))
    loaded = safetensors.torch.load_file(path)
    np.testing.assert_array_equal(loaded["embedding.weight"].numpy().view(np.uint32), vectors.view(np.uint32))
    assert bytes(loaded["vocab.bytes"].numpy()).decode() == "".join(words)


@given(vectors=MATRICES)
def test_narrow_floats_are_rounded_as_torch_rounds_them(tmp_path: Path, vectors: NDArray[np.float32]) -> None:
    path, words = tmp_path / "s.safetensors", [f"w{i}" for i in range(len(vectors))]
    for dtype, kind in (("float16", torch.float16), ("bfloat16", torch.bfloat16)):
        write_store(path, source(words, vectors, dtype=dtype))
        stored = safetensors.torch.load_file(path)["embedding.weight"]
        expected = torch.from_numpy(vectors.copy()).to(kind)
        assert stored.dtype == kind
        torch.testing.assert_close(stored, expected, rtol=0, atol=0, equal_nan=True)
        assert torch.equal(torch.signbit(stored)[~stored.isnan()], torch.signbit(expected)[~expected.isnan()])
        read = embstore.open(path).vectors
        np.testing.assert_array_equal(read.astype(np.float32), expected.float().numpy())
