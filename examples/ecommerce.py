"""A recommender model that predicts whether a customer will return.

Its features are three columns of numbers, the products purchased last as a ragged bag, the home state, and the
first five words of a review, as frozen GloVe vectors.

The data is synthetic: customers who wrote a kind review or bought product 7 tend to return.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

import embstore
from embstore import Embedding, EmbeddingBag, Tables

GLOVE = Path(__file__).parents[1] / "formats/glove/valid/glove.6B.50d.sample.txt"
STATES = ["CA", "NY", "TX", "WA"]
KIND = ["good", "great", "excellent", "wonderful", "fantastic"]
UNKIND = ["bad", "terrible", "awful", "horrible", "worst"]


def make_rows(count: int) -> list[dict[str, Any]]:
    """Generate customers."""
    return [make_row(random.Random(i)) for i in range(count)]


def make_row(chance: random.Random) -> dict[str, Any]:
    """Generate a customer. Some bought nothing."""
    kind = chance.random() < 0.5
    purchased = [f"product{chance.randrange(20)}" for _ in range(chance.randrange(5))]
    verdict = chance.choice(KIND if kind else UNKIND)
    back = 0.8 * kind + 0.2 * ("product7" in purchased) > chance.random() * 0.8
    return {
        "age": chance.gauss(0, 1),
        "visits": chance.gauss(0, 1),
        "basket": chance.gauss(0, 1),
        "purchased": purchased,
        "state": chance.choice(STATES),
        "review": chance.choice([["This", "was", verdict, "!"], ["very", verdict, "quality", "and", "price", "too"]]),
        "back": float(back),
    }


class Model(torch.nn.Module):
    """The concatenated features of the tables, and two linear layers."""

    def __init__(self, tables: Tables) -> None:
        super().__init__()
        self.tables = tables
        self.hidden, self.score = torch.nn.Linear(tables.out_features, 32), torch.nn.Linear(32, 1)

    def forward(self, batch: Any) -> torch.Tensor:
        """Look up, concatenate, and score: (n,)."""
        hidden = torch.relu(self.hidden(self.tables(batch, concat=True)))
        return self.score(hidden).squeeze(1)  # type: ignore[no-any-return]


def make_tables(glove: Path) -> Tables:
    """Return one layer per feature, each with its own policy for unknown words."""
    return Tables(
        {
            # The catalogue keeps growing: products are hashed into 64 trainable rows.
            "purchased": EmbeddingBag.from_vocabulary([], 8, oov="hash:64", mode="mean", std=0.1),
            "state": Embedding.from_vocabulary(STATES, 4, oov="zero"),
            # The special rows are in the file: no copy is needed. persistent=False keeps the weight out of checkpoints.
            "review": Embedding.from_pretrained(glove, padding=True, persistent=False),
        },
        dense=["age", "visits", "basket"],
        targets=["back"],
        lengths={"review": 5},
    )


def train(model: Model, loader: DataLoader[Any], optimizer: torch.optim.Optimizer) -> float:
    """Train for one epoch and return the mean loss."""
    losses = []
    for batch in loader:
        loss = torch.nn.functional.binary_cross_entropy_with_logits(model(batch), batch["back"])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


def main() -> None:
    """Train for a few epochs and print the loss of each."""
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        glove = Path(folder) / "glove.safetensors"
        embstore.convert(GLOVE, glove, oov="lower,hash:100", padding=True)
        model = Model(make_tables(glove))
        rows: Any = make_rows(2000)
        loader = DataLoader[Any](rows, batch_size=50, shuffle=True, collate_fn=model.tables.collate)
        trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
        optimizer = torch.optim.Adam(trainable, lr=0.01)
        print(f"{model.tables.out_features} features, {sum(map(torch.numel, trainable)):,} trainable parameters")
        for epoch in range(5):
            print(f"epoch {epoch + 1}: loss {train(model, loader, optimizer):.3f}")
        saved = sum(value.numel() for value in model.state_dict().values() if value.is_floating_point())
        print(f"a checkpoint contains {saved:,} numbers, and the sha256 of {glove.name}")


if __name__ == "__main__":
    main()
