"""What torch's own tests assert of `torch.nn.Embedding`: lookups, gradients, norms, errors."""

from __future__ import annotations

import pytest
import torch
from support.torch_layers import Make, exact_rows, from_array, from_vocabulary, gradient, outcome, torchs
from torch.autograd import forward_ad
from torch.func import functional_call

import embstore
from embstore import Embedding

pytestmark = pytest.mark.torch

FLOATING = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
ROWS = exact_rows(10, 3)


@pytest.mark.parametrize("ids_dtype", [torch.int32, torch.int64])
@pytest.mark.parametrize("dtype", FLOATING)
def test_ids_of_any_shape_give_rows_in_the_last_dimension(
    make: Make, dtype: torch.dtype, ids_dtype: torch.dtype
) -> None:
    rows = exact_rows(10, 3, dtype)
    layer = make(Embedding, rows)
    for shape in [(), (4,), (2, 5), (2, 1, 3), (0,), (0, 4), (4, 0)]:
        ids = torch.randint(10, shape, dtype=ids_dtype)
        found = layer(ids)
        assert found.dtype == dtype
        assert torch.equal(found, rows[ids.long()])


def test_ids_that_are_not_contiguous(make: Make) -> None:
    ids = torch.randint(10, (1, 512)).expand(7, 512)
    layer = make(Embedding, ROWS)
    for given in (ids, ids.t(), torch.arange(10)[::3], torch.arange(9).view(3, 3).t()):
        assert torch.equal(layer(given), ROWS[given])


@pytest.mark.parametrize("ids", [[-1], [10], [3, 10**6], [[0], [-11]]])
def test_ids_out_of_range_raise_what_torch_raises(make: Make, ids: list[int]) -> None:
    expected = outcome(lambda: torchs(Embedding, ROWS)(torch.tensor(ids)))
    assert expected == (IndexError, "index out of range in self")
    assert outcome(lambda: make(Embedding, ROWS)(torch.tensor(ids))) == expected


@pytest.mark.parametrize("dtype", [torch.float32, torch.bool, torch.uint8, torch.int8, torch.int16])
def test_ids_of_other_dtypes_raise_what_torch_raises(make: Make, dtype: torch.dtype) -> None:
    ids = torch.tensor([0, 1]).to(dtype)
    expected = outcome(lambda: torchs(Embedding, ROWS)(ids))
    assert isinstance(expected, tuple)
    assert expected[0] is RuntimeError
    assert outcome(lambda: make(Embedding, ROWS)(ids)) == expected


@pytest.mark.parametrize("shape", [(0, 0), (10, 0), (0, 3)])
@pytest.mark.parametrize("way", [from_array, from_vocabulary])
def test_tables_without_rows_or_columns(way: Make, shape: tuple[int, int]) -> None:
    rows = torch.zeros(shape)
    ids = torch.arange(min(shape[0], 4))
    for sparse in (False, True):
        ours, theirs = way(Embedding, rows, sparse=sparse), torchs(Embedding, rows, sparse=sparse)
        for layer in (ours, theirs):
            layer(ids).sum().backward()
        assert ours.weight.grad is not None
        assert ours.weight.grad.is_sparse == sparse
        assert ours.weight.grad.shape == theirs.weight.grad.shape == shape


@pytest.mark.parametrize(
    "options",
    [{}, {"sparse": True}, {"scale_grad_by_freq": True}, {"padding_idx": 4}, {"padding_idx": -1, "sparse": True}],
)
@pytest.mark.parametrize("dtype", FLOATING)
def test_gradients_are_those_of_torch(make: Make, options: dict[str, object], dtype: torch.dtype) -> None:
    rows, ids = exact_rows(10, 3, dtype), torch.tensor([[4, 2, 2], [9, 4, 2]])
    ours, theirs = make(Embedding, rows, **options), torchs(Embedding, rows, **options)
    upstream = exact_rows(6, 3, dtype).reshape(2, 3, 3)
    for layer in (ours, theirs):
        layer(ids).backward(upstream)
    assert ours.weight.grad is not None
    assert ours.weight.grad.is_sparse == theirs.weight.grad.is_sparse == options.get("sparse", False)
    assert torch.equal(gradient(ours), gradient(theirs))
    assert gradient(ours).any()


