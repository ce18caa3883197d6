"""Layers with given rows, made in each way that embstore has, and torch's own to compare them with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch

from embstore import Embedding, EmbeddingBag
from support.tables import saved

L = TypeVar("L", Embedding, EmbeddingBag)


class Make(Protocol):
    """Makes a layer with these rows, which is trained unless ``freeze=True`` is among the options."""

    def __call__(self, kind: type[L], rows: torch.Tensor, /, **options: Any) -> L: ...


def exact_rows(count: int, dim: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Return distinct rows of multiples of a quarter, which all floating dtypes hold exactly."""
    numbers = torch.arange(count * dim) * 37 % 101 - 50
    return (numbers.reshape(count, dim) / 4).to(dtype)


def words(count: int) -> list[str]:
    return [f"word{number}" for number in range(count)]


def from_array(kind: type[L], rows: torch.Tensor, /, **options: Any) -> L:
    return kind.from_pretrained(rows, tokens=words(len(rows)), **{"freeze": False, **options})


def from_vocabulary(kind: type[L], rows: torch.Tensor, /, **options: Any) -> L:
    return kind.from_vocabulary(words(len(rows)), rows.shape[1], **{"init": rows, "dtype": rows.dtype, **options})


def from_store_in(folder: Path) -> Make:
    """Return a function that makes layers over stores in a folder."""

    def from_store(kind: type[L], rows: torch.Tensor, /, **options: Any) -> L:
        name = str(rows.dtype).removeprefix("torch.")
        if name == "float64":  # which a store does not have
            name, options = "float32", {"dtype": torch.float64, **options}
        path = folder / f"{len(list(folder.iterdir()))}.safetensors"
        saved(path, words(len(rows)), rows.detach().float().numpy(), dtype=name)
        return kind.from_pretrained(path, **{"freeze": False, **options})

    return from_store


def torchs(kind: type[Embedding] | type[EmbeddingBag], rows: torch.Tensor, **options: Any) -> Any:
    """Return torch's own layer with a copy of these rows."""
    own: Any = torch.nn.Embedding if issubclass(kind, Embedding) else torch.nn.EmbeddingBag
    return own.from_pretrained(rows.detach().clone(), **{"freeze": False, **options})


def outcome(call: Callable[[], object]) -> object:
    """Return what a call returns, or the type and text of its error."""
    try:
        return call()
    except Exception as error:
        return type(error), str(error)


def gradient(layer: Any) -> torch.Tensor:
    """Return the gradient of a layer's weight, dense."""
    found: torch.Tensor = layer.weight.grad
    return found.to_dense() if found.is_sparse else found
