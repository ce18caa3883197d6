"""Where the layers differ from torch's on purpose: a test for each row of the table in docs/torch.md."""

from __future__ import annotations

import inspect
import pickle
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from support.tables import saved
from support.torch_layers import Make, exact_rows, torchs, words

import embstore
from embstore import Embedding, EmbeddingBag

pytestmark = pytest.mark.torch

DOCUMENT = Path(__file__).parents[2] / "docs" / "torch.md"
ROWS = exact_rows(5, 3)
KINDS: tuple[Any, ...] = (Embedding, EmbeddingBag)


@pytest.fixture
def int8_path(tmp_path: Path) -> Path:
    return saved(tmp_path / "int8.safetensors", words(5), ROWS.numpy(), dtype="int8")


def test_the_table_names_each_test_of_this_module_once() -> None:
    rows = [line for line in DOCUMENT.read_text("utf-8").splitlines() if line.startswith("|")][2:]
    named = [row.rstrip("| ").rpartition("| ")[2].strip("`") for row in rows]
    tests = [name for name, _ in inspect.getmembers(sys.modules[__name__], inspect.isfunction)]
    this = test_the_table_names_each_test_of_this_module_once.__name__
    assert sorted(named) == sorted(name for name in tests if name.startswith("test_") and name != this)


@pytest.mark.parametrize("kind", [Embedding, EmbeddingBag])
def test_training_changes_a_copy(kind: Any) -> None:
    theirs = torch.nn.Embedding if kind is Embedding else torch.nn.EmbeddingBag
    for way, same in ((kind, False), (theirs, True)):
        rows = ROWS.clone()
        layer = way.from_pretrained(rows, freeze=False)
        layer(torch.tensor([[0, 1]])).sum().backward()
        torch.optim.SGD(layer.parameters(), lr=1).step()
        assert torch.equal(layer.weight, rows) == same
        assert torch.equal(rows, ROWS) != same


def test_max_norm_needs_a_copy(make: Make) -> None:
    rows = ROWS.clone()
    torch.nn.Embedding.from_pretrained(rows, max_norm=1.0)(torch.arange(5))  # type: ignore[no-untyped-call]
    assert not torch.equal(rows, ROWS)
    message = (
        "max_norm scales rows in place, but the rows of a frozen layer may be shared: use freeze=False, which copies"
        " on write, and requires_grad_(False) if the rows must not be trained"
    )
    for kind in KINDS:
        with pytest.raises(embstore.EmbstoreError, match=f"^{re.escape(message)}$"):
            make(kind, ROWS, freeze=True, max_norm=1.0)
        layer = make(kind, ROWS, max_norm=1.0).requires_grad_(requires_grad=False)  # as the message says
        assert torch.equal(layer(torch.arange(5)[:, None]).squeeze(1), rows)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64])
def test_whole_numbers_need_a_dtype(dtype: torch.dtype) -> None:
    numbers = torch.arange(6, dtype=dtype).reshape(2, 3)
    assert torchs(Embedding, numbers, freeze=True)(torch.tensor([1])).dtype == dtype
    message = (
        f"the rows must be floating and (rows, dim), not {dtype} of shape (2, 3); dtype=torch.float32 converts them"
    )
    for kind in KINDS:
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            kind.from_pretrained(numbers)
        layer = kind.from_pretrained(numbers, dtype=torch.float32)
        assert torch.equal(layer.weight, numbers.float())


def test_padding_idx_beyond_the_table_is_a_value_error(make: Make) -> None:
    for kind in KINDS:
        for number in range(-7, 7):
            if -5 <= number < 5:
                assert make(kind, ROWS, padding_idx=number).padding_idx == number % 5
                continue
            with pytest.raises(AssertionError, match=r"(?i)^padding_idx must be within num_embeddings$"):
                torchs(kind, ROWS, padding_idx=number)
            with pytest.raises(ValueError, match=f"^padding_idx={number}: expected -5 to 4, a row of the table$"):
                make(kind, ROWS, padding_idx=number)


def test_negative_padding_idx_counts_rows_of_the_table(make: Make) -> None:
    layer = make(Embedding, ROWS, padding_idx=-1, oov="zero")
    assert (layer.num_embeddings, layer.padding_idx) == (6, 4)
    assert layer.encode([["?", "word0"], []]).tolist() == [[5, 0], [4, 4]]


