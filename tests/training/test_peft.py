"""Layers under peft: adapters over embeddings, merged into the rows, saved and loaded."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model

import embstore
from embstore import Embedding
from training.models import IDS, LEFT_OUT, ROWS, TABLE_BYTES, Classifier, classifier, rows_of, sizes

pytestmark = pytest.mark.torch


def logits(model: torch.nn.Module) -> torch.Tensor:
    found = model(IDS).logits
    assert isinstance(found, torch.Tensor)
    return found


@pytest.mark.parametrize("persistent", [True, False])
def test_an_adapter_over_the_embedding(path: Path, tmp_path: Path, persistent: bool) -> None:
    config = LoraConfig(r=2, target_modules=["emb", "head"], init_lora_weights=False)
    model = get_peft_model(classifier(path, persistent=persistent), config)
    expected = logits(model)
    assert not torch.equal(expected, logits(classifier(path)))
    model.save_pretrained(tmp_path / "adapter")
    assert sizes(tmp_path / "adapter")["adapter_model.safetensors"] < TABLE_BYTES / 2
    loaded = PeftModel.from_pretrained(classifier(path, persistent=persistent), tmp_path / "adapter")
    for twin in (loaded, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(logits(twin), expected)
    assert len(pickle.dumps(model)) < TABLE_BYTES  # the table is pickled as its path


@pytest.mark.parametrize("persistent", [True, False])
def test_merged_rows_are_not_lost(path: Path, tmp_path: Path, persistent: bool) -> None:
    config = LoraConfig(r=2, target_modules=["emb"], init_lora_weights=False)
    merged = get_peft_model(classifier(path, persistent=persistent), config).merge_and_unload()
    rows, expected = rows_of(merged.emb).copy(), logits(merged)
    assert type(merged.emb) is Embedding
    assert (rows != ROWS).any(1).all()
    np.testing.assert_array_equal(embstore.open(path).vectors, ROWS)
    merged.save_pretrained(tmp_path / "merged")
    assert sizes(tmp_path / "merged")["model.safetensors"] > TABLE_BYTES
    torch.save(merged, tmp_path / "merged.pt")
    state = classifier(path, persistent=persistent)
    state.load_state_dict(merged.state_dict())
    for twin in (
        Classifier.from_pretrained(tmp_path / "merged", persistent=True),
        torch.load(tmp_path / "merged.pt", weights_only=False),
        copy.deepcopy(merged),
        pickle.loads(pickle.dumps(merged)),
        state,
    ):
        np.testing.assert_array_equal(rows_of(twin.emb), rows)
        assert torch.equal(logits(twin), expected)
    if not persistent:
        with pytest.raises(embstore.EmbstoreError, match=LEFT_OUT):
            Classifier.from_pretrained(tmp_path / "merged")


def test_an_embedding_that_is_trained_and_saved_with_the_adapter(path: Path, tmp_path: Path) -> None:
    config = LoraConfig(r=2, target_modules=["head"], modules_to_save=["emb"], init_lora_weights=False)
    model = get_peft_model(classifier(path, persistent=True), config)
    copied = model.base_model.model.emb.modules_to_save["default"]
    assert copied.weight.requires_grad
    with torch.no_grad():
        copied.weight[2] += 1
    np.testing.assert_array_equal(rows_of(model.base_model.model.emb.original_module), ROWS)
    model.save_pretrained(tmp_path / "adapter")
    loaded = PeftModel.from_pretrained(classifier(path, persistent=True), tmp_path / "adapter")
    assert torch.equal(logits(loaded), logits(model))
    merged = model.merge_and_unload()
    assert torch.equal(merged.emb.weight, copied.weight)
    torch.testing.assert_close(logits(merged), logits(loaded))  # merging rounds the rows of the head


def test_modules_to_save_need_rows_in_the_state_dict(path: Path, tmp_path: Path) -> None:
    """peft loads only the keys of a new layer's state_dict: changed rows would be lost."""
    config = LoraConfig(r=2, target_modules=["head"], modules_to_save=["emb"])
    model = get_peft_model(classifier(path), config)
    with torch.no_grad():
        model.base_model.model.emb.modules_to_save["default"].weight[2] += 1
    model.save_pretrained(tmp_path / "adapter")
    with pytest.raises(embstore.EmbstoreError, match=LEFT_OUT):
        PeftModel.from_pretrained(classifier(path), tmp_path / "adapter")


@pytest.mark.parametrize("persistent", [True, False])
def test_some_rows_are_trained(path: Path, tmp_path: Path, persistent: bool) -> None:
    config = LoraConfig(r=2, target_modules=["head"], trainable_token_indices={"emb": [1, 2]})
    model = get_peft_model(classifier(path, persistent=persistent), config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "trainable_tokens_delta" in name:
                parameter.fill_(5)
    expected = logits(model)
    model.save_pretrained(tmp_path / "adapter")
    loaded = PeftModel.from_pretrained(classifier(path, persistent=persistent), tmp_path / "adapter")
    assert torch.equal(logits(loaded), expected)
    merged = loaded.merge_and_unload()
    assert rows_of(merged.emb)[:4].tolist() == [ROWS[0].tolist(), [5.0] * 8, [5.0] * 8, ROWS[3].tolist()]
    assert torch.equal(logits(merged), expected)
