"""Layers in training programs: compiled, exported, in data loader workers, moved, copied, trained."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.tables import saved
from torch.utils.data import DataLoader, Dataset

import embstore
from embstore import Embedding, EmbeddingBag, Encoder
from embstore.layers.mapped import is_unchanged

pytestmark = pytest.mark.torch

WORDS = [f"word{i}" for i in range(50)]
ROWS = np.random.default_rng(9).standard_normal((50, 4), np.float32)
SENTENCES = [["word3", "word1"], ["word4"], ["WORD7", "new", "word0"], []]


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    return saved(tmp_path / "words.safetensors", WORDS, ROWS)


@pytest.mark.parametrize("out_dtype", [None, torch.float64])
def test_an_embedding_compiles_without_graph_breaks_and_exports(
    store_path: Path, out_dtype: torch.dtype | None
) -> None:
    layer = Embedding.from_pretrained(store_path, oov="lower,hash:5", padding=True, out_dtype=out_dtype)
    ids = layer.encode(SENTENCES)
    expected = layer(ids)
    assert torch.equal(torch.compile(layer, backend="aot_eager", fullgraph=True)(ids), expected)
    assert torch.equal(torch.export.export(layer, (ids,)).module()(ids), expected)


def test_a_bag_compiles_without_graph_breaks_and_exports_without_copying_its_rows(store_path: Path) -> None:
    bag = EmbeddingBag.from_pretrained(store_path, mode="sum")
    inputs = bag.encode([["word3", "word1"], [], ["word9"]])
    assert torch.equal(torch.compile(bag, backend="aot_eager", fullgraph=True)(*inputs), bag(*inputs))
    exported = torch.export.export(bag, inputs)
    assert torch.equal(exported.module()(*inputs), bag(*inputs))
    assert exported.state_dict["weight"].data_ptr() == bag.weight.data_ptr()


def test_a_compiled_layer_that_trains_leaves_the_file_alone(store_path: Path) -> None:
    before = store_path.read_bytes()
    layer = Embedding.from_pretrained(store_path, freeze=False)
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    compiled(layer.encode(["word1"])).sum().backward()
    torch.optim.SGD(layer.parameters(), 1).step()
    np.testing.assert_array_equal(layer.weight[1].detach().numpy(), ROWS[1] - 1)
    assert store_path.read_bytes() == before


class Sentences(Dataset[Any]):
    """Encodes in the worker, and reports whether its layer is mapped."""

    def __init__(self, layer: Embedding, encoder: Encoder) -> None:
        self.layer, self.encoder = layer, encoder

    def __len__(self) -> int:
        return len(SENTENCES)

    def __getitem__(self, item: int) -> Any:
        mapped = is_unchanged(self.layer.weight)
        ids = self.layer.encode(SENTENCES[item], length=3)
        same = self.encoder.encode(SENTENCES[item], length=3).tolist() == ids.tolist()
        return ids, self.layer(ids).sum(), mapped and same


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_workers_encode_and_map_the_file_themselves(store_path: Path, method: str) -> None:
    special = store_path.with_name("special.safetensors")
    embstore.convert(store_path, special, oov="lower,hash:5", padding=True)
    layer = Embedding.from_pretrained(special, padding=True)
    assert layer.encoder is not None
    loader = DataLoader(Sentences(layer, layer.encoder), batch_size=4, num_workers=1, multiprocessing_context=method)
    ids, sums, mapped = next(iter(loader))
    assert torch.equal(ids, layer.encode(SENTENCES, length=3))
    torch.testing.assert_close(sums, layer(ids).sum((1, 2)))
    assert mapped.all()


def test_frozen_rows_are_constant_while_the_model_trains(store_path: Path) -> None:
    torch.manual_seed(0)
    bag = EmbeddingBag.from_pretrained(store_path, mode="mean", persistent=False)
    head = torch.nn.Linear(4, 1)
    inputs = bag.encode([WORDS[i : i + 3] for i in range(40)])
    targets = torch.from_numpy(ROWS[:40, :1].copy())
    optimizer = torch.optim.AdamW([*bag.parameters(), *head.parameters()], lr=0.1, weight_decay=0.5)
    losses = []
    for _ in range(30):
        loss = torch.nn.functional.mse_loss(head(bag(*inputs)), targets)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] * 0.8
    np.testing.assert_array_equal(bag.weight.numpy(), ROWS)
    assert bag.weight.grad is None


def test_frozen_rows_that_are_unfrozen_later_do_not_change_the_store(store_path: Path) -> None:
    store = embstore.open(store_path)
    layer = Embedding.from_pretrained(store).requires_grad_(True)
    layer(layer.encode(["word2"])).sum().backward()
    torch.optim.SGD(layer.parameters(), 1).step()
    np.testing.assert_array_equal(layer.weight[2].detach().numpy(), ROWS[2] - 1)
    np.testing.assert_array_equal(store.vectors, ROWS)
    twin = copy.deepcopy(layer)
    assert torch.equal(twin.weight, layer.weight)


def test_a_layer_moves_to_another_device_or_dtype(store_path: Path) -> None:
    assert Embedding.from_pretrained(store_path, device="meta").weight.is_meta
    layer = Embedding.from_pretrained(store_path, dtype=torch.float16)
    assert torch.equal(layer.weight, torch.from_numpy(ROWS).half())
    moved = Embedding.from_pretrained(store_path).double()
    assert torch.equal(moved.weight, torch.from_numpy(ROWS).double())
    assert torch.equal(copy.deepcopy(moved).weight, moved.weight)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    there = Embedding.from_pretrained(store_path).to(device)
    np.testing.assert_array_equal(there(there.encode(["word5"]).to(device)).cpu().numpy(), ROWS[[5]])


def test_a_shared_layer_pickles_its_shared_memory(store_path: Path) -> None:
    layer = Embedding.from_pretrained(store_path)
    layer.share_memory()
    assert torch.equal(copy.deepcopy(layer).weight, torch.from_numpy(ROWS))
    assert not is_unchanged(layer.weight)
