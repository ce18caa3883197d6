"""A Lightning module over real GloVe vectors: its head is trained first, then the vectors too.

While the vectors are frozen, checkpoints have a reference to their store in place of them. Training them copies the
pages that it changes, and never changes the store. It needs ``pip install lightning``.
"""

from __future__ import annotations

import logging
import tempfile
import warnings
from pathlib import Path

import torch
from lightning import LightningModule, Trainer
from torch.utils.data import DataLoader

import embstore

GLOVE = Path(__file__).parents[1] / "formats/glove/valid/glove.6B.50d.sample.txt"
KIND = ["good", "great", "best", "happy", "excellent", "well", "better", "love"]
UNKIND = ["bad", "worst", "poor", "terrible", "killed", "attack", "lost", "death"]
Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


class Reviews(LightningModule):  # type: ignore[misc]
    """The mean of a review's vectors, and a linear layer that says whether the review is kind."""

    def __init__(self, store: str, trained: bool = False) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.words = embstore.EmbeddingBag.from_pretrained(
            store, mode="mean", oov="lower,skip", freeze=not trained, persistent=trained
        )
        self.score = torch.nn.Linear(self.words.embedding_dim, 1)
        self.losses: list[float] = []

    def collate(self, reviews: list[tuple[list[str], float]]) -> Batch:
        """Encode a batch of reviews and their targets."""
        values, offsets = self.words.encode([words for words, _ in reviews])
        return values, offsets, torch.tensor([kind for _, kind in reviews])

    def training_step(self, batch: Batch) -> torch.Tensor:
        """Return the loss of a batch."""
        values, offsets, kind = batch
        scores = self.score(self.words(values, offsets)).squeeze(1)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(scores, kind)
        self.losses.append(loss.item())
        return loss

    def on_train_epoch_end(self) -> None:
        """Print the mean loss."""
        print(f"epoch {self.current_epoch + 1}: loss {sum(self.losses) / len(self.losses):.3f}")
        self.losses.clear()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Train what is not frozen."""
        return torch.optim.SGD([p for p in self.parameters() if p.requires_grad], lr=1.0)


def fit(model: Reviews, folder: Path, checkpoint: Path) -> None:
    """Train for three epochs, and save a checkpoint."""
    reviews = [
        ([first, "and", second], kind)
        for words, kind in ((KIND, 1.0), (UNKIND, 0.0))
        for first in words
        for second in words
    ]
    trainer = Trainer(
        max_epochs=3,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
    )
    trainer.fit(model, DataLoader(reviews, batch_size=8, shuffle=True, collate_fn=model.collate))  # type: ignore[arg-type]
    trainer.save_checkpoint(checkpoint)
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    print(f"{trained:,} trained numbers, checkpoint of {checkpoint.stat().st_size:,} bytes")


def main() -> None:
    """Train the head, load it, and go on with the vectors."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")  # about its own code, and the workers that this needs not
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = embstore.convert(GLOVE, folder / "glove.safetensors").target
        fit(Reviews(str(store)), folder, folder / "head.ckpt")

        head = Reviews.load_from_checkpoint(folder / "head.ckpt")
        model = Reviews(str(store), trained=True)
        model.score.load_state_dict(head.score.state_dict())
        fit(model, folder, folder / "all.ckpt")

        glove = embstore.open(store)
        glove.verify()  # raises an error if training had changed the file
        moved = (model.words.weight.detach() - torch.from_numpy(glove.vectors.copy())).norm(dim=1)
        farthest = moved.argsort(descending=True)[:3].tolist()
        print(f"{int((moved > 0).sum())} of {len(glove):,} vectors moved; the store's did not")
        print("moved farthest: " + ", ".join(f"{glove.itos[row]} {moved[row]:.2f}" for row in farthest))


if __name__ == "__main__":
    main()
