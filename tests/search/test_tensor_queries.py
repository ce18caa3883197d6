"""Tensors of torch as queries: of any floating dtype, with a gradient, several in one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from support.tables import saved

import embstore

pytestmark = pytest.mark.torch

WORDS = ["man", "woman", "queen", "car"]
VECTORS = np.array([[1, 0], [0, 1], [2, 3], [-1, -1]], np.float32)


@pytest.fixture
def store(tmp_path: Path) -> embstore.Store:
    return embstore.open(saved(tmp_path / "s.safetensors", WORDS, VECTORS))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_a_tensor_is_a_vector(store: embstore.Store, dtype: torch.dtype) -> None:
    vector = torch.tensor([2, 0.5], dtype=dtype)
    expected = store.most_similar(np.array([2, 0.5], np.float32))
    assert [word for word, _ in expected] == ["man", "queen", "woman", "car"]
    trained = torch.nn.Parameter(vector)
    for query in (vector, trained, trained * 1, [vector], vector[None], [(trained, 1.0)]):
        assert store.most_similar(query) == expected
    assert store.most_similar((trained, -1)) == store.most_similar(-vector)


def test_tensors_of_whole_numbers(store: embstore.Store) -> None:
    assert store.most_similar(torch.tensor([2, 1])) == store.most_similar(np.array([2, 1]))


def test_several_tensors(store: embstore.Store) -> None:
    both = torch.eye(2, requires_grad=True)
    assert store.most_similar_batch(both) == [store.most_similar(row) for row in np.eye(2)]  # type: ignore[arg-type]
    added = store.most_similar(["man", both[1]], [both[0]])
    assert added == store.most_similar(["man", np.array([0, 1])], [np.array([1, 0])])


def test_a_tensor_of_another_shape(store: embstore.Store) -> None:
    with pytest.raises(ValueError, match=r"^a query vector of shape \(3,\), expected \(2,\)$"):
        store.most_similar(torch.zeros(3))


def test_row_numbers_of_torch(store: embstore.Store) -> None:
    with pytest.raises(TypeError, match=r"for row 2 use store.vectors\[2\], or store.gather\(\[2\]\)\[0\]"):
        store[torch.tensor(2)]
    with pytest.raises(TypeError, match=r"for these rows use store.gather\(\[2, 0\]\)$"):
        store[torch.tensor([2, 0])]
