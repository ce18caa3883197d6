"""What torch's own tests assert of `torch.nn.EmbeddingBag`: pooling, gradients, empty bags, errors."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from support.torch_layers import Make, exact_rows, gradient, outcome, torchs
from torch.func import functional_call

from embstore import Embedding, EmbeddingBag

pytestmark = pytest.mark.torch

FLOATING = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
INTEGERS = [torch.int32, torch.int64]
MODES = ["sum", "mean", "max"]
IDS, STARTS = [3, 1, 1, 1, 4, 0], [0, 0, 3, 3, 6]  # the first, third and last bag are empty
ROWS = exact_rows(5, 2)


@pytest.mark.parametrize("offsets_dtype", INTEGERS)
@pytest.mark.parametrize("ids_dtype", INTEGERS)
@pytest.mark.parametrize("dtype", FLOATING)
@pytest.mark.parametrize("mode", MODES)
def test_ragged_bags_and_their_gradients(
    make: Make, mode: str, dtype: torch.dtype, ids_dtype: torch.dtype, offsets_dtype: torch.dtype
) -> None:
    rows = torch.arange(1, 11, dtype=dtype).reshape(5, 2)
    upstream = torch.tensor([[99, 99], [1, 2], [99, 99], [3, 4], [99, 99]], dtype=dtype)
    ids, starts = torch.tensor(IDS, dtype=ids_dtype), torch.tensor(STARTS, dtype=offsets_dtype)
    count = 3 if mode == "mean" else 1
    pooled = [[7, 8], [9, 10]] if mode == "max" else [[13 / count, 16 / count]] * 2
    per_row = {
        "max": [[0, 0], [0, 0], [0, 0], [1, 2], [3, 4]],
        "sum": [[3, 4], [5, 8], [0, 0], [1, 2], [3, 4]],
        "mean": [[3 / 3, 4 / 3], [5 / 3, 8 / 3], [0, 0], [1 / 3, 2 / 3], [3 / 3, 4 / 3]],
    }[mode]
    expected = torch.tensor([[0, 0], pooled[0], [0, 0], pooled[1], [0, 0]], dtype=dtype)
    for sparse in (False, True) if mode != "max" else (False,):
        layer = make(EmbeddingBag, rows, mode=mode, sparse=sparse)
        found = layer(ids, starts)
        found.backward(upstream)
        torch.testing.assert_close(found, expected)
        torch.testing.assert_close(gradient(layer), torch.tensor(per_row, dtype=dtype))
        layer.zero_grad()
        matrix = layer(ids.view(2, 3))
        matrix.backward(upstream[[1, 3]])
        torch.testing.assert_close(matrix, expected[[1, 3]])
        torch.testing.assert_close(gradient(layer), torch.tensor(per_row, dtype=dtype))


@pytest.mark.parametrize("offsets_dtype", INTEGERS)
@pytest.mark.parametrize("ids_dtype", INTEGERS)
@pytest.mark.parametrize("sparse", [False, True])
def test_without_ids_all_bags_are_zeros(
    make: Make, sparse: bool, ids_dtype: torch.dtype, offsets_dtype: torch.dtype
) -> None:
    ids = torch.tensor([], dtype=ids_dtype)
    for mode in MODES[:2] if sparse else MODES:
        layer = make(EmbeddingBag, ROWS, mode=mode, sparse=sparse)
        for starts in ([0], [0, 0, 0]):
            found = layer(input=ids, offsets=torch.tensor(starts, dtype=offsets_dtype))
            assert torch.equal(found, torch.zeros(len(starts), 2))
            found.sum().backward()
            assert torch.equal(gradient(layer), torch.zeros(5, 2))
        assert layer(ids, torch.tensor([], dtype=offsets_dtype)).shape == (0, 2)


@pytest.mark.parametrize("ids", [IDS, []])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("dtype", FLOATING)
def test_weights_and_their_gradients(make: Make, dtype: torch.dtype, last: bool, ids: list[int]) -> None:
    starts = [min(start, len(ids)) for start in STARTS] + [len(ids)] * last
    given = torch.tensor(ids, dtype=torch.int64), torch.tensor(starts)
    upstream = exact_rows(5, 2, dtype)
    options: dict[str, Any] = {"mode": "sum", "include_last_offset": last}
    found = []
    for way in (make, torchs):
        layer = way(EmbeddingBag, exact_rows(5, 2, dtype), **options)
        weights = (torch.arange(len(ids)) / 4 - 0.5).to(dtype).requires_grad_()
        vectors = layer(*given, weights)
        vectors.backward(upstream)
        found.append((vectors.detach(), gradient(layer), weights.grad))
    for ours, theirs in zip(*found, strict=True):
        assert torch.equal(ours, theirs)
    by_hand = exact_rows(5, 2, dtype)[ids] * (torch.arange(len(ids)) / 4 - 0.5).to(dtype)[:, None]
    torch.testing.assert_close(found[0][0][1], by_hand[:3].sum(0))


@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_weights_of_a_matrix_may_be_trained_with_a_frozen_layer(make: Make, weighted: bool, trained: bool) -> None:
    layer = make(EmbeddingBag, ROWS, mode="sum", freeze=not trained)
    ids = torch.arange(1, 5).expand(3, -1)
    scores = torch.linspace(-1, 1, 12).reshape(3, 4).requires_grad_(weighted)
    weights = scores.softmax(-1)
    found = layer(ids, per_sample_weights=weights)
    torch.testing.assert_close(found, (ROWS[ids] * weights[..., None]).sum(1))
    assert found.requires_grad == (weighted or trained)
    if weighted:
        (expected,) = torch.autograd.grad((ROWS[ids] * weights[..., None]).sum(1).square().sum(), scores)
        (ours,) = torch.autograd.grad(layer(ids, per_sample_weights=scores.softmax(-1)).square().sum(), scores)
        torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize("max_norm", [None, 3.0])
@pytest.mark.parametrize("mode", MODES)
def test_bags_of_one_size_are_reductions_of_an_embedding(make: Make, mode: str, max_norm: float | None) -> None:
    rows = exact_rows(20, 7, torch.float64)
    bag = make(EmbeddingBag, rows, max_norm=max_norm, mode=mode)
    embedding = make(Embedding, rows, max_norm=max_norm)
    for shape in [(1, 1), (2, 1), (1, 2), (30, 40)]:
        ids = torch.randint(20, shape)
        upstream = torch.rand(shape[0], 7, dtype=torch.float64)
        looked_up = embedding(ids)
        reduced = looked_up.amax(1) if mode == "max" else getattr(looked_up, mode)(1)
        pooled = bag(ids.flatten(), torch.arange(shape[0]) * shape[1])
        torch.testing.assert_close(pooled, reduced)
        torch.testing.assert_close(bag(ids), reduced)
        if mode != "max":  # where rows tie for the maximum, amax shares the gradient among them
            bag.zero_grad()
            embedding.zero_grad()
            pooled.backward(upstream)
            reduced.backward(upstream)
            torch.testing.assert_close(gradient(bag), gradient(embedding))


@pytest.mark.parametrize("options", [{}, {"scale_grad_by_freq": True}, {"sparse": True}, {"max_norm": 1.0}])
@pytest.mark.parametrize("mode", ["sum", "mean"])
def test_options_do_what_they_do_for_torch(make: Make, mode: str, options: dict[str, Any]) -> None:
    given = torch.tensor([2, 2, 4, 0, 2]), torch.tensor([0, 2])
    layers = [way(EmbeddingBag, ROWS, mode=mode, **options) for way in (make, torchs)]
    found = [layer(*given) for layer in layers]
    for vectors in found:
        vectors.backward(exact_rows(2, 2))
    assert torch.equal(*found)
    assert torch.equal(gradient(layers[0]), gradient(layers[1]))
    assert torch.equal(layers[0].weight, layers[1].weight)


def test_include_last_offset_leaves_out_what_follows(make: Make) -> None:
    layer = make(EmbeddingBag, ROWS, include_last_offset=True)
    for ends in ([0, 3, 3], [0, 3, 4]):
        expected = torchs(EmbeddingBag, ROWS, include_last_offset=True)(torch.arange(4), torch.tensor(ends))
        assert torch.equal(layer(torch.arange(4), torch.tensor(ends)), expected)


@pytest.mark.parametrize("mode", MODES)
def test_weights_that_are_not_contiguous(make: Make, mode: str) -> None:
    wide = exact_rows(3, 4)
    layer = make(EmbeddingBag, wide[:, :3], mode=mode)
    given = torch.tensor([0, 1, 2]), torch.tensor([0, 2])
    expected = torchs(EmbeddingBag, wide[:, :3].contiguous(), mode=mode)(*given)
    assert torch.equal(layer(*given), expected)
    assert torch.equal(functional_call(layer, {"weight": wide[:, :3]}, given), expected)


def ints(*shape: int) -> torch.Tensor:
    return torch.zeros(shape, dtype=torch.int64)


ERRORS: list[tuple[str, tuple[object, ...], type[Exception]]] = [
    ("sum", (ints(3, 4), torch.tensor([0, 1])), ValueError),  # a matrix with offsets
    ("sum", (ints(3),), ValueError),  # ids without offsets
    ("sum", (ints(3), ints(2, 2)), ValueError),  # offsets that are a matrix
    ("sum", (ints(2, 2, 2),), ValueError),
    ("sum", (ints(3), torch.tensor([1, 2])), RuntimeError),  # offsets that do not begin with 0
    ("sum", (ints(3), torch.tensor([0, 100])), RuntimeError),  # offsets beyond the ids
    ("sum", (ints(3), torch.tensor([0.0, 1.0])), RuntimeError),
    ("sum", (torch.zeros(3), torch.tensor([0])), RuntimeError),
    ("sum", (ints(3), torch.tensor([0]), torch.ones(2)), ValueError),  # one weight is missing
    ("sum", (ints(2, 3), None, torch.ones(6)), ValueError),
    ("max", (ints(2, 3), None, torch.ones(2, 3)), NotImplementedError),
    *((mode, (torch.tensor([[1, number]]),), RuntimeError) for mode in MODES for number in (-1, 5)),
    ("sum", (torch.tensor([[1, 5]]), None, torch.ones(1, 2)), RuntimeError),
    ("sum", (torch.tensor([1, -1]), torch.tensor([0])), RuntimeError),
]


@pytest.mark.parametrize(("mode", "given", "kind"), ERRORS)
def test_wrong_input_raises_what_torch_raises(
    make: Make, mode: str, given: tuple[object, ...], kind: type[Exception]
) -> None:
    expected = outcome(lambda: torchs(EmbeddingBag, ROWS, mode=mode)(*given))
    assert isinstance(expected, tuple)
    assert expected[0] is kind
    assert outcome(lambda: make(EmbeddingBag, ROWS, mode=mode)(*given)) == expected
