"""The notebook that this project grew from, cell by cell, on real files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from support.glove import RealGlove
from support.tables import saved

import embstore
from embstore import Embedding, EmbeddingBag

pytestmark = pytest.mark.torch

PICKED = [39091, 72705, 31948, 65162, 31528]
HAPPY = ["i", "was", "very", "happy", "with"]
QUALITY = ["very", "good", "quality", "but", "bad"]


@pytest.fixture(scope="module")
def random_table() -> NDArray[np.float32]:
    return np.random.default_rng(8).standard_normal((100_000, 8), np.float32)


@pytest.fixture(scope="module")
def table_store(random_table: NDArray[np.float32], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("seed") / "table.safetensors"
    return saved(path, [f"product{i}" for i in range(len(random_table))], random_table)


@pytest.fixture(scope="module")
def glove(real_store: Path) -> Embedding:
    return Embedding.from_pretrained(real_store)


def test_m_by_n_indexes_give_m_by_n_by_d() -> None:
    indexes = torch.tensor([[1, 2, 4, 5], [4, 3, 2, 9]])
    layer = Embedding(10, 3)
    found = layer(indexes)
    assert found.shape == (2, 4, 3)
    for i in range(2):
        for j in range(4):
            assert torch.equal(found[i, j], layer.weight[indexes[i, j]])


def test_from_pretrained_on_a_random_table_gives_its_rows(random_table: NDArray[np.float32]) -> None:
    layer = Embedding.from_pretrained(torch.from_numpy(random_table))
    assert layer.weight.shape == (100_000, 8)
    np.testing.assert_array_equal(layer(torch.tensor(PICKED)).numpy(), random_table[PICKED])


def test_from_pretrained_on_a_file_of_the_random_table_gives_its_rows(
    random_table: NDArray[np.float32], table_store: Path
) -> None:
    layer = Embedding.from_pretrained(table_store)
    ids = layer.encode([f"product{i}" for i in PICKED])
    assert ids.tolist() == PICKED
    np.testing.assert_array_equal(layer(ids).numpy(), random_table[PICKED])


def test_the_first_word_of_glove_is_the(real_store: Path) -> None:
    glove = embstore.open(real_store)
    assert glove.stoi["the"] == 0
    assert glove.itos[0] == "the"
    assert glove.vectors.shape == (400_000, 50)


@pytest.mark.parametrize(
    ("words", "rows"),
    [(HAPPY, [41, 15, 191, 1751, 17]), (QUALITY, [191, 219, 1506, 34, 978])],
)
def test_glove_knows_the_rows_and_vectors_of_both_sentences(
    glove: Embedding, real_glove: RealGlove, words: list[str], rows: list[int]
) -> None:
    assert glove.encode(words).tolist() == rows
    np.testing.assert_array_equal(glove(glove.encode(words)).numpy(), real_glove.vectors[rows])


def test_both_sentences_are_a_batch_of_glove_vectors(glove: Embedding, real_glove: RealGlove) -> None:
    ids = glove.encode([HAPPY, QUALITY])
    assert ids.tolist() == [[41, 15, 191, 1751, 17], [191, 219, 1506, 34, 978]]
    assert glove(ids).shape == (2, 5, 50)
    np.testing.assert_array_equal(glove(ids).numpy(), real_glove.vectors[ids.numpy()])


def test_the_first_five_words_are_taken_and_short_reviews_padded(real_store: Path) -> None:
    layer = Embedding.from_pretrained(real_store, padding=True)
    reviews = [["i", "was", "very", "happy", "with", "this"], ["very", "good"], []]
    pad = layer.padding_idx
    assert pad == 400_000
    ids = layer.encode(reviews, length=5)
    assert ids.tolist() == [[41, 15, 191, 1751, 17], [191, 219, pad, pad, pad], [pad] * 5]
    assert not layer(ids)[2].any()


def test_a_bag_by_sum_is_the_sum_of_its_rows(real_store: Path, real_glove: RealGlove) -> None:
    bag = EmbeddingBag.from_pretrained(real_store, mode="sum")
    pooled = bag(*bag.encode([HAPPY, QUALITY]))
    rows = torch.tensor([[41, 15, 191, 1751, 17], [191, 219, 1506, 34, 978]])
    torch.testing.assert_close(pooled, torch.from_numpy(real_glove.vectors[rows.numpy()]).sum(1))
    assert torch.equal(pooled, bag(rows))


def test_uneven_bags_are_values_and_offsets(random_table: NDArray[np.float32], table_store: Path) -> None:
    bag = EmbeddingBag.from_pretrained(table_store, mode="sum")
    purchased = [[4445, 5576, 251], [8747, 8236], [880]]
    values, offsets = bag.encode([[f"product{i}" for i in row] for row in purchased])
    assert values.tolist() == [4445, 5576, 251, 8747, 8236, 880]
    assert offsets.tolist() == [0, 3, 5]
    pooled = bag(values, offsets)
    assert pooled.shape == (3, 8)
    np.testing.assert_allclose(pooled.numpy(), [random_table[row].sum(0) for row in purchased], rtol=1e-6)
