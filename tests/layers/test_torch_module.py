"""What torch's own tests assert of every module: factory options, copies, state_dicts, hooks, replaced parameters."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import pytest
import torch
from support.torch_layers import Make, exact_rows, gradient, outcome, torchs
from torch.func import functional_call, vmap

from embstore import Embedding, EmbeddingBag

pytestmark = pytest.mark.torch

ROWS = exact_rows(4, 3)
IDS = torch.tensor([[0, 3, 1], [2, 2, 0]])  # as a matrix, the input of both kinds


@pytest.fixture(params=[Embedding, EmbeddingBag])
def kind(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_dtype_and_device_are_those_of_the_weight_and_of_the_result(make: Make, kind: Any, dtype: torch.dtype) -> None:
    layer = make(kind, ROWS, dtype=dtype, device="cpu")
    assert (layer.weight.dtype, layer.weight.device.type) == (dtype, "cpu")
    assert torch.equal(layer.weight, ROWS.to(dtype))
    assert torch.equal(layer(IDS), torchs(kind, ROWS.to(dtype))(IDS))
    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    assert not list(layer.buffers())
    meta = make(kind, ROWS, device="meta")
    assert (meta.weight.is_meta, meta(IDS.to("meta")).shape) == (True, torchs(kind, ROWS)(IDS).shape)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_to_changes_the_dtype_in_place(make: Make, kind: Any, dtype: torch.dtype) -> None:
    layer = make(kind, ROWS, sparse=True)
    assert layer.to(dtype) is layer
    assert layer.weight.dtype == dtype
    assert torch.equal(layer.weight, ROWS.to(dtype))
    assert (layer.num_embeddings, layer.embedding_dim, layer.weight.requires_grad) == (4, 3, True)
    layer(IDS).sum().backward()
    assert gradient(layer).dtype == dtype
    assert layer.to(torch.float32, memory_format=torch.channels_last) is layer  # for other numbers of dimensions
    assert torch.equal(layer.half().double().float().weight, ROWS)


def test_the_repr_names_the_options_as_torch_does(make: Make, kind: Any) -> None:
    options: dict[str, Any] = {"max_norm": 1.0, "norm_type": 1.0, "scale_grad_by_freq": True, "padding_idx": 1}
    for given in ({}, options, {"sparse": True}):
        assert repr(make(kind, ROWS, **given)) == repr(torchs(kind, ROWS, **given))


@pytest.mark.parametrize("freeze", [False, True])
def test_copies_are_equal_and_independent(make: Make, kind: Any, freeze: bool) -> None:
    layer = make(kind, ROWS, freeze=freeze, padding_idx=1)
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    for again in (
        copy.deepcopy(layer),
        pickle.loads(pickle.dumps(layer)),
        torch.load(file, weights_only=False),
    ):
        assert type(again) is type(layer)
        assert torch.equal(again(IDS), layer(IDS))
        assert (again.padding_idx, again.weight.requires_grad, repr(again)) == (1, not freeze, repr(layer))
        with torch.no_grad():
            again.weight.zero_()
        assert torch.equal(layer.weight, ROWS)
    shallow = copy.copy(layer)
    assert shallow.weight is layer.weight


def test_state_dicts_fit_torchs_layers_and_theirs_fit_ours(make: Make, kind: Any) -> None:
    ours, theirs = make(kind, ROWS), torchs(kind, ROWS + 1)
    assert list(ours.state_dict()) == ["weight"]
    theirs.load_state_dict(ours.state_dict())
    assert torch.equal(theirs.weight, ROWS)
    ours.load_state_dict({"weight": ROWS + 2})
    assert torch.equal(ours.weight, ROWS + 2)
    given = {"weight": torch.nn.Parameter(ROWS + 3)}
    ours.load_state_dict(given, assign=True)
    assert ours.weight is given["weight"]


@pytest.mark.parametrize(
    "state", [{}, {"weight": ROWS[:2]}, {"weight": ROWS, "bias": ROWS}, {"weights": ROWS}, {"weight": [1]}]
)
def test_state_dicts_that_do_not_fit_raise_what_torch_raises(make: Make, kind: Any, state: dict[str, Any]) -> None:
    expected = outcome(lambda: torchs(kind, ROWS).load_state_dict(state))
    assert isinstance(expected, tuple)
    assert expected[0] is RuntimeError
    layer = make(kind, ROWS)
    assert outcome(lambda: layer.load_state_dict(state)) == expected
    assert torch.equal(layer.weight, ROWS)


def test_to_empty_and_reset_parameters_make_new_rows(make: Make, kind: Any) -> None:
    ours, theirs = make(kind, ROWS, padding_idx=2), torchs(kind, ROWS, padding_idx=2)
    for layer in (ours.to("meta"), theirs.to("meta")):
        layer.to_empty(device="cpu")
        torch.manual_seed(5)
        layer.reset_parameters()
    assert torch.equal(ours.weight, theirs.weight)
    assert not ours.weight[2].any()
    assert ours.weight.requires_grad


def test_training_and_evaluation_do_not_differ(make: Make, kind: Any) -> None:
    layer = make(kind, ROWS)
    assert layer.training
    trained = layer(IDS)
    assert torch.equal(layer.eval()(IDS), trained)
    assert not layer.training
    assert layer.weight.requires_grad


def test_it_is_called_by_functional_call_with_any_weight(make: Make, kind: Any) -> None:
    layer = make(kind, ROWS)
    weight = (ROWS * 2).requires_grad_()
    found = functional_call(layer, {"weight": weight}, (IDS,))
    assert torch.equal(found, torchs(kind, ROWS * 2)(IDS))
    found.sum().backward()
    assert weight.grad is not None
    assert layer.weight.grad is None
    assert torch.equal(layer.weight, ROWS)


@pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")  # torch has no rule for bags
def test_it_is_called_by_vmap_over_weights(make: Make, kind: Any) -> None:
    layer = make(kind, ROWS)
    call = vmap(lambda weight: functional_call(layer, {"weight": weight}, (IDS,)))
    assert torch.equal(
        call(torch.stack([ROWS, ROWS + 1])), torch.stack([torchs(kind, ROWS + more)(IDS) for more in (0, 1)])
    )


@pytest.mark.filterwarnings("ignore:Full backward hook is firing:UserWarning")  # ids have no gradient
def test_hooks_see_and_may_replace_inputs_results_and_gradients(make: Make, kind: Any) -> None:
    layer, seen = make(kind, ROWS), []

    def reversed_ids(_: object, given: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        seen.append("before")
        return (given[0].flip(0),)

    def doubled(_: object, given: tuple[torch.Tensor], found: torch.Tensor) -> torch.Tensor:
        seen.append(f"after {len(given)}")
        return found * 2

    layer.register_forward_pre_hook(reversed_ids)
    layer.register_forward_hook(doubled)
    layer.register_full_backward_hook(lambda *_: seen.append("gradient"))
    found = layer(IDS)
    assert torch.equal(found, torchs(kind, ROWS)(IDS.flip(0)) * 2)
    found.sum().backward()
    assert seen == ["before", "after 1", "gradient"]
    layer.weight.grad = None
    layer.weight.register_hook(lambda grad: grad * 0 + 7)
    layer(IDS).sum().backward()
    assert gradient(layer).tolist() == [[7] * 3] * 4


def test_a_weight_may_be_shared_replaced_and_written_to(make: Make, kind: Any) -> None:
    layer, head = make(kind, ROWS), torch.nn.Linear(3, 4, bias=False)
    head.weight = layer.weight
    model = torch.nn.ModuleList([layer, head])
    assert len(list(model.parameters())) == 1
    assert copy.deepcopy(model)[0].weight is not layer.weight
    again: Any = copy.deepcopy(model)
    assert again[0].weight is again[1].weight
    other = torch.nn.Parameter(ROWS + 1)
    layer.weight = other
    assert torch.equal(layer(IDS), torchs(kind, ROWS + 1)(IDS))
    assert torch.equal(head.weight, ROWS)
    layer.weight.data = ROWS + 2
    assert torch.equal(layer(IDS), torchs(kind, ROWS + 2)(IDS))
    assert layer.weight is other
    layer.weight.data.copy_(ROWS + 3)
    assert torch.equal(layer(IDS), torchs(kind, ROWS + 3)(IDS))
    with pytest.raises(TypeError, match=r"^cannot assign 'torch\.FloatTensor' as parameter 'weight'"):
        layer.weight = ROWS


def test_freezing_and_thawing(make: Make, kind: Any) -> None:
    layer = make(kind, ROWS, freeze=True)
    assert not layer(IDS).requires_grad
    layer.requires_grad_()
    layer(IDS).sum().backward()
    assert gradient(layer).any()
    layer.zero_grad(set_to_none=False)
    assert not gradient(layer).any()
    layer.requires_grad_(requires_grad=False)
    assert not layer(IDS).requires_grad
    assert torch.equal(layer.weight, ROWS)


@pytest.mark.parametrize("options", [{"freeze": True}, {"freeze": False, "max_norm": 1.0}])
def test_ids_are_not_written_to(make: Make, kind: Any, options: dict[str, Any]) -> None:
    ids = IDS.clone()
    make(kind, ROWS, **options)(ids)
    assert torch.equal(ids, IDS)
