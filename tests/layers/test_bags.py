"""`EmbeddingBag`: pooled rows against a simple reference, and edge cases."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.tables import saved

import embstore
from embstore import Embedding, EmbeddingBag
from embstore.words.encoded import Mode
from embstore.words.encoder import Encoder
from embstore.words.vocabulary import Vocabulary

pytestmark = pytest.mark.torch

WORDS = ["uxm3", "a12o", "8u2x", "eri8", "wi3r", "w29k"]
ROWS = np.random.default_rng(6).integers(-8, 8, (len(WORDS), 3)).astype(np.float32)  # sums of these are exact
BAGS = [["uxm3", "a12o", "8u2x"], ["eri8", "wi3r"], ["w29k"]]


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    return saved(tmp_path / "products.safetensors", WORDS, ROWS)


def pooled_by_numpy(bag: list[list[float]], mode: str) -> list[float]:
    rows = np.array(bag)
    pools: dict[str, Any] = {"sum": rows.sum, "mean": rows.mean, "max": rows.max}
    return pools[mode](axis=0).tolist() if bag else [0.0] * 3


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_a_bag_is_an_embedding_bag_of_torch_and_pools_ragged_bags(
    kernel: ModuleType, store_path: Path, mode: Mode
) -> None:
    bag = EmbeddingBag.from_pretrained(store_path, mode=mode)
    assert isinstance(bag, torch.nn.EmbeddingBag)
    assert (bag.mode, bag.padding_idx, bag.include_last_offset) == (mode, None, False)
    assert bag.mapped is not None
    assert bag.weight.data_ptr() == bag.mapped.store.block(0, 1, encoded=True).ctypes.data
    values, offsets = bag.encode(BAGS)
    assert (values.dtype, values.tolist()) == (torch.int64, [0, 1, 2, 3, 4, 5])
    assert (offsets.dtype, offsets.tolist()) == (torch.int64, [0, 3, 5])
    expected = [pooled_by_numpy([ROWS[WORDS.index(word)].tolist() for word in words], mode) for words in BAGS]
    np.testing.assert_array_equal(bag(values, offsets).numpy(), np.array(expected, np.float32))


@given(
    st.lists(st.lists(st.sampled_from([*WORDS, "nobody", "w29K"]), max_size=5), max_size=5),
    st.sampled_from(["sum", "mean", "max"]),
    st.sampled_from(["zero", "skip", "lower,zero", "lower,skip"]),
    st.booleans(),
)
def test_pooling_agrees_with_a_loop(bags: list[list[str]], mode: Mode, oov: str, last: bool) -> None:
    model = dict(zip(WORDS, ROWS.tolist(), strict=True))
    if oov.startswith("lower"):
        model["w29K"] = model["w29k"]
    if oov.endswith("zero"):
        model = {"nobody": [0.0] * 3, "w29K": [0.0] * 3} | model
    bag = EmbeddingBag.from_pretrained(ROWS, tokens=WORDS, oov=oov, mode=mode, include_last_offset=last)
    values, offsets = bag.encode(bags)
    assert len(offsets) == len(bags) + last
    expected = [pooled_by_numpy([model[word] for word in words if word in model], mode) for words in bags]
    np.testing.assert_array_equal(bag(values, offsets).numpy(), np.array(expected, np.float32).reshape(-1, 3))


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("oov", ["skip", "zero"])
def test_empty_bags_give_zeros(store_path: Path, mode: Mode, last: bool, oov: str) -> None:
    bag = EmbeddingBag.from_pretrained(store_path, mode=mode, oov=oov, include_last_offset=last)
    no_bags = bag.encode([])
    assert bag(*no_bags).shape == (0, 3)
    assert bag(*bag.encode([[]])).tolist() == [[0, 0, 0]]
    assert bag(*bag.encode([["?", "!"], [], ["?"]])).tolist() == [[0, 0, 0]] * 3


def test_options_of_torch_are_passed_on(store_path: Path) -> None:
    options: dict[str, Any] = {
        "max_norm": 3.0, "norm_type": 1.0, "scale_grad_by_freq": True, "mode": "sum", "include_last_offset": True,
    }  # fmt: skip
    pretrained = EmbeddingBag.from_pretrained(store_path, freeze=False, **options)
    drawn = EmbeddingBag.from_vocabulary(["a"], 2, **options)
    for bag in (pretrained, drawn):
        assert {name: getattr(bag, name) for name in options} == options


def test_an_unknown_mode_is_refused(store_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^mode must be 'mean', 'sum', 'max', not 'average'$"):
        EmbeddingBag.from_pretrained(store_path, mode="average")  # type: ignore[arg-type]


def test_a_repeated_word_counts_twice(store_path: Path) -> None:
    bag = EmbeddingBag.from_pretrained(store_path, mode="sum")
    np.testing.assert_array_equal(bag(*bag.encode([["eri8", "eri8", "w29k"]])).numpy(), [2 * ROWS[3] + ROWS[5]])


def test_weights_scale_the_rows_of_a_sum(store_path: Path) -> None:
    bag = EmbeddingBag.from_pretrained(store_path, mode="sum", oov="skip")
    values, offsets, weights = bag.encode([["eri8", "?", "w29k"], [], ["uxm3"]], weights=[[2, 9, 0.5], [], [-1]])
    assert (values.tolist(), offsets.tolist(), weights.tolist()) == ([3, 5, 0], [0, 2, 2], [2, 0.5, -1])
    expected = [2 * ROWS[3] + 0.5 * ROWS[5], np.zeros(3), -ROWS[0]]
    np.testing.assert_array_equal(bag(values, offsets, weights).numpy(), np.array(expected, np.float32))
    with pytest.raises(ValueError, match=r"^weights need mode='sum' or mode='mean', not 'max'$"):
        EmbeddingBag.from_pretrained(store_path, mode="max").encode([["eri8"]], weights=[[1]])


def test_several_hashes_of_an_unknown_word_are_summed(store_path: Path) -> None:
    bag = EmbeddingBag.from_pretrained(store_path, mode="sum", oov="hash:50:3")
    values, offsets = bag.encode([["new", "w29k"], ["w29k", "new"]])
    assert offsets.tolist() == [0, 4]
    assert values.tolist() == [*values[:3].tolist(), 5, 5, *values[:3].tolist()]
    assert min(values[:3].tolist()) >= len(WORDS)
    assert bag.num_embeddings == 56
    new = bag.weight[values[:3]].sum(0)
    torch.testing.assert_close(bag(values, offsets), (new + bag.weight[5]).expand(2, 3))


def test_int32_and_two_dimensional_ids(store_path: Path) -> None:
    bag = EmbeddingBag.from_pretrained(store_path, mode="sum")
    values, offsets = bag.encode(BAGS)
    assert torch.equal(bag(values.int(), offsets.int()), bag(values, offsets))
    np.testing.assert_array_equal(bag(torch.tensor([[0, 1], [2, 2]])).numpy(), [ROWS[0] + ROWS[1], 2 * ROWS[2]])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_16_bit_rows_are_summed_in_float32_and_rounded_once(store_path: Path, dtype: str) -> None:
    half = store_path.with_name("half.safetensors")
    rows = np.array([[256], [1], [0.75]], np.float32).repeat(2, 1)
    embstore.save(half, ["a", "b", "c"], rows, dtype=dtype)  # type: ignore[arg-type]
    bag = EmbeddingBag.from_pretrained(half, mode="sum", out_dtype=torch.float32)
    assert bag.weight.dtype == getattr(torch, dtype)
    words = [["a", *"b" * 4, *"c" * 4]]
    found = bag(*bag.encode(words))
    exact = torch.tensor([[263.0, 263.0]])
    assert found.dtype == torch.float32
    assert torch.equal(found, exact.to(bag.weight.dtype).float())
    values, offsets, weights = bag.encode(words, weights=[[1] * 9])
    assert weights.dtype == bag.weight.dtype
    assert torch.equal(bag(values, offsets, weights), found)


def test_columns_of_lists_are_bags(store_path: Path) -> None:
    bag = EmbeddingBag.from_pretrained(store_path)
    column = pyarrow.array(BAGS, pyarrow.list_(pyarrow.string()))
    for found, expected in zip(bag.encode(column), bag.encode(BAGS), strict=True):
        assert torch.equal(found, expected)


def test_a_bag_over_special_rows_in_the_file_is_zero_copy(store_path: Path) -> None:
    special = store_path.with_name("special.safetensors")
    embstore.convert(store_path, special, oov="hash:4", padding=True)
    bag = EmbeddingBag.from_pretrained(special, mode="sum")
    assert bag.mapped is not None
    assert (bag.num_embeddings, bag.padding_idx) == (11, None)
    values, _ = bag.encode([["new"]])
    assert 7 <= int(values[0]) < 11


def test_training_changes_only_the_rows_of_the_bags(store_path: Path) -> None:
    before = store_path.read_bytes()
    bag = EmbeddingBag.from_pretrained(store_path, mode="mean", freeze=False, sparse=True)
    bag(*bag.encode([["uxm3", "a12o"]])).sum().backward()
    torch.optim.SGD(bag.parameters(), lr=1).step()
    changed = (bag.weight.detach().numpy() != ROWS).any(1)
    assert changed.tolist() == [True, True, False, False, False, False]
    assert store_path.read_bytes() == before


def test_a_bag_without_pretrained_rows() -> None:
    bag = EmbeddingBag.from_vocabulary(Encoder(Vocabulary(), "hash:64"), 4, mode="sum", seed=5)
    assert bag.weight.shape == (64, 4)
    assert bag.weight.requires_grad
    twin = EmbeddingBag.from_vocabulary([], 4, oov="hash:64", mode="sum", seed=5)
    bags = [["new", "newer"], []]
    assert torch.equal(bag(*bag.encode(bags)), twin(*twin.encode(bags)))


def test_a_bag_equals_the_sum_of_an_embedding(store_path: Path) -> None:
    bag, layer = (kind.from_pretrained(store_path, oov="zero") for kind in (EmbeddingBag, Embedding))
    words = [["uxm3", "?"], ["w29k", "eri8"]]
    assert torch.equal(bag(*bag.encode(words)), layer(layer.encode(words)).mean(1))
