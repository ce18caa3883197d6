"""Layers in accelerate: states and models saved and loaded, checkpoints loaded into models, offloading."""

from __future__ import annotations

from pathlib import Path

import accelerate
import pytest
import torch
from support.ranks import run_on_ranks

import embstore
from embstore import Embedding
from embstore.layers.mapped import is_unchanged
from training.models import IDS, LEFT_OUT, OTHER, TABLE_BYTES, plain, same, sizes

pytestmark = pytest.mark.torch


def trained(path: Path, *, persistent: bool) -> torch.nn.Sequential:
    """Return a model with a head of its own."""
    model = plain(path, persistent=persistent)
    with torch.no_grad():
        model[1].weight.add_(1)  # type: ignore[operator]
    return model


def rows_in(model: torch.nn.Sequential) -> Embedding:
    layer = model[0]
    assert isinstance(layer, Embedding)
    return layer


@pytest.mark.parametrize("persistent", [True, False])
def test_states_are_saved_and_loaded(path: Path, tmp_path: Path, persistent: bool) -> None:
    model = plain(path, persistent=persistent)
    optimizer = torch.optim.Adam(model[1].parameters())
    accelerator = accelerate.Accelerator(cpu=True)
    model, optimizer = accelerator.prepare(model, optimizer)
    accelerator.backward(model(IDS).sum())
    optimizer.step()
    accelerator.save_state(tmp_path / "state")
    assert (sizes(tmp_path / "state")["model.safetensors"] > TABLE_BYTES) == persistent

    fresh = plain(path, persistent=persistent, seed=1)
    second = accelerate.Accelerator(cpu=True)
    fresh, _ = second.prepare(fresh, torch.optim.Adam(fresh[1].parameters()))
    assert not same(fresh, model)
    second.load_state(tmp_path / "state")
    assert same(fresh, model)
    assert is_unchanged(rows_in(fresh).weight)


def test_a_state_of_another_table_is_refused(path: Path, other: Path, tmp_path: Path) -> None:
    accelerator = accelerate.Accelerator(cpu=True)
    accelerator.prepare(plain(path, persistent=False))
    accelerator.save_state(tmp_path / "state")
    second = accelerate.Accelerator(cpu=True)
    second.prepare(plain(other, persistent=False))
    with pytest.raises(embstore.EmbstoreError, match=OTHER):
        second.load_state(tmp_path / "state")


LOADING: dict[str, dict[str, object]] = {
    "full_state_dict": {},
    "strict": {"strict": True},
    "part by part": {"full_state_dict": False},
    "device_map": {"device_map": {"": "cpu"}},
    "device_map, strict": {"device_map": {"": "cpu"}, "strict": True},
    "offload_state_dict": {"device_map": {"": "cpu"}, "offload_state_dict": True},
}


@pytest.mark.parametrize("persistent", [True, False])
@pytest.mark.parametrize("name", LOADING)
def test_a_saved_model_is_loaded(path: Path, tmp_path: Path, name: str, persistent: bool) -> None:
    model = trained(path, persistent=persistent)
    accelerate.Accelerator(cpu=True).save_model(model, tmp_path / "model")
    assert (sizes(tmp_path / "model")["model.safetensors"] > TABLE_BYTES) == persistent
    fresh = plain(path, persistent=persistent, seed=1)
    accelerate.load_checkpoint_in_model(fresh, tmp_path / "model", **LOADING[name])
    assert same(fresh, model)
    assert torch.equal(fresh(IDS), model(IDS))
    assert not rows_in(fresh).weight.requires_grad


@pytest.mark.parametrize("name", LOADING)
def test_a_saved_model_of_another_table_is_refused(path: Path, other: Path, tmp_path: Path, name: str) -> None:
    """With a device_map accelerate writes to ``_buffers``, so that the layer compares at its first use."""
    accelerate.Accelerator(cpu=True).save_model(trained(path, persistent=False), tmp_path / "model")
    fresh = plain(other, persistent=False)
    if "device_map" in LOADING[name]:
        accelerate.load_checkpoint_in_model(fresh, tmp_path / "model", **LOADING[name])
        with pytest.raises(embstore.EmbstoreError, match=OTHER):
            fresh(IDS)
        with pytest.raises(embstore.EmbstoreError, match=OTHER):
            fresh.state_dict()
    else:
        with pytest.raises(embstore.EmbstoreError, match=OTHER):
            accelerate.load_checkpoint_in_model(fresh, tmp_path / "model", **LOADING[name])


