"""Layers in models of transformers: initialized, saved by save_pretrained, loaded by from_pretrained."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

import embstore
from embstore import Embedding
from embstore.layers.mapped import is_unchanged
from training.models import (
    IDS,
    LEFT_OUT,
    OTHER,
    ROWS,
    TABLE_BYTES,
    Classifier,
    Config,
    classifier,
    rows_of,
    same,
    sizes,
)

pytestmark = pytest.mark.torch

OPTIONS: dict[str, dict[str, bool]] = {
    "reference": {},
    "reference, bag": {"bag": True},
    "rows": {"persistent": True},
    "rows, bag": {"persistent": True, "bag": True},
    "trained": {"persistent": True, "freeze": False},
    "trained bag": {"persistent": True, "freeze": False, "bag": True},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_initialization_leaves_the_rows(path: Path, name: str) -> None:
    """`_init_weights` of transformers draws the rows of a torch.nn.Embedding anew, frozen or not."""
    model = classifier(path, **OPTIONS[name])
    np.testing.assert_array_equal(rows_of(model.emb), ROWS)
    np.testing.assert_array_equal(
        rows_of(model.brand), rows_of(Embedding.from_vocabulary(["tea", "mug"], 8, oov="zero"))
    )
    assert rows_of(model.brand)[2].tolist() == [0.0] * 8
    if "trained" not in name:
        assert is_unchanged(model.emb.weight)
    assert rows_of(model.head).std() < 0.05  # it did initialize the others


class OwnInit(Classifier):
    """A model whose `_init_weights` writes through ``.data``, as those that were written for older versions."""

    def _init_weights(self, module: torch.nn.Module) -> None:
        if isinstance(module, torch.nn.Linear | torch.nn.Embedding | torch.nn.EmbeddingBag):
            module.weight.data.normal_(mean=0.0, std=0.02)


@pytest.mark.parametrize("name", OPTIONS)
def test_initialization_through_data_leaves_the_rows_too(path: Path, name: str) -> None:
    model = OwnInit(Config(store=str(path), **OPTIONS[name]))
    np.testing.assert_array_equal(rows_of(model.emb), ROWS)
    assert rows_of(model.brand)[2].tolist() == [0.0] * 8


@pytest.mark.parametrize("name", OPTIONS)
def test_models_are_saved_and_loaded(path: Path, tmp_path: Path, name: str) -> None:
    model = classifier(path, **OPTIONS[name])
    with torch.no_grad():
        model.head.weight.add_(1)
        model.brand.weight.add_(1)
        if "trained" in name:
            model.emb.weight.add_(1)
    model.save_pretrained(tmp_path / "model")
    loaded, report = Classifier.from_pretrained(tmp_path / "model", output_loading_info=True)
    assert report == {"missing_keys": set(), "unexpected_keys": set(), "mismatched_keys": set(), "error_msgs": []}
    assert same(loaded, model)
    assert torch.equal(loaded(IDS).logits, model(IDS).logits)
    assert rows_of(loaded.emb).tolist() == rows_of(model.emb).tolist()
    size = sizes(tmp_path / "model")["model.safetensors"]
    if name.startswith("reference"):
        assert size < 1500
        assert is_unchanged(loaded.emb.weight)  # mapped and frozen
    else:
        assert size > TABLE_BYTES
        assert loaded.emb.weight.requires_grad  # transformers makes all that it loads trainable, as in torch's layers


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_model_that_is_loaded_with_a_dtype(path: Path, tmp_path: Path, dtype: torch.dtype) -> None:
    """Pretrained rows keep the dtype of their file, as those of `torch.nn.Embedding.from_pretrained`."""
    model = classifier(path)
    model.save_pretrained(tmp_path / "model")
    loaded = Classifier.from_pretrained(tmp_path / "model", dtype=dtype)
    assert loaded.emb.weight.dtype == torch.float32
    assert is_unchanged(loaded.emb.weight)
    assert (loaded.brand.weight.dtype, loaded.head.weight.dtype) == (dtype, dtype)
    assert torch.equal(loaded.brand.weight, model.brand.weight.to(dtype))
    torch.testing.assert_close(loaded(IDS).logits.float(), model(IDS).logits, atol=0.02, rtol=0.02)


def test_another_table_is_refused(path: Path, other: Path, tmp_path: Path) -> None:
    classifier(path).save_pretrained(tmp_path / "model")
    with pytest.raises(embstore.EmbstoreError, match=OTHER):
        Classifier.from_pretrained(tmp_path / "model", store=str(other))
    path.rename(tmp_path / "renamed.safetensors")
    assert Classifier.from_pretrained(tmp_path / "model", store=str(tmp_path / "renamed.safetensors")).emb.mapped


class Base(PreTrainedModel):  # type: ignore[misc]
    """What a `Classifier` was before it got its embeddings."""

    config_class = Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.head = torch.nn.Linear(8, 2)
        self.post_init()


@pytest.mark.parametrize("name", OPTIONS)
def test_rows_that_a_checkpoint_does_not_have_stay(path: Path, tmp_path: Path, name: str) -> None:
    """Those of a torch.nn.Embedding are drawn anew, and those of a torch.nn.EmbeddingBag left uninitialized."""
    Base(Config(store=str(path), **OPTIONS[name])).save_pretrained(tmp_path / "base")
    loaded = Classifier.from_pretrained(tmp_path / "base")
    np.testing.assert_array_equal(rows_of(loaded.emb), ROWS)
    np.testing.assert_array_equal(rows_of(loaded.brand), rows_of(classifier(path).brand))
    assert same(loaded.emb, classifier(path, **OPTIONS[name]).emb)
    loaded.save_pretrained(tmp_path / "model")
    assert same(Classifier.from_pretrained(tmp_path / "model"), loaded)


def test_changed_rows_are_loaded_with_their_rows_or_an_error(path: Path, tmp_path: Path) -> None:
    """transformers reads only the keys of a new model's state_dict, in which the rows are left out."""
    model = classifier(path)
    model.emb.weight.data[3] = 7
    model.save_pretrained(tmp_path / "model")
    assert sizes(tmp_path / "model")["model.safetensors"] > TABLE_BYTES
    with pytest.raises(embstore.EmbstoreError, match=LEFT_OUT):
        Classifier.from_pretrained(tmp_path / "model")
    loaded = Classifier.from_pretrained(tmp_path / "model", persistent=True)
    assert torch.equal(loaded.emb.weight, model.emb.weight)


