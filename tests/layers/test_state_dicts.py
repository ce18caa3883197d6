"""State_dicts of layers in torch's own programs: distributed checkpoints, safetensors, torch.save."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from support.ranks import run_on_ranks
from support.tables import saved
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict, set_model_state_dict
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

import embstore
from embstore import Embedding, EmbeddingBag
from embstore.files.private_pages import private_ranges
from embstore.layers.mapped import is_unchanged

pytestmark = pytest.mark.torch

WORDS = [f"word{i}" for i in range(2000)]
ROWS = np.random.default_rng(5).standard_normal((len(WORDS), 8), np.float32)

Make = Callable[[Path], torch.nn.Module]


def model(path: Path, *, persistent: bool, special: bool = False, freeze: bool = True) -> torch.nn.Sequential:
    torch.manual_seed(0)
    emb = Embedding.from_pretrained(path, persistent=persistent, oov="hash:5" if special else None, freeze=freeze)
    bag = EmbeddingBag.from_vocabulary(["a", "b"], 8, mode="sum")
    return torch.nn.Sequential(emb, bag, torch.nn.Linear(8, 3))


MODELS: dict[str, Make] = {
    "with rows": lambda path: model(path, persistent=True),
    "trained": lambda path: model(path, persistent=True, freeze=False),
    "reference": lambda path: model(path, persistent=False),
    "reference, special rows": lambda path: model(path, persistent=False, special=True),
}


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    return saved(tmp_path / "words.safetensors", WORDS, ROWS)


def changed(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Change what is trained, and return the state_dict."""
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.requires_grad:
                parameter.add_(1)
    return module.state_dict()


def check(module: torch.nn.Module, state: dict[str, torch.Tensor]) -> None:
    found = module.state_dict()
    assert list(found) == list(state)
    for name, value in state.items():
        assert torch.equal(found[name], value), name


@pytest.mark.parametrize("name", MODELS)
def test_a_state_dict_contains_tensors_only(store_path: Path, name: str) -> None:
    state = MODELS[name](store_path).state_dict()
    assert all(type(value) is torch.Tensor for value in state.values())
    assert next(iter(state)) == ("0.store_reference" if name.startswith("reference") else "0.weight")


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("strict", [True, False])
def test_set_model_state_dict_loads_a_full_state_dict(store_path: Path, name: str, strict: bool) -> None:
    source, fresh = MODELS[name](store_path), MODELS[name](store_path)
    state = changed(source)
    set_model_state_dict(fresh, dict(state), options=StateDictOptions(full_state_dict=True, strict=strict))
    check(fresh, state)
    if name == "reference":
        assert is_unchanged(fresh[0].weight)  # type: ignore[index]


def load_on_rank(rank: int, path: Path, name: str) -> None:
    source, fresh = MODELS[name](path), MODELS[name](path)
    state = changed(source)
    options = StateDictOptions(full_state_dict=True, broadcast_from_rank0=True)
    set_model_state_dict(fresh, dict(state) if rank == 0 else {}, options=options)
    check(fresh, state)


@pytest.mark.parametrize("name", ["with rows", "reference"])
def test_a_state_dict_of_rank_0_is_broadcast(store_path: Path, tmp_path: Path, name: str) -> None:
    run_on_ranks(load_on_rank, tmp_path, store_path, name)


ONE_PROCESS = pytest.mark.filterwarnings("ignore:torch.distributed is disabled:UserWarning")


@ONE_PROCESS
@pytest.mark.parametrize("name", MODELS)
def test_distributed_checkpoints_are_saved_and_loaded(store_path: Path, tmp_path: Path, name: str) -> None:
    source, fresh = MODELS[name](store_path), MODELS[name](store_path)
    state = changed(source)
    save(get_model_state_dict(source), checkpoint_id=tmp_path / "checkpoint")
    loaded = get_model_state_dict(fresh)
    load(loaded, checkpoint_id=tmp_path / "checkpoint")
    set_model_state_dict(fresh, loaded)
    check(fresh, state)
    if name.startswith("reference"):
        assert sum(file.stat().st_size for file in (tmp_path / "checkpoint").iterdir()) < 10_000


