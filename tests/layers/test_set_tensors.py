"""Another table is noticed where programs set a layer's tensors without load_state_dict, and changed rows are not lost.

The programs themselves run in tests/training; what they do to a layer is done here by hand.
"""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from support.tables import saved
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict, set_model_state_dict
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

from embstore import Embedding, EmbeddingBag, EmbstoreError
from embstore.layers.origin import decoded_reference

pytestmark = pytest.mark.torch

WORDS = ["the", "frog", "paris", "naïve"]
ROWS = np.random.default_rng(5).standard_normal((len(WORDS), 4), np.float32)
IDS = torch.tensor([[1, 2]])
OTHER = r"^the checkpoint was made with the store other.safetensors, sha256 \w+, but this layer has words.safetensors, "
LEFT_OUT = (
    r"^the checkpoint contains changed rows of the store words.safetensors as %s, and they were not loaded: "
    r"create the layer with from_pretrained\(..., persistent=True\)$"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return saved(tmp_path / "words.safetensors", WORDS, ROWS)


@pytest.fixture
def other(tmp_path: Path) -> torch.Tensor:
    """The reference of another table."""
    path = saved(tmp_path / "other.safetensors", WORDS, ROWS + 1)
    reference = Embedding.from_pretrained(path, persistent=False).state_dict()["store_reference"]
    assert isinstance(reference, torch.Tensor)
    return reference


def test_a_reference_that_transformers_read_is_compared_when_it_is_set(path: Path, other: torch.Tensor) -> None:
    layer = Embedding.from_pretrained(path, persistent=False)
    own = layer.state_dict()["store_reference"]
    other._is_hf_initialized = own._is_hf_initialized = True  # type: ignore[attr-defined]
    layer.store_reference = own
    with pytest.raises(EmbstoreError, match=OTHER):
        layer.store_reference = other
    assert torch.equal(layer.state_dict()["store_reference"], own)


def test_an_uninitialized_reference_leaves_the_layers_own(path: Path, other: torch.Tensor) -> None:
    """As transformers sets it for a model that got the layer after its checkpoint was saved; it may hold anything."""
    layer = Embedding.from_pretrained(path, persistent=False)
    own = layer.state_dict()
    layer.store_reference = other
    assert torch.equal(layer.state_dict()["store_reference"], own["store_reference"])
    assert torch.equal(layer(IDS), torch.from_numpy(ROWS)[IDS])


@pytest.mark.parametrize("cls", [Embedding, EmbeddingBag])
def test_a_buffer_that_was_replaced_is_compared_at_first_use(
    cls: type[Embedding | EmbeddingBag], path: Path, other: torch.Tensor
) -> None:
    layer = cls.from_pretrained(path, persistent=False)
    own = layer.state_dict()["store_reference"]
    layer._buffers["store_reference"] = own.clone()
    expected = layer(IDS)
    layer._buffers["store_reference"] = other
    for twin in (layer, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        for _ in range(2):
            with pytest.raises(EmbstoreError, match=OTHER):
                twin(IDS)
        with pytest.raises(EmbstoreError, match=OTHER):
            twin.state_dict()
    layer._buffers["store_reference"] = own
    assert torch.equal(layer(IDS), expected)


def test_layers_without_a_reference_look_nothing_up(path: Path) -> None:
    layer = Embedding.from_pretrained(path)
    layer.store_reference = torch.zeros(3)  # an attribute of the user's, as of any module
    assert torch.equal(layer(IDS), torch.from_numpy(ROWS)[IDS])
    assert list(layer.state_dict()) == ["weight"]


class Model(torch.nn.Module):
    def __init__(self, path: Path, *, persistent: bool = False) -> None:
        super().__init__()
        self.emb = Embedding.from_pretrained(path, persistent=persistent)


def changed(path: Path) -> Model:
    """A model whose layer refers to its store, and has another row."""
    model = Model(path)
    model.emb.weight.data[3] = 7
    return model


def test_a_reference_says_that_the_checkpoint_has_rows_too(path: Path) -> None:
    state = changed(path).state_dict()
    assert list(state) == ["emb.weight", "emb.store_reference"]
    assert decoded_reference(state["emb.store_reference"])["rows"] == "in the checkpoint"
    assert "rows" not in decoded_reference(
        Embedding.from_pretrained(path, persistent=False).state_dict()["store_reference"]
    )


@pytest.mark.parametrize("persistent", [True, False])
def test_changed_rows_are_loaded_by_either_layer(path: Path, tmp_path: Path, persistent: bool) -> None:
    source = changed(path)
    first, second, third, fourth = (Model(path, persistent=persistent) for _ in range(4))
    first.load_state_dict(source.state_dict())
    second.load_state_dict(source.state_dict(), assign=True)
    set_model_state_dict(third, source.state_dict(), options=StateDictOptions(full_state_dict=True))
    safetensors.torch.save_model(source, str(tmp_path / "model.safetensors"))
    safetensors.torch.load_model(fourth, str(tmp_path / "model.safetensors"))
    for model in (first, second, third, fourth):
        assert torch.equal(model.emb.weight, source.emb.weight)
        again = Model(path, persistent=True)
        again.load_state_dict(model.state_dict())
        assert torch.equal(again.emb.weight, source.emb.weight)


@pytest.mark.filterwarnings("ignore:torch.distributed is disabled:UserWarning")
@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated:UserWarning")
def test_changed_rows_that_a_program_does_not_load_are_an_error(path: Path, tmp_path: Path) -> None:
    """Programs that read only the keys of a new layer's state_dict, which has no rows."""
    source, fresh = changed(path), Model(path)
    save(get_model_state_dict(source), checkpoint_id=tmp_path / "checkpoint")
    state = get_model_state_dict(fresh)
    load(state, checkpoint_id=tmp_path / "checkpoint")
    with pytest.raises(EmbstoreError, match=LEFT_OUT % "emb.weight"):
        set_model_state_dict(fresh, state)
    reference = source.state_dict()["emb.store_reference"]
    fresh.emb._buffers["store_reference"] = reference
    with pytest.raises(EmbstoreError, match=LEFT_OUT % "weight"):
        fresh.emb(IDS)
    fresh.emb.weight.data.copy_(source.emb.weight)
    assert torch.equal(fresh.emb(IDS), source.emb(IDS))
