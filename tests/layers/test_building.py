"""Layers are built with their rows, on the CPU, under whatever default device and dtype programs build models."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from support.tables import saved

from embstore import Embedding, EmbeddingBag

pytestmark = pytest.mark.torch

WORDS = ["the", "frog", "paris", "naïve"]
ROWS = np.random.default_rng(5).standard_normal((len(WORDS), 4), np.float32)


@contextlib.contextmanager
def default_device(device: str) -> Iterator[None]:
    torch.set_default_device(device)
    try:
        yield
    finally:
        torch.set_default_device(None)


@contextlib.contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextlib.contextmanager
def device_and_dtype() -> Iterator[None]:
    """As Hugging Face builds a model that is loaded with a dtype."""
    with torch.device("meta"), default_dtype(torch.float16):
        yield


CONTEXTS: dict[str, Callable[[], contextlib.AbstractContextManager[object]]] = {
    "device": lambda: torch.device("meta"),
    "default device": lambda: default_device("meta"),
    "default dtype": lambda: default_dtype(torch.bfloat16),
    "both": device_and_dtype,
}

Build = Callable[[Path], Embedding | EmbeddingBag]

PRETRAINED: dict[str, Build] = {
    "mapped": lambda path: Embedding.from_pretrained(path),
    "mapped bag": lambda path: EmbeddingBag.from_pretrained(path, mode="sum"),
    "reference": lambda path: Embedding.from_pretrained(path, persistent=False),
    "trained": lambda path: Embedding.from_pretrained(path, freeze=False),
    "special rows": lambda path: Embedding.from_pretrained(path, oov="hash:3", padding=True),
    "bag with a mean": lambda path: EmbeddingBag.from_pretrained(path, oov="mean"),
    "int8": lambda path: Embedding.from_pretrained(saved(path.with_suffix(".int8"), WORDS, ROWS, dtype="int8")),
    "widened": lambda path: Embedding.from_pretrained(
        saved(path.with_suffix(".int8"), WORDS, ROWS, dtype="int8"), dtype=torch.float32, oov="mean"
    ),
    "bfloat16": lambda path: Embedding.from_pretrained(
        saved(path.with_suffix(".bf16"), WORDS, ROWS, dtype="bfloat16"), oov="mean"
    ),
    "array": lambda path: Embedding.from_pretrained(ROWS),
    "array with words": lambda path: Embedding.from_pretrained(ROWS, tokens=WORDS, oov="mean"),
    "tensor": lambda path: Embedding.from_pretrained(torch.from_numpy(ROWS), tokens=WORDS, oov="zero"),
    "init": lambda path: Embedding.from_vocabulary(WORDS, 4, init=ROWS, oov="mean"),
    "init as a list": lambda path: Embedding.from_vocabulary(["a"], 2, init=[[1, 2]], oov="zero"),
}
DRAWN: dict[str, Build] = {
    "drawn": lambda path: Embedding.from_vocabulary(WORDS, 4, std=0.5),
    "drawn with special rows": lambda path: Embedding.from_vocabulary(WORDS, 4, oov="mean", padding=True),
    "hashed": lambda path: EmbeddingBag.from_vocabulary([], 4, oov="hash:5", std=0.1),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return saved(tmp_path / "words.safetensors", WORDS, ROWS)


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("name", PRETRAINED)
def test_pretrained_rows_are_those_of_the_source(name: str, context: str, path: Path) -> None:
    expected = PRETRAINED[name](path)
    path.with_suffix(".int8").unlink(missing_ok=True)
    path.with_suffix(".bf16").unlink(missing_ok=True)
    with CONTEXTS[context]():
        layer = PRETRAINED[name](path)
    assert layer.weight.device.type == "cpu"
    assert layer.weight.dtype == expected.weight.dtype
    assert layer.weight.requires_grad == expected.weight.requires_grad
    assert torch.equal(layer.weight, expected.weight)
    assert (layer.mapped is None) == (expected.mapped is None)
    assert all(buffer.device.type == "cpu" for buffer in layer.buffers())
    assert layer.state_dict().keys() == expected.state_dict().keys()


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("name", DRAWN)
def test_drawn_rows_are_rounded_to_the_default_dtype(name: str, context: str, path: Path) -> None:
    expected = DRAWN[name](path).weight
    assert expected.dtype == torch.float32
    with CONTEXTS[context]():
        weight, dtype = DRAWN[name](path).weight, torch.get_default_dtype()
    assert weight.device.type == "cpu"
    assert weight.dtype == dtype
    assert torch.equal(weight, expected.to(dtype))


def test_a_dtype_of_its_own_is_not_rounded_to_the_default() -> None:
    expected = Embedding.from_vocabulary(WORDS, 4).weight
    with default_dtype(torch.bfloat16):
        assert torch.equal(Embedding.from_vocabulary(WORDS, 4, dtype=torch.float32).weight, expected)


def test_a_tensor_without_data_makes_a_layer_without_data() -> None:
    with torch.device("meta"):
        rows = torch.zeros(4, 3)
    assert Embedding.from_pretrained(rows).weight.is_meta
    assert Embedding.from_pretrained(rows, tokens=WORDS).weight.is_meta
    with pytest.raises(ValueError, match=r"^the special rows are made from the other rows, and those have no "):
        Embedding.from_pretrained(rows, tokens=WORDS, padding=True)


def test_a_device_that_is_asked_for_is_that_of_the_rows(path: Path) -> None:
    assert Embedding.from_pretrained(path, device="meta").weight.is_meta
    assert Embedding.from_vocabulary(WORDS, 4, device="meta").weight.is_meta