def test_sparse_gradients_have_one_entry_for_each_id_and_accumulate(make: Make) -> None:
    layer = make(Embedding, exact_rows(10, 3, torch.float64), sparse=True)
    layer(torch.tensor([7, 1, 3])).sum().backward()
    layer(torch.tensor([8, 1])).sum().backward()
    found = layer.weight.grad
    assert found is not None
    assert found._indices().tolist() == [[7, 1, 3, 8, 1]]
    assert torch.equal(found._values(), torch.ones(5, 3, dtype=torch.float64))
    layer.zero_grad()
    assert layer.weight.grad is None


def test_first_and_second_derivatives_are_those_that_differences_give(make: Make) -> None:
    layer = make(Embedding, exact_rows(5, 2, torch.float64))
    ids = torch.tensor([[0, 1, 1, 2], [3, 4, 0, 1]])

    def looked_up(weight: torch.Tensor) -> torch.Tensor:
        return functional_call(layer, {"weight": weight}, (ids,))  # type: ignore[no-any-return]

    weight = layer.weight.detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(looked_up, (weight,))
    assert torch.autograd.gradgradcheck(looked_up, (weight,))


def test_the_sum_of_a_gradient_can_be_differentiated_again(make: Make) -> None:
    layer = make(Embedding, ROWS, padding_idx=0)
    total = layer(torch.tensor([1, 3, 0, 0])).sum()
    (grad,) = torch.autograd.grad(total, [layer.weight], create_graph=True)
    (grad.sum() + total).backward()
    assert gradient(layer)[:, 0].tolist() == [0, 1, 0, 1, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("norm_type", [0.5, 1.0, 2.0, float("inf")])
def test_max_norm_scales_the_rows_that_are_looked_up_and_no_others(make: Make, norm_type: float) -> None:
    ours, theirs = (way(Embedding, ROWS, max_norm=1.0, norm_type=norm_type) for way in (make, torchs))
    ids = torch.tensor([2, 8, 8, 6])
    found = ours(ids)
    assert torch.equal(found, theirs(ids))
    assert torch.equal(found[1], found[2])
    assert (found.norm(norm_type, dim=1) <= 1 + 1e-6).all()
    assert torch.equal(ours.weight, theirs.weight)
    untouched = [row for row in range(10) if row not in ids]
    assert torch.equal(ours.weight[untouched], ROWS[untouched])
    assert not torch.equal(ours.weight[2], ROWS[2])


def test_max_norm_counts_each_id_in_the_gradient(make: Make) -> None:
    layer = make(Embedding, ROWS[:4], max_norm=1.0)
    layer(torch.tensor([0, 1, 2, 2])).sum().backward()
    assert gradient(layer).tolist() == [[1] * 3, [1] * 3, [2] * 3, [0] * 3]


@pytest.mark.filterwarnings("ignore:`torch.jit.*:DeprecationWarning")  # of torch's own module for this mode
def test_max_norm_in_forward_mode_keeps_tangents(make: Make) -> None:
    layer = make(Embedding, ROWS[:4], max_norm=1.0)
    with forward_ad.dual_level():
        weight = forward_ad.make_dual(layer.weight.detach().clone(), torch.ones(4, 3))  # type: ignore[no-untyped-call]
        found = functional_call(layer, {"weight": weight}, (torch.tensor([[0, 1], [2, 2]]),))
        assert torch.equal(forward_ad.unpack_dual(found).tangent, torch.ones(2, 2, 3))  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("shape", [(), (1, 1, 1), (3,)])
def test_a_weight_that_is_no_matrix_raises_what_torch_raises(make: Make, shape: tuple[int, ...]) -> None:
    def call(layer: torch.nn.Module) -> object:
        return outcome(lambda: functional_call(layer, {"weight": torch.ones(shape)}, (torch.tensor([0]),)))

    expected = call(torchs(Embedding, ROWS))
    assert expected == (RuntimeError, "'weight' must be 2-D")
    assert call(make(Embedding, ROWS)) == expected


def test_the_file_and_the_array_stay_as_they_are(make: Make) -> None:
    rows = ROWS.clone()
    layer = make(Embedding, rows, max_norm=0.5)
    layer(torch.arange(10)).sum().backward()
    torch.optim.SGD(layer.parameters(), lr=1).step()
    assert not torch.equal(layer.weight, ROWS)
    assert torch.equal(rows, ROWS)
    assert layer.encoder is not None
    if isinstance(store := layer.encoder.vocabulary, embstore.Store):
        assert store.path is not None
        assert embstore.open(store.path).vectors.tolist() == ROWS.tolist()
