"""Checkpoints and pickles of layers contain the store's name and sha256, or its path, not its rows."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.tables import saved

import embstore
from embstore import Embedding

pytestmark = pytest.mark.torch

WORDS = ["the", "frog", "paris", "Paris", "<unk>", "naïve"]
ROWS = np.random.default_rng(5).standard_normal((len(WORDS), 5), np.float32)


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    return saved(tmp_path / "words.safetensors", WORDS, ROWS)


def test_pickles_and_copies_of_a_frozen_layer_map_the_file_again(store_path: Path) -> None:
    layer = Embedding.from_pretrained(store_path, padding=False).eval()
    data = pickle.dumps(layer)
    assert len(data) < 4096
    for twin in (pickle.loads(data), copy.deepcopy(layer)):
        assert type(twin) is Embedding
        assert not twin.training
        assert not twin.weight.requires_grad
        assert twin.weight.data_ptr() not in (layer.weight.data_ptr(), 0)
        np.testing.assert_array_equal(twin.weight.numpy(), ROWS)
        assert twin.encode(["frog"]).tolist() == [1]
        with torch.no_grad():
            twin.weight.fill_(3)
    np.testing.assert_array_equal(layer.weight.numpy(), ROWS)


def test_a_layer_that_was_written_to_pickles_its_rows(store_path: Path) -> None:
    written = Embedding.from_pretrained(store_path)
    with torch.no_grad():
        written.weight[0] = 9
    trained = Embedding.from_pretrained(store_path, freeze=False)
    with torch.no_grad():
        trained.weight[0] = 9
    for layer in (written, trained):
        for twin in (pickle.loads(pickle.dumps(layer)), copy.deepcopy(layer)):
            assert torch.equal(twin.weight, layer.weight)
            assert twin.weight.requires_grad == layer.weight.requires_grad


def test_a_pickle_whose_file_was_replaced_is_refused(store_path: Path) -> None:
    data = pickle.dumps(Embedding.from_pretrained(store_path))
    embstore.save(store_path, WORDS, ROWS + 1, overwrite=True)
    with pytest.raises(
        embstore.FormatError, match=r"the file was replaced by another table since it was first opened: open it again$"
    ):
        pickle.loads(data)


def reloaded_state(layer: torch.nn.Module) -> dict[str, object]:
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    file.seek(0)
    loaded: dict[str, object] = torch.load(file, weights_only=True)
    return loaded


def test_a_checkpoint_without_rows_names_the_store(store_path: Path) -> None:
    layer = Embedding.from_pretrained(store_path, persistent=False)
    state = reloaded_state(torch.nn.Sequential(layer, torch.nn.Linear(5, 1)))
    assert list(state) == ["0.store_reference", "1.weight", "1.bias"]
    reference = state["0.store_reference"]
    assert isinstance(reference, torch.Tensor)
    assert (reference.dtype, tuple(reference.shape)) == (torch.uint8, (512,))
    weight_sha256 = hashlib.sha256(ROWS.tobytes()).hexdigest()
    assert json.loads(bytes(reference.numpy())) == {
        "store": "words.safetensors", "sha256": weight_sha256, "oov": "error", "special": "none",
    }  # fmt: skip
    moved = shutil.copy(store_path, store_path.with_name("elsewhere.safetensors"))
    fresh = torch.nn.Sequential(Embedding.from_pretrained(moved, persistent=False), torch.nn.Linear(5, 1))
    fresh.load_state_dict(state)


def test_a_checkpoint_of_another_table_is_refused(store_path: Path) -> None:
    other = store_path.with_name("other.safetensors")
    embstore.save(other, WORDS, ROWS + 1)
    state = reloaded_state(Embedding.from_pretrained(store_path, persistent=False))
    layer = Embedding.from_pretrained(other, persistent=False)
    assert layer.reference is not None
    ours = hashlib.sha256(ROWS.tobytes()).hexdigest()
    message = (
        f"the checkpoint was made with the store words.safetensors, sha256 {ours}, but this layer has"
        f" other.safetensors, sha256 {layer.reference['sha256']}: create it with the checkpoint's store and options"
    )
    with pytest.raises(embstore.EmbstoreError) as caught:
        layer.load_state_dict(state)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "options", [{"oov": "zero"}, {"oov": "hash:2", "seed": 1}, {"oov": "hash:2", "padding": True}, {"oov": "hash:3"}]
)
def test_a_checkpoint_made_with_other_special_rows_is_refused(store_path: Path, options: dict[str, object]) -> None:
    state = reloaded_state(Embedding.from_pretrained(store_path, persistent=False, oov="hash:2"))
    Embedding.from_pretrained(store_path, persistent=False, oov="hash:2").load_state_dict(state)
    with pytest.raises(embstore.EmbstoreError, match=r"^the checkpoint was made with the store words.safetensors, "):
        Embedding.from_pretrained(store_path, persistent=False, **options).load_state_dict(state)  # type: ignore[arg-type]


def test_checkpoints_with_and_without_rows_do_not_mix(store_path: Path) -> None:
    whole, lean = Embedding.from_pretrained(store_path), Embedding.from_pretrained(store_path, persistent=False)
    with pytest.raises(embstore.EmbstoreError, match=r"create it with from_pretrained\(..., persistent=False\)$"):
        whole.load_state_dict(reloaded_state(lean))
    with pytest.raises(
        RuntimeError, match="the checkpoint contains the rows of weight, but this layer refers to the store"
    ):
        lean.load_state_dict(reloaded_state(whole))
    with pytest.raises(RuntimeError, match="Missing key"):
        lean.load_state_dict({})
    with pytest.raises(RuntimeError, match="Missing key"):
        whole.load_state_dict({})
    whole.load_state_dict(reloaded_state(torch.nn.Embedding(6, 5)))


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("options", [{}, {"oov": "hash:4", "padding": True}, {"dtype": "float16"}])
def test_loading_a_reference_restores_the_rows(store_path: Path, options: dict[str, Any], strict: bool) -> None:
    """Of a model that `to_empty` left uninitialized, as programs do that build models on the device meta."""
    expected = Embedding.from_pretrained(store_path, persistent=False, **options)
    written = copy.deepcopy(expected)
    written.weight.data[1] = 5
    emptied = torch.nn.Sequential(copy.deepcopy(expected)).to("meta").to_empty(device="cpu")[0]
    assert isinstance(emptied, Embedding)
    emptied.weight.data.fill_(float("nan"))
    for layer in (written, emptied):
        layer.load_state_dict(expected.state_dict(), strict=strict)
        assert torch.equal(layer.weight, expected.weight)
        assert list(layer.state_dict()) == ["store_reference"]
    assert torch.equal(
        Embedding.from_pretrained(store_path, **options).weight, expected.weight
    )  # the file is as it was


def test_loading_its_own_changed_rows_keeps_them(store_path: Path) -> None:
    layer = Embedding.from_pretrained(store_path, persistent=False)
    layer.weight.data[1] = 5
    layer.load_state_dict(layer.state_dict())
    assert layer.weight[1].tolist() == [5.0] * 5


def test_an_emptied_layer_whose_store_is_gone_is_not_loaded(store_path: Path) -> None:
    layer = Embedding.from_pretrained(store_path, persistent=False)
    state = layer.state_dict()
    emptied = layer.to("meta").to_empty(device="cpu")
    store_path.unlink()
    with pytest.raises(FileNotFoundError):
        emptied.load_state_dict(state)
