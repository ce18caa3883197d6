"""Rows that were written to, in whatever way, are in copies, pickles and checkpoints; others are pickled as a path."""

from __future__ import annotations

import copy
import ctypes
import io
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from support.tables import saved

import embstore
from embstore import Embedding, EmbeddingBag
from embstore.files import private_pages
from embstore.layers.mapped import is_unchanged

pytestmark = pytest.mark.torch

WORDS = [f"word{i}" for i in range(4000)]
ROWS = np.random.default_rng(5).standard_normal((len(WORDS), 16), np.float32)


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    return saved(tmp_path / "words.safetensors", WORDS, ROWS)


@pytest.fixture(params=["kernel", "comparison"], autouse=True)
def pagemap(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Find writes with the kernel's help, and without."""
    if request.param == "comparison":
        monkeypatch.setattr(private_pages, "PAGEMAP", str(tmp_path / "missing"))


def by_copy(layer: Embedding) -> None:
    layer.weight.data.copy_(torch.from_numpy(ROWS + 1))


def by_numpy(layer: Embedding) -> None:
    layer.weight.detach().numpy()[3] = 7


def by_operator(layer: Embedding) -> None:
    with torch.no_grad():
        layer.weight[-1] += 1


def by_pointer(layer: Embedding) -> None:
    ctypes.memset(layer.weight.data_ptr() + 4 * 16 * 1000, 1, 1)


def by_other_data(layer: Embedding) -> None:
    layer.weight.data = torch.from_numpy(ROWS * 2)


def by_fewer_rows(layer: Embedding) -> None:
    layer.weight.data = layer.weight.data[:100]


def by_order(layer: Embedding) -> None:
    layer.weight.data = layer.weight.data.flip(0)


def by_training(layer: Embedding) -> None:
    layer.requires_grad_(True)
    layer(torch.tensor([2])).sum().backward()
    torch.optim.SGD(layer.parameters(), 1).step()


WRITES: list[Callable[[Embedding], None]] = [
    by_copy, by_numpy, by_operator, by_pointer, by_other_data, by_fewer_rows, by_order, by_training,
]  # fmt: skip


def reloaded(module: torch.nn.Module) -> torch.nn.Module:
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    loaded: torch.nn.Module = torch.load(file, weights_only=False)
    return loaded


@pytest.mark.parametrize("persistent", [True, False])
@pytest.mark.parametrize("write", WRITES)
def test_nothing_written_is_lost(store_path: Path, write: Callable[[Embedding], None], persistent: bool) -> None:
    layer = Embedding.from_pretrained(store_path, persistent=persistent)
    write(layer)
    held = layer.weight.detach().clone()
    assert not torch.equal(held, torch.from_numpy(ROWS))
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), reloaded(layer)):
        assert isinstance(twin, Embedding)
        assert type(twin.weight) is torch.nn.Parameter
        assert torch.equal(twin.weight, held)
        assert twin.weight.requires_grad == layer.weight.requires_grad
        assert twin.weight.data_ptr() != layer.weight.data_ptr()
    assert torch.equal(layer.state_dict()["weight"], held)
    np.testing.assert_array_equal(embstore.open(store_path).vectors, ROWS)


@pytest.mark.parametrize("write", [by_copy, by_numpy, by_training])
def test_written_rows_of_a_layer_that_refers_to_its_store_load_again(
    store_path: Path, write: Callable[[Embedding], None]
) -> None:
    layer = Embedding.from_pretrained(store_path, persistent=False)
    write(layer)
    state = layer.state_dict()
    assert list(state) == ["weight", "store_reference"]
    fresh = Embedding.from_pretrained(store_path, persistent=False)
    fresh.load_state_dict(state)
    assert torch.equal(fresh.weight, layer.weight)
    assert list(fresh.state_dict()) == ["weight", "store_reference"]


def write_back(layer: Embedding) -> None:
    by_copy(layer)
    layer.weight.data.copy_(torch.from_numpy(ROWS))


@pytest.mark.parametrize("write", [lambda layer: None, write_back, lambda layer: layer.weight.sum()])
def test_rows_that_are_those_of_the_file_are_pickled_as_its_path(
    store_path: Path, write: Callable[[Embedding], None]
) -> None:
    layer = Embedding.from_pretrained(store_path)
    write(layer)
    data = pickle.dumps(layer)
    assert len(data) < 2000
    for twin in (pickle.loads(data), copy.deepcopy(layer)):
        assert is_unchanged(twin.weight)
        assert torch.equal(twin.weight, layer.weight)
        assert twin.weight.data_ptr() != layer.weight.data_ptr()