@pytest.mark.parametrize("name", LOADING)
def test_changed_rows_are_loaded_or_an_error(path: Path, tmp_path: Path, name: str) -> None:
    model = trained(path, persistent=False)
    rows_in(model).weight.data[3] = 7
    accelerate.Accelerator(cpu=True).save_model(model, tmp_path / "model")
    assert sizes(tmp_path / "model")["model.safetensors"] > TABLE_BYTES
    fresh = plain(path, persistent=False)
    accelerate.load_checkpoint_in_model(fresh, tmp_path / "model", **LOADING[name])
    if name in ("device_map", "offload_state_dict"):  # accelerate warns and leaves the rows out
        with pytest.raises(embstore.EmbstoreError, match=LEFT_OUT):
            fresh(IDS)
    else:
        assert torch.equal(fresh(IDS), model(IDS))


def load_on_rank(rank: int, path: Path, folder: Path, persistent: bool) -> None:
    fresh = plain(path, persistent=persistent, seed=1)
    accelerate.load_checkpoint_in_model(fresh, folder, broadcast_from_rank0=True)
    assert same(fresh, trained(path, persistent=persistent)), rank


@pytest.mark.parametrize("persistent", [True, False])
def test_rank_0_reads_the_checkpoint_for_all(path: Path, tmp_path: Path, persistent: bool) -> None:
    accelerate.Accelerator(cpu=True).save_model(trained(path, persistent=persistent), tmp_path / "model")
    run_on_ranks(load_on_rank, tmp_path, path, tmp_path / "model", persistent)


@pytest.mark.parametrize("buffers", [True, False])
@pytest.mark.parametrize("persistent", [True, False])
def test_empty_models_have_the_rows_of_layers(path: Path, tmp_path: Path, persistent: bool, buffers: bool) -> None:
    model = trained(path, persistent=persistent)
    accelerate.Accelerator(cpu=True).save_model(model, tmp_path / "model")
    with accelerate.init_empty_weights(include_buffers=buffers):
        empty = plain(path, persistent=persistent)
        drawn = Embedding.from_vocabulary(["tea"], 3)
    assert empty[1].weight.is_meta
    assert is_unchanged(rows_in(empty).weight)
    assert torch.equal(drawn.weight, Embedding.from_vocabulary(["tea"], 3).weight)
    loaded = accelerate.load_checkpoint_and_dispatch(empty, tmp_path / "model", device_map={"": "cpu"})
    assert torch.equal(loaded(IDS), model(IDS))


def test_offloading_of_layers_with_rows_in_the_state_dict(path: Path, tmp_path: Path) -> None:
    expected = trained(path, persistent=True)(IDS)
    on_cpu = accelerate.cpu_offload(trained(path, persistent=True))
    on_disk = accelerate.disk_offload(trained(path, persistent=True), tmp_path / "disk")
    for model in (on_cpu, on_disk):
        assert model[0].weight.is_meta
        assert torch.equal(model(IDS), expected)
        assert model[0].weight.is_meta


def test_offloading_of_layers_without(path: Path, tmp_path: Path) -> None:
    """Their rows lie in a mapped file already: the other layers are offloaded."""
    expected = trained(path, persistent=False)(IDS)
    dispatched = accelerate.dispatch_model(
        trained(path, persistent=False),
        {"0": "cpu", "1": "disk"},
        main_device="cpu",
        offload_dir=tmp_path / "disk",
        force_hooks=True,
    )
    assert torch.equal(dispatched(IDS), expected)
    assert is_unchanged(rows_in(dispatched).weight)
    assert sorted(sizes(tmp_path / "disk")) == ["1.bias.dat", "1.weight.dat", "index.json"]

    model = trained(path, persistent=False)
    named = dict([*model.named_parameters(), *model.named_buffers()])
    assert torch.equal(accelerate.cpu_offload(model, state_dict=named)(IDS), expected)
    for offloaded in (
        accelerate.cpu_offload(trained(path, persistent=False)),
        accelerate.disk_offload(trained(path, persistent=False), tmp_path / "whole"),
    ):
        with pytest.raises(KeyError, match=r"^'0.weight'$"):  # accelerate's own: it offloads what the state_dict has
            offloaded(IDS)
