"""Layers under the Trainer of transformers: trained, checkpointed, resumed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import Trainer, TrainingArguments

import embstore
from embstore.layers.mapped import is_unchanged
from training.models import OTHER, ROWS, TABLE_BYTES, Classifier, classifier, rows_of, same, sizes

pytestmark = pytest.mark.torch

DATA = [{"ids": torch.tensor([i, i + 1, i + 2]), "labels": i % 2} for i in range(32)]


def trainer(model: Classifier, folder: Path) -> Trainer:
    arguments = TrainingArguments(
        str(folder),
        max_steps=8,
        save_steps=4,
        per_device_train_batch_size=4,
        learning_rate=0.1,
        seed=1,
        use_cpu=True,
        dataloader_pin_memory=False,
        disable_tqdm=True,
        report_to=[],
    )
    return Trainer(model, arguments, train_dataset=DATA)


@pytest.mark.parametrize("name", ["reference", "rows", "trained"])
def test_a_resumed_training_ends_as_one_in_one_go(path: Path, tmp_path: Path, name: str) -> None:
    options = {"persistent": name != "reference", "freeze": name != "trained"}
    model = classifier(path, **options)
    start = classifier(path, **options)
    trainer(model, tmp_path / "runs").train()
    assert not torch.equal(model.head.weight, start.head.weight)
    np.testing.assert_array_equal(embstore.open(path).vectors, ROWS)
    assert (rows_of(model.emb).tolist() == ROWS.tolist()) == (name != "trained")
    checkpoint = tmp_path / "runs" / "checkpoint-4"
    assert (sizes(checkpoint)["model.safetensors"] > TABLE_BYTES) == (name != "reference")

    resumed = classifier(path, **options)
    trainer(resumed, tmp_path / "runs").train(resume_from_checkpoint=str(checkpoint))
    assert same(resumed, model)
    assert same(Classifier.from_pretrained(tmp_path / "runs" / "checkpoint-8"), model)
    if name != "trained":
        assert is_unchanged(resumed.emb.weight)


def test_a_checkpoint_of_another_table_is_refused(path: Path, other: Path, tmp_path: Path) -> None:
    trainer(classifier(path), tmp_path / "runs").train()
    with pytest.raises(embstore.EmbstoreError, match=OTHER):
        trainer(classifier(other), tmp_path / "runs").train(
            resume_from_checkpoint=str(tmp_path / "runs" / "checkpoint-4")
        )
