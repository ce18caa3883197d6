"""Layers over stores with n-gram rows: the vectors of unknown words, and their sums and means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.ngram_models import BY_FASTTEXT, BY_GENSIM, GOLDENS, MODEL, MODELS, STRANGERS, WORDS
from support.tables import converted

import embstore
from embstore.core.options import Dtype
from embstore.layers.collate import Collate, Feature
from embstore.words.encoder import Encoder

pytestmark = pytest.mark.torch


def pooled_by_layer(source: Any, bags: list[list[str]], weights: Any = None, **options: Any) -> Any:
    bag = embstore.EmbeddingBag.from_pretrained(source, mode="sum", **options)
    return bag(*bag.encode(bags, weights)).float().numpy()


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda golden: f"{golden['model'][7:13]}-{golden['word']!a}")
def test_vectors_of_unknown_words(golden: dict[str, Any]) -> None:
    found = pooled_by_layer(MODELS / golden["model"], [[golden["word"]]])
    np.testing.assert_allclose(found, [golden["vector"]], rtol=0, atol=1e-7)


@pytest.mark.parametrize("name", BY_GENSIM)
def test_pooled_vectors_equal_those_of_gensim(name: str, tmp_path: Path) -> None:
    store = converted(MODELS / f"{name}.bin", tmp_path)
    found = pooled_by_layer(store, [[word] for word in STRANGERS])
    np.testing.assert_allclose(found, BY_GENSIM[name], rtol=0, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*UTF-8")
@pytest.mark.parametrize("name", BY_FASTTEXT)
def test_pooled_vectors_equal_those_of_fasttext(name: str, tmp_path: Path) -> None:
    found = pooled_by_layer(converted(MODELS / name, tmp_path), [[word] for word in STRANGERS])
    np.testing.assert_allclose(found, BY_FASTTEXT[name], rtol=0, atol=1e-7)


@given(bags=st.lists(WORDS, max_size=5), policy=st.sampled_from(["subword", "lower,subword"]))
def test_bags_are_sums_of_the_words_vectors(bags: list[list[str]], policy: str) -> None:
    store = embstore.open(MODEL)
    found = pooled_by_layer(store, bags, oov=policy)
    expected = np.reshape([store.aligned(bag, "subword").sum(axis=0, dtype=np.float64) for bag in bags], (-1, 3))
    # float32 sums of n terms are off by n * 2**-24 of the sum of their sizes; the weights of a word add up to 1
    encoder = embstore.Encoder(store, policy)
    ids = np.array([len(encoder.encode_bags([bag]).values) for bag in bags])
    sizes = np.array(list(map(len, bags))) * np.abs(store.weight).max()
    assert (np.abs(found - expected) <= (ids * sizes * 2.0**-23 + 1e-7)[:, np.newaxis]).all()


@pytest.mark.parametrize(("dtype", "atol"), [("float32", 1e-7), ("float16", 1e-3), ("bfloat16", 5e-3), ("int8", 8e-3)])
def test_every_dtype_is_pooled(dtype: Dtype, atol: float, tmp_path: Path) -> None:
    words = ["the", "frogs", "žáby", ""]
    found = pooled_by_layer(converted(MODEL, tmp_path, dtype=dtype), [[word] for word in words])
    expected = embstore.open(MODEL).aligned(words)
    np.testing.assert_allclose(found, expected, rtol=0, atol=atol)


def test_a_frozen_bag_over_a_store_is_zero_copy(tmp_path: Path) -> None:
    bag = embstore.EmbeddingBag.from_pretrained(converted(MODEL, tmp_path), mode="sum")
    assert bag.mapped is not None
    assert bag.num_embeddings == 13


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_tables_and_their_loaders(dtype: Dtype, tmp_path: Path) -> None:
    store = converted(MODEL, tmp_path, dtype=dtype)
    tables = embstore.Tables({"review": embstore.EmbeddingBag.from_pretrained(store, mode="sum")})
    batch = tables.encode([{"review": ["the", "frogs"]}, {"review": []}])
    found = tables(batch)["review"]
    expected = np.stack([store.aligned(["the", "frogs"]).sum(axis=0), np.zeros(3)])
    np.testing.assert_allclose(found.float().numpy(), expected, rtol=0, atol=2e-3)


def test_workers_collate_ids_offsets_and_weights(tmp_path: Path) -> None:
    encoder = Encoder(converted(MODEL, tmp_path), "lower,subword")
    collate = Collate({"review": Feature(encoder, pooled=True)}, (), ())
    assert [part.dtype for part in collate([{"review": ["the"]}])["review"]] == [
        torch.int64,
        torch.int64,
        torch.float32,
    ]


def test_ngrams_without_a_padding_row(tmp_path: Path) -> None:
    store = converted(MODEL, tmp_path)
    with pytest.raises(embstore.EmbstoreError) as caught_by_padding:
        embstore.Embedding.from_pretrained(store, padding=True)
    assert str(caught_by_padding.value) == (
        "oov 'subword': <Store ngrams_2_to_4.safetensors: 6 x 3 float32, mapped> has no padding row before its other "
        "special rows; convert it with padding=True, or use another oov"
    )
    layer = embstore.Embedding.from_pretrained(store, oov="zero", padding=True)
    assert layer.encode([["the", "frogs"], ["a"]]).tolist() == [[1, 7], [4, 6]]