@ONE_PROCESS
def test_a_distributed_checkpoint_of_another_table_is_refused(store_path: Path, tmp_path: Path) -> None:
    other = saved(tmp_path / "other table.safetensors", WORDS, ROWS + 1)
    save(get_model_state_dict(MODELS["reference"](other)), checkpoint_id=tmp_path / "checkpoint")
    fresh = MODELS["reference"](store_path)
    loaded = get_model_state_dict(fresh)
    load(loaded, checkpoint_id=tmp_path / "checkpoint")
    with pytest.raises(embstore.EmbstoreError, match=r"^the checkpoint was made with the store other table.safeten"):
        set_model_state_dict(fresh, loaded)
    for options in (StateDictOptions(full_state_dict=True), StateDictOptions(full_state_dict=True, strict=False)):
        with pytest.raises(embstore.EmbstoreError, match=r"^the checkpoint was made with the store other table.safe"):
            set_model_state_dict(fresh, MODELS["reference"](other).state_dict(), options=options)


@pytest.mark.parametrize("name", MODELS)
def test_safetensors_saves_and_loads_models(store_path: Path, tmp_path: Path, name: str) -> None:
    source, fresh = MODELS[name](store_path), MODELS[name](store_path)
    state = changed(source)
    file = str(tmp_path / "model.safetensors")
    safetensors.torch.save_model(source, file)
    missing, unexpected = safetensors.torch.load_model(fresh, file)
    assert (list(missing), list(unexpected)) == ([], [])
    check(fresh, state)
    if name.startswith("reference"):
        assert Path(file).stat().st_size < 2000
        other = saved(tmp_path / "other.safetensors", WORDS, ROWS + 1)
        with pytest.raises(embstore.EmbstoreError, match=r"^the checkpoint was made with the store words.safetensors"):
            safetensors.torch.load_model(MODELS[name](other), file)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("assign", [False, True])
def test_torch_save_and_load_without_pickled_objects(store_path: Path, name: str, assign: bool) -> None:
    source, fresh = MODELS[name](store_path), MODELS[name](store_path)
    state = changed(source)
    file = io.BytesIO()
    torch.save(source.state_dict(), file)
    file.seek(0)
    assert str(fresh.load_state_dict(torch.load(file, weights_only=True), assign=assign)) == (
        "<All keys matched successfully>"
    )
    check(fresh, state)


def test_a_checkpoint_of_51_trained_numbers_is_small(store_path: Path) -> None:
    torch.manual_seed(0)
    lean = torch.nn.Sequential(Embedding.from_pretrained(store_path, persistent=False), torch.nn.Linear(8, 3))
    assert len(safetensors.torch.save(lean.state_dict())) < 1000


@pytest.mark.parametrize("damage", [b"not JSON", b"[1]", b'{"store": 1}', b"\xff\xfe", b""])
def test_a_damaged_reference_is_an_error(store_path: Path, damage: bytes) -> None:
    layer = Embedding.from_pretrained(store_path, persistent=False)
    damaged = torch.tensor(list(damage), dtype=torch.uint8)
    with pytest.raises(embstore.EmbstoreError) as caught:
        layer.load_state_dict({"store_reference": damaged})
    assert str(caught.value) == "the checkpoint's store_reference is no reference to a store: it is damaged"


def test_a_layer_loads_its_own_state_without_private_pages(store_path: Path) -> None:
    layer = Embedding.from_pretrained(store_path)
    layer.load_state_dict(layer.state_dict())
    assert layer.mapped is not None
    assert private_ranges(layer.mapped.array().reshape(-1).view(np.uint8)) == []
