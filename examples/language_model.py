"""A language model: batches of two windows with sequence length 5, and targets shifted by one word.

The vocabulary is reduced to the words of the text, with their rows of a real GloVe table, so that an id is both input
and target. A small recurrent network memorizes the text.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch.utils.data import DataLoader, Dataset

import embstore
from embstore import Embedding, Vocabulary

GLOVE = Path(__file__).parents[1] / "formats/glove/valid/glove.6B.50d.sample.txt"
SEQUENCE_LENGTH, BATCH_SIZE = 5, 2
TEXT = """
the king and the queen saw a frog . the frog saw the king . the queen saw the cat and the dog .
the dog saw a cat . the cat saw a toad and the toad saw the frog . a princess saw the frog and the king .
"""


class Windows(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Consecutive windows of ids as inputs, and the same windows shifted by one word as targets.

    Parameters
    ----------
    ids
        Ids of the text, int64 (words,).
    length
        Number of words in a window.
    """

    def __init__(self, ids: torch.Tensor, length: int) -> None:
        self.ids, self.length = ids, length

    def __len__(self) -> int:
        return (len(self.ids) - 1) // self.length

    def __getitem__(self, window: int) -> tuple[torch.Tensor, torch.Tensor]:
        start = window * self.length
        return self.ids[start : start + self.length], self.ids[start + 1 : start + self.length + 1]


class Model(torch.nn.Module):
    """Frozen embeddings, a recurrent layer, and a linear layer that scores all words."""

    def __init__(self, embedding: Embedding) -> None:
        super().__init__()
        self.embedding = embedding
        self.recurrent = torch.nn.GRU(embedding.embedding_dim, 64, batch_first=True)
        self.scores = torch.nn.Linear(64, embedding.num_embeddings)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the scores of the next word at each position: (batch, length) to (batch, length, words)."""
        hidden, _ = self.recurrent(self.embedding(ids))
        return self.scores(hidden)  # type: ignore[no-any-return]


def main() -> None:
    """Show one batch, then train and print the loss."""
    torch.manual_seed(0)
    text = TEXT.split()
    words = list(Vocabulary.from_tokens(text).itos)  # most frequent first
    embedding = Embedding.from_pretrained(embstore.open(GLOVE)[words], tokens=words)
    loader = DataLoader(Windows(embedding.encode(text), SEQUENCE_LENGTH), BATCH_SIZE, shuffle=True)
    for inputs, targets in zip(*next(iter(loader)), strict=True):
        print(" ".join(words[i] for i in inputs.tolist()), "->", " ".join(words[i] for i in targets.tolist()))
    model = Model(embedding)
    optimizer = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), lr=0.01)
    for epoch in range(10):
        losses = []
        for inputs, targets in loader:
            loss = torch.nn.functional.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1}: loss {sum(losses) / len(losses):.3f}")


if __name__ == "__main__":
    main()
