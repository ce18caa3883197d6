"""A weight that modules share is shared after copies and pickles; layers without their weight behave as torch's."""

from __future__ import annotations

import copy
import io
import multiprocessing
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.tables import saved
from torch.nn.utils import parametrize, prune

from embstore import Embedding, EmbeddingBag
from embstore.layers.mapped import is_unchanged

pytestmark = pytest.mark.torch

WORDS = [f"word{i}" for i in range(3000)]
ROWS = np.random.default_rng(5).standard_normal((len(WORDS), 8), np.float32)


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    return saved(tmp_path / "words.safetensors", WORDS, ROWS)


class Tied(torch.nn.Module):
    """A model whose output layer shares the weight of its embedding."""

    def __init__(self, path: Path, *, head_first: bool, persistent: bool = True) -> None:
        super().__init__()
        emb, head = Embedding.from_pretrained(path, persistent=persistent), torch.nn.Linear(8, len(WORDS), bias=False)
        head.weight = emb.weight
        if head_first:
            self.head, self.emb = head, emb
        else:
            self.emb, self.head = emb, head


def saved_and_loaded(module: Tied) -> Tied:
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    loaded: Tied = torch.load(file, weights_only=False)
    return loaded


TWINS: list[Callable[[Tied], Tied]] = [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model)), saved_and_loaded]


@pytest.mark.parametrize("twin_of", TWINS)
@pytest.mark.parametrize("head_first", [False, True])
@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("written", [False, True])
def test_ties_survive(
    store_path: Path, twin_of: Callable[[Tied], Tied], head_first: bool, persistent: bool, written: bool
) -> None:
    model = Tied(store_path, head_first=head_first, persistent=persistent)
    if written:
        model.head.weight.data[7] = 3
    twin = twin_of(model)
    assert twin.emb.weight is twin.head.weight
    assert torch.equal(twin.emb.weight, model.emb.weight)
    assert twin.emb.weight.data_ptr() != model.emb.weight.data_ptr()
    if not written and twin_of is not saved_and_loaded:
        assert is_unchanged(twin.head.weight)
        assert len(pickle.dumps(model)) < 3000


def test_a_shallow_copy_shares_the_weight(store_path: Path) -> None:
    layer = Embedding.from_pretrained(store_path)
    twin = copy.copy(layer)
    assert twin.weight is layer.weight
    assert twin.encoder is layer.encoder


def send_back(model: Tied, queue: Any) -> None:
    queue.put((model.emb.weight is model.head.weight, is_unchanged(model.emb.weight), model.emb.weight[5].tolist()))


def test_a_spawned_process_maps_the_file_and_keeps_the_tie(store_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    model = Tied(store_path, head_first=True)
    process = context.Process(target=send_back, args=(model, queue))
    process.start()
    assert queue.get(timeout=60) == (True, True, ROWS[5].tolist())
    process.join()
    assert is_unchanged(model.emb.weight)  # not moved to shared memory


def write_third(layer: Embedding) -> None:
    layer.weight.data[3] = 4


def test_shared_memory_stays_shared_with_a_spawned_process(store_path: Path) -> None:
    layer = Embedding.from_pretrained(store_path)
    layer.share_memory()
    process = multiprocessing.get_context("spawn").Process(target=write_third, args=(layer,))
    process.start()
    process.join()
    assert layer.weight[3].tolist() == [4] * 8


def test_a_parameter_is_freed_at_once(store_path: Path) -> None:
    layer = Embedding.from_pretrained(store_path)
    path, maps = str(store_path), Path("/proc/self/maps")
    assert path in maps.read_text()
    del layer
    assert path not in maps.read_text()


def torchs_layer() -> torch.nn.Embedding:
    layer: torch.nn.Embedding = torch.nn.Embedding.from_pretrained(torch.from_numpy(ROWS.copy()))  # type: ignore[no-untyped-call]
    return layer


def pruned(layer: torch.nn.Embedding) -> None:
    prune.l1_unstructured(layer, "weight", amount=0.5)  # type: ignore[no-untyped-call]


class Double(torch.nn.Module):
    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight * 2


def parametrized(layer: torch.nn.Embedding) -> None:
    parametrize.register_parametrization(layer, "weight", Double())


def deleted(layer: torch.nn.Embedding) -> None:
    del layer.weight


def emptied(layer: torch.nn.Embedding) -> None:
    layer.weight = None  # type: ignore[assignment]


@pytest.mark.parametrize("change", [pruned, parametrized, deleted, emptied])
def test_a_layer_without_its_own_weight_behaves_as_torchs(
    store_path: Path, change: Callable[[torch.nn.Embedding], None]
) -> None:
    ours = Embedding.from_pretrained(store_path)
    torchs = torchs_layer()
    for layer in (ours, torchs):
        change(layer)
    assert repr(ours) == repr(torchs).replace("ParametrizedEmbedding", type(ours).__name__)
    assert ours.state_dict().keys() == torchs.state_dict().keys()
    twins: list[torch.nn.Embedding] = [copy.deepcopy(ours)]
    if change is not parametrized:  # torch's refuses pickles too
        twins.append(pickle.loads(pickle.dumps(ours)))
    for twin in twins:
        for name, value in torchs.state_dict().items():
            assert torch.equal(twin.state_dict()[name], value)
        if change in (pruned, parametrized):
            ids = torch.tensor([3, 4])
            assert torch.equal(twin(ids), torchs(ids))
    ours.load_state_dict(torchs.state_dict())


@pytest.mark.parametrize("change", [pruned, parametrized, deleted, emptied])
def test_a_layer_that_refers_to_its_store_saves_what_replaces_its_weight(
    store_path: Path, change: Callable[[torch.nn.Embedding], None]
) -> None:
    layer = Embedding.from_pretrained(store_path, persistent=False)
    torchs = torchs_layer()
    change(layer)
    change(torchs)
    assert sorted(layer.state_dict()) == sorted([*torchs.state_dict(), "store_reference"])
    layer.load_state_dict(layer.state_dict())


@pytest.mark.parametrize("freeze", [True, False])
def test_copies_keep_their_rows_in_models_of_transformers(store_path: Path, freeze: bool) -> None:
    """It draws the rows of layers anew whose weight lacks this flag, which torch's copies of parameters leave out."""
    array = torch.eye(3)
    for layer in (
        Embedding.from_pretrained(store_path, freeze=freeze),
        EmbeddingBag.from_pretrained(array, freeze=freeze),
        Embedding.from_vocabulary(["a", "b"], 4, freeze=freeze),
    ):
        for twin in (layer, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), copy.copy(layer)):
            assert twin._parameters["weight"].__dict__["_is_hf_initialized"]
    assert not hasattr(copy.deepcopy(Embedding(3, 4)).weight, "_is_hf_initialized")
