"""Layers in Lightning: fitted, checkpointed, resumed, loaded from checkpoints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from lightning import LightningModule, Trainer
from torch.utils.data import DataLoader, TensorDataset

import embstore
from embstore import Embedding
from embstore.layers.mapped import is_unchanged
from training.models import OTHER, ROWS, TABLE_BYTES, rows_of, same

pytestmark = pytest.mark.torch


class Classifier(LightningModule):  # type: ignore[misc]
    def __init__(self, store: str, persistent: bool = False, freeze: bool = True) -> None:
        super().__init__()
        self.save_hyperparameters()
        torch.manual_seed(0)
        self.emb = Embedding.from_pretrained(store, persistent=persistent, freeze=freeze)
        self.head = torch.nn.Linear(8, 2)

    def training_step(self, batch: list[torch.Tensor], number: int) -> torch.Tensor:
        ids, labels = batch
        return torch.nn.functional.cross_entropy(self.head(self.emb(ids).mean(1)), labels)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam([p for p in self.parameters() if p.requires_grad], lr=0.1)


def fit(model: Classifier, folder: Path, epochs: int, checkpoint: Path | None = None) -> Trainer:
    trainer = Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
    )
    data = DataLoader(TensorDataset(torch.arange(96).view(32, 3), torch.arange(32) % 2), batch_size=4)
    trainer.fit(model, data, ckpt_path=checkpoint)
    return trainer


@pytest.mark.parametrize("name", ["reference", "rows", "trained"])
def test_a_resumed_training_ends_as_one_in_one_go(path: Path, tmp_path: Path, name: str) -> None:
    options = {"persistent": name != "reference", "freeze": name != "trained"}
    model, checkpoint = Classifier(str(path), **options), tmp_path / "model.ckpt"
    fit(model, tmp_path, 1).save_checkpoint(checkpoint)
    assert (checkpoint.stat().st_size > TABLE_BYTES) == (name != "reference")
    loaded = Classifier.load_from_checkpoint(checkpoint)
    assert same(loaded, model)
    np.testing.assert_array_equal(embstore.open(path).vectors, ROWS)
    assert (rows_of(model.emb).tolist() == ROWS.tolist()) == (name != "trained")

    resumed, whole = Classifier(str(path), **options), Classifier(str(path), **options)
    fit(resumed, tmp_path, 2, checkpoint)
    fit(whole, tmp_path, 2)
    assert same(resumed, whole)
    assert not same(resumed, model)
    if name == "reference":
        assert all(is_unchanged(each.emb.weight) for each in (model, loaded, resumed))


def test_a_checkpoint_of_another_table_is_refused(path: Path, other: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "model.ckpt"
    fit(Classifier(str(path)), tmp_path, 1).save_checkpoint(checkpoint)
    with pytest.raises(embstore.EmbstoreError, match=OTHER):
        Classifier.load_from_checkpoint(checkpoint, store=str(other))
    with pytest.raises(embstore.EmbstoreError, match=OTHER):
        fit(Classifier(str(other)), tmp_path, 2, checkpoint)


def test_an_empty_module_has_the_rows_of_its_layers(path: Path) -> None:
    with Trainer(accelerator="cpu", logger=False, enable_checkpointing=False).init_module(empty_init=True):
        model = Classifier(str(path))
    assert is_unchanged(model.emb.weight)