class Tied(PreTrainedModel):  # type: ignore[misc]
    """A model that scores words by the rows of its embedding; the checkpoint leaves the shared rows out."""

    config_class = Config
    _tied_weights_keys = {"scores.weight": "emb.weight"}  # noqa: RUF012
    _keys_to_ignore_on_save = ["scores.weight"]  # noqa: RUF012

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.emb = Embedding.from_pretrained(config.store, persistent=config.persistent)
        self.scores = torch.nn.Linear(8, len(ROWS), bias=False)
        self.post_init()

    def get_input_embeddings(self) -> torch.nn.Module:
        return self.emb

    def get_output_embeddings(self) -> torch.nn.Module:
        return self.scores


def test_a_tied_weight_is_that_of_the_store(path: Path, tmp_path: Path) -> None:
    model = Tied(Config(store=str(path), tie_word_embeddings=True))
    model.save_pretrained(tmp_path / "model")
    assert sizes(tmp_path / "model")["model.safetensors"] < 1500
    for twin in (model, copy.deepcopy(model), Tied.from_pretrained(tmp_path / "model")):
        assert twin.scores.weight is twin.emb.weight
        assert is_unchanged(twin.emb.weight)


@pytest.mark.parametrize("persistent", [True, False])
def test_more_tokens(path: Path, tmp_path: Path, persistent: bool) -> None:
    model = classifier(path, persistent=persistent)
    model.resize_token_embeddings(1004, mean_resizing=False)
    assert (type(model.emb), model.emb.num_embeddings, tuple(model.emb.weight.shape)) == (Embedding, 1004, (1004, 8))
    np.testing.assert_array_equal(rows_of(model.emb)[:1000], ROWS)
    assert isinstance(model.emb, Embedding)
    assert model.emb.encode(["word3"]).tolist() == [3]
    assert model(torch.tensor([[1003]])).logits.shape == (1, 2)
    assert torch.equal(copy.deepcopy(model).emb.weight, model.emb.weight)
    np.testing.assert_array_equal(embstore.open(path).vectors, ROWS)
    model.save_pretrained(tmp_path / "model")
    assert sizes(tmp_path / "model")["model.safetensors"] > TABLE_BYTES


def test_layers_that_are_made_elsewhere_and_put_into_a_model(path: Path) -> None:
    model = classifier(path, persistent=True)
    model.set_input_embeddings(Embedding.from_pretrained(path))
    model.init_weights()
    np.testing.assert_array_equal(rows_of(model.emb), ROWS)
