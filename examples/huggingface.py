"""A model of Hugging Face transformers over real GloVe vectors: trained, saved, and loaded again.

The vectors stay in their memory-mapped store. A checkpoint has the 51 numbers that are trained, and the sha256 of the
store, so that loading it over another table is an error. It needs ``pip install transformers``.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import torch

import embstore

os.environ["HF_HUB_OFFLINE"] = "1"  # nothing is downloaded

from transformers import PretrainedConfig, PreTrainedModel
from transformers.utils import logging

GLOVE = Path(__file__).parents[1] / "formats/glove/valid/glove.6B.50d.sample.txt"
REVIEWS = [
    ("a very good and great book", 1.0),
    ("this was a bad , terrible film", 0.0),
    ("the best food in town", 1.0),
    ("the worst hotel in years", 0.0),
    ("excellent service , and happy people", 1.0),
    ("awful music and poor quality", 0.0),
]


class ReviewConfig(PretrainedConfig):  # type: ignore[misc]
    """What a `ReviewModel` is built from: the path of the store, which ``config.json`` contains."""

    model_type = "embstore-review"

    def __init__(self, store: str = "", persistent: bool = False, **more: object) -> None:
        self.store, self.persistent = store, persistent
        super().__init__(**more)


class ReviewModel(PreTrainedModel):  # type: ignore[misc]
    """The mean of a review's vectors, and a linear layer that says whether the review is kind."""

    config_class = ReviewConfig

    def __init__(self, config: ReviewConfig) -> None:
        super().__init__(config)
        self.words = embstore.EmbeddingBag.from_pretrained(
            config.store, mode="mean", oov="lower,skip", persistent=config.persistent
        )
        self.score = torch.nn.Linear(self.words.embedding_dim, 1)
        self.post_init()  # transformers initializes the linear layer, and leaves the vectors alone

    def forward(self, reviews: list[str]) -> torch.Tensor:
        """Score reviews: (n,)."""
        values, offsets = self.words.encode([review.split() for review in reviews])
        scores: torch.Tensor = self.score(self.words(values, offsets))
        return scores.squeeze(1)


def train(model: ReviewModel) -> None:
    """Train on all reviews and print the loss."""
    reviews, kind = [review for review, _ in REVIEWS], torch.tensor([kind for _, kind in REVIEWS])
    optimizer = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), lr=0.1)
    for epoch in range(5):
        for _ in range(10):
            loss = torch.nn.functional.binary_cross_entropy_with_logits(model(reviews), kind)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        print(f"epoch {epoch + 1}: loss {loss.item():.3f}")


def weights_in(folder: Path) -> str:
    """Return the size of a checkpoint's weights."""
    return f"{(folder / 'model.safetensors').stat().st_size:,} bytes"


def main() -> None:
    """Train, save, load, and load over another table."""
    logging.disable_progress_bar()
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = embstore.convert(GLOVE, folder / "glove.safetensors").target
        model = ReviewModel(ReviewConfig(store=str(store)))
        print(f"{sum(p.numel() for p in model.parameters() if p.requires_grad)} trained parameters")
        train(model)

        model.save_pretrained(folder / "model")
        ReviewModel(ReviewConfig(store=str(store), persistent=True)).save_pretrained(folder / "with rows")
        print(f"checkpoint: {weights_in(folder / 'model')}; with persistent=True {weights_in(folder / 'with rows')}")

        loaded = ReviewModel.from_pretrained(folder / "model")
        for review in ("What a good day !", "A terrible day ."):
            score, again = model([review]).item(), loaded([review]).item()
            print(f"{review!r}: {score:+.2f}, loaded {again:+.2f}")

        embstore.convert(GLOVE, folder / "shorter.safetensors", limit=1000)
        try:
            ReviewModel.from_pretrained(folder / "model", store=str(folder / "shorter.safetensors"))
        except embstore.EmbstoreError as error:
            print(f"over another table: {error}")


if __name__ == "__main__":
    main()
