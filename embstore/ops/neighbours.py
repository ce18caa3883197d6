"""How many of the nearest words stay the same from one table to another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from embstore.core.batch import Ints, Vectors
from embstore.search.exact import most_similar_batch
from embstore.store.store import Store

QUERIES = 1000  # the first words, which are the most frequent in most tables
NEAREST = 10


def neighbours_kept(first: Store, own: Ints, second: Store, others: Ints) -> float | None:
    """Share of the nearest words in the first table that are nearest in the second too.

    Parameters
    ----------
    first, own
        A table, and its rows that are to be searched, rising: those of the words that both tables have.
    second, others
        Another, and its rows of the same words.

    Returns
    -------
    A number from 0 to 1 over the ten nearest, exactly, of the first 1,000 words; None where no word is near another.
    """
    names = _Names(first, own)
    words = [names[i] for i in range(min(QUERIES, len(own)))]
    before = most_similar_batch(_Rows(first, own, names), words, NEAREST)
    after = most_similar_batch(_Rows(second, others, names), words, NEAREST)
    found = sum(map(len, before))
    kept = sum(len(dict(a).keys() & dict(b).keys()) for a, b in zip(before, after, strict=True))
    return kept / found if found else None


class _Names(Sequence[str]):
    """The words of some rows of a table."""

    def __init__(self, table: Store, rows: Ints) -> None:
        self.table, self.chosen = table, rows

    @overload
    def __getitem__(self, item: int) -> str: ...
    @overload
    def __getitem__(self, item: slice) -> list[str]: ...
    def __getitem__(self, item: int | slice) -> str | list[str]:
        if isinstance(item, slice):
            return [self[i] for i in range(*item.indices(len(self)))]
        return self.table.itos[int(self.chosen[item])]

    def __len__(self) -> int:
        return len(self.chosen)

    def positions(self, words: list[str]) -> Ints:
        """Positions of words that are among them."""
        return np.searchsorted(self.chosen, self.table.rows(words))


class _Rows:
    """Some rows of a table under the words that another has for them, as `search` takes a table."""

    def __init__(self, table: Store, chosen: Ints, names: _Names) -> None:
        self.table, self.chosen, self.itos = table, chosen, names
        self.dim, self.norms = table.dim, None

    norms: NDArray[np.float32] | None

    def __len__(self) -> int:
        return len(self.chosen)

    def rows(self, words: list[str]) -> Ints:
        """Positions of words that are among them."""
        return self.itos.positions(words)

    def block(self, start: int, stop: int) -> Vectors:
        """Rows [start, stop), copied."""
        return self.table.gather(self.chosen[start:stop])
