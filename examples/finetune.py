"""Fine-tune real GloVe vectors, save them as a store, and load them again.

GloVe places words side by side that occur in the same sentences, so that `good` is near to `bad`. Training on reviews
moves them apart. Two worker processes turn words into ids; each maps the file of the words, none copies it. The reviews
are synthetic, and some of their words are unknown to GloVe: these get rows by hashing, which are trained and saved too.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

import embstore
from embstore import EmbeddingBag, Encoder, Store

GLOVE = Path(__file__).parents[1] / "formats/glove/valid/glove.6B.50d.sample.txt"
KIND = ["good", "great", "excellent", "wonderful", "fantastic", "superduper"]
UNKIND = ["bad", "terrible", "awful", "horrible", "worst", "meh"]
OTHERS = ["This", "was", "quality", "price", "product", "very", "the", "and"]
POLICY = "lower,hash:50"
Review = tuple[list[str], float]
Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def make_reviews(count: int) -> list[Review]:
    """Generate reviews of six words, and whether they are kind."""
    chance = random.Random(0)
    reviews = []
    for _ in range(count):
        kind = chance.random() < 0.5
        words = [*chance.sample(OTHERS, 4), *chance.sample(KIND if kind else UNKIND, 2)]
        reviews.append((chance.sample(words, len(words)), float(kind)))
    return reviews


class Collate:
    """Encodes a batch of reviews; it is sent to the workers as the path of the store and the policy."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    def __call__(self, reviews: list[Review]) -> Batch:
        """Return ids and offsets, as the bag takes them, and the targets."""
        bags = self.encoder.encode_bags([words for words, _ in reviews])
        targets = torch.tensor([kind for _, kind in reviews])
        return torch.from_numpy(bags.values), torch.from_numpy(bags.offsets), targets


class Model(torch.nn.Module):
    """The mean of the words' vectors, and one linear layer."""

    def __init__(self, words: EmbeddingBag) -> None:
        super().__init__()
        self.words = words
        self.score = torch.nn.Linear(words.embedding_dim, 1)

    def forward(self, values: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
        """Score reviews: (reviews,)."""
        return self.score(self.words(values, offsets)).squeeze(1)  # type: ignore[no-any-return]


def train(model: Model, loader: DataLoader[Any]) -> None:
    """Train for a few epochs and print the loss of each."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for epoch in range(4):
        losses = []
        for values, offsets, targets in loader:
            loss = torch.nn.functional.binary_cross_entropy_with_logits(model(values, offsets), targets)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1}: loss {sum(losses) / len(losses):.3f}")


def show(name: str, store: Store) -> None:
    """Print the neighbours of a word, and how near it is to its opposite."""
    near = ", ".join(f"{word} {cosine:.2f}" for word, cosine in store.most_similar("good", topn=4))
    cosines = dict(store.most_similar("good", topn=len(store)))
    print(f"{name}: near to good are {near}; the cosine of good and bad is {cosines['bad']:.2f}")


def main() -> None:
    """Train, save, load, and compare."""
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        glove, trained = Path(folder) / "glove.safetensors", Path(folder) / "reviews.safetensors"
        embstore.convert(GLOVE, glove)
        words = EmbeddingBag.from_pretrained(glove, oov=POLICY, freeze=False)
        reviews: Any = make_reviews(2000)
        collate = Collate(Encoder(embstore.open(glove), POLICY))
        loader = DataLoader[Any](reviews, batch_size=50, shuffle=True, num_workers=2, collate_fn=collate)
        train(Model(words), loader)
        words.save(trained)
        show("before", embstore.open(glove))
        show("after", embstore.open(trained))

        again = EmbeddingBag.from_pretrained(trained)  # frozen and mapped; the policy and its rows are in the file
        bags = [["a", "Wonderful", "superduper", "product"], ["meh", "unseen"], []]
        same = torch.equal(again(*again.encode(bags)), words(*words.encode(bags)))
        stored = embstore.open(trained).metadata
        print(f"{trained.name}: from {stored['embstore.source.name']}, policy {stored['embstore.oov']}, same: {same}")


if __name__ == "__main__":
    main()