def test_a_layer_that_is_unfrozen_but_not_trained_yet_stays_trainable(store_path: Path) -> None:
    layer = Embedding.from_pretrained(store_path).requires_grad_(True)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert twin.weight.requires_grad
        assert torch.equal(twin.weight, layer.weight)


@pytest.mark.parametrize("change", ["replaced", "removed"])
def test_a_layer_whose_file_is_gone_or_replaced_pickles_its_rows(store_path: Path, change: str) -> None:
    layer = Embedding.from_pretrained(store_path)
    bare = Embedding.from_pretrained(torch.from_numpy(ROWS))
    bare.weight = layer.weight  # the encoder of `layer` needs the file
    store_path.unlink()
    if change == "replaced":
        embstore.save(store_path, WORDS, ROWS + 1)
    for twin in (copy.deepcopy(bare), pickle.loads(pickle.dumps(bare))):
        assert torch.equal(twin.weight, torch.from_numpy(ROWS))


def test_files_of_torch_save_contain_the_rows_unless_the_layer_refers_to_its_store(store_path: Path) -> None:
    layer = Embedding.from_pretrained(store_path)
    file = io.BytesIO()
    torch.save({"weight": layer.weight}, file)
    file.seek(0)
    loaded = torch.load(file, weights_only=True)["weight"]
    assert type(loaded) is torch.nn.Parameter
    assert torch.equal(loaded, layer.weight)
    assert not is_unchanged(reloaded(layer).weight)  # type: ignore[arg-type]
    lean = reloaded(Embedding.from_pretrained(store_path, persistent=False))
    assert is_unchanged(lean.weight)  # type: ignore[arg-type]
    assert torch.equal(lean.weight, layer.weight)  # type: ignore[arg-type]


def test_attributes_of_a_parameter_are_pickled(store_path: Path) -> None:
    layer = Embedding.from_pretrained(store_path)
    layer.weight.tag = "kept"  # type: ignore[attr-defined]
    assert pickle.loads(pickle.dumps(layer)).weight.tag == "kept"
    by_numpy(layer)
    assert pickle.loads(pickle.dumps(layer)).weight.tag == "kept"


CHANGES: list[Callable[[Embedding], object]] = [
    lambda layer: layer.half(), lambda layer: layer.double(), lambda layer: layer.share_memory(),
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("options", [{}, {"oov": "lower,hash:3", "padding": True}, {"dtype": torch.float16}])
def test_a_layer_that_refers_to_its_store_still_does_in_another_dtype(
    store_path: Path, change: Callable[[Embedding], object], options: dict[str, object]
) -> None:
    layer = Embedding.from_pretrained(store_path, persistent=False, **options)  # type: ignore[arg-type]
    assert list(layer.state_dict()) == ["store_reference"]
    change(layer)
    assert list(layer.state_dict()) == ["store_reference"]
    layer.weight.data[len(layer.weight) - 1, 3] += 8
    assert list(layer.state_dict()) == ["weight", "store_reference"]


@pytest.mark.parametrize("dtype", ["bfloat16", "int8", "float16"])
@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize("wide", [False, True])
def test_rows_of_every_dtype_are_compared(store_path: Path, dtype: str, special: bool, wide: bool) -> None:
    path = store_path.with_name("narrow.safetensors")
    embstore.convert(store_path, path, dtype=dtype)  # type: ignore[arg-type]
    options: dict[str, object] = {"oov": "mean" if special else "error", "dtype": torch.float32 if wide else None}
    layer = EmbeddingBag.from_pretrained(path, mode="sum", persistent=False, **options)  # type: ignore[arg-type]
    assert list(layer.state_dict()) == ["store_reference"]
    layer.weight.data[-1, 0] += 9
    assert list(layer.state_dict()) == ["weight", "store_reference"]


def test_rows_without_data_are_not_compared(store_path: Path) -> None:
    layer = Embedding.from_pretrained(store_path, persistent=False)
    assert list(layer.to("meta").state_dict()) == ["store_reference"]