def test_flags_are_bools(make: Make) -> None:
    assert not torchs(Embedding, ROWS, freeze="no").weight.requires_grad
    for name in ("freeze", "sparse", "scale_grad_by_freq"):
        with pytest.raises(TypeError, match=f"^{name}='no': expected True or False$"):
            make(Embedding, ROWS, **{name: "no"})


def test_weights_of_another_dtype_are_converted(make: Make) -> None:
    given = torch.tensor([3, 1, 4]), torch.tensor([0, 2])
    weights = torch.tensor([0.5, 0.25, 2])
    for dtype in (torch.float64, torch.float16, torch.bfloat16):
        rows = exact_rows(5, 3, dtype)
        with pytest.raises(RuntimeError, match="to have the same type as"):
            torchs(EmbeddingBag, rows, mode="sum")(*given, weights)
        expected = torchs(EmbeddingBag, rows, mode="sum")(*given, weights.to(dtype))
        assert torch.equal(make(EmbeddingBag, rows, mode="sum")(*given, weights), expected)


def test_means_take_weights_if_the_layer_has_words(make: Make) -> None:
    layer = make(EmbeddingBag, ROWS, mode="mean")
    ids, offsets, weights = layer.encode([["word1", "word3"]], weights=[[1, 3]])
    assert weights.tolist() == [0.25, 0.75]
    assert torch.equal(layer(ids, offsets, weights), (ROWS[1:2] + 3 * ROWS[3:4]) / 4)
    without_words = EmbeddingBag.from_pretrained(ROWS, mode="mean")
    for mean in (without_words, torchs(EmbeddingBag, ROWS, mode="mean")):
        with pytest.raises(NotImplementedError, match="only supported for mode='sum'"):
            mean(ids, offsets, weights)


def test_drawn_rows_leave_the_global_generator_alone() -> None:
    before = torch.random.get_rng_state()
    first, again, other = (Embedding.from_vocabulary(words(3), 2, seed=seed).weight for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    torch.nn.Embedding(3, 2)
    assert not torch.equal(torch.random.get_rng_state(), before)


def test_a_frozen_layer_pickles_as_its_path(tmp_path: Path) -> None:
    rows = exact_rows(2000, 8)
    layer = Embedding.from_pretrained(saved(tmp_path / "words.safetensors", words(2000), rows.numpy()))
    pickled = pickle.dumps(layer)
    assert len(pickled) < 4000 < 2000 * 8 * 4 < len(pickle.dumps(torchs(Embedding, rows)))
    assert torch.equal(pickle.loads(pickled).weight, rows)
    torch.save(layer.state_dict(), tmp_path / "saved.pt")
    assert torch.equal(torch.load(tmp_path / "saved.pt")["weight"], rows)


def test_int8_rows_are_frozen_bytes(int8_path: Path) -> None:
    ids = torch.arange(5)[:, None]
    for kind in KINDS:
        layer = kind.from_pretrained(int8_path)
        assert (layer.weight.dtype, layer.weight.shape) == (torch.uint8, (5, 3 + 8))
        assert (layer.num_embeddings, layer.embedding_dim, layer.weight.requires_grad) == (5, 3, False)
        assert layer(ids).dtype == layer.double()(ids).dtype == torch.float32
        message = "int8 rows cannot be trained: convert them with dtype=torch.float32, or use freeze=True"
        with pytest.raises(embstore.EmbstoreError, match=f"^{re.escape(message)}$"):
            kind.from_pretrained(int8_path, freeze=False)
        wide = kind.from_pretrained(int8_path, freeze=False, dtype=torch.float32)
        assert torch.equal(wide(ids), layer(ids))


@pytest.mark.parametrize("offsets", [[1, 2], [0, 100], [2, 0]])
def test_offsets_of_int8_bags_are_checked(int8_path: Path, offsets: list[int]) -> None:
    layer = EmbeddingBag.from_pretrained(int8_path)
    message = r"^offsets must start at 0, never decrease, and end within the 3 ids of the input$"
    with pytest.raises(ValueError, match=message):
        layer(torch.tensor([0, 1, 2]), torch.tensor(offsets))
