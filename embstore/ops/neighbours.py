"""Measures how many nearest neighbours of a word are the same in two tables."""

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


def neighbours_kept(first: Store, first_rows: Ints, second: Store, second_rows: Ints) -> float | None:
    """Return the share of nearest words in the first table that are also nearest in the second.

    Only the words that both tables have are searched.

    Parameters
    ----------
    first, first_rows
        A table, and its rows of the common words, increasing.
    second, second_rows
        Another table, and its rows of the same words.

    Returns
    -------
    From 0 to 1, over the ten exact nearest neighbours of the first 1,000 common words; None if no word has any
    neighbour.
    """
    names = _SelectedWords(first, first_rows)
    words = [names[i] for i in range(min(QUERIES, len(first_rows)))]
    before = most_similar_batch(_SelectedRows(first, first_rows, names), words, NEAREST)
    after = most_similar_batch(_SelectedRows(second, second_rows, names), words, NEAREST)
    found = sum(map(len, before))
    kept = sum(len(dict(a).keys() & dict(b).keys()) for a, b in zip(before, after, strict=True))
    return kept / found if found else None


class _SelectedWords(Sequence[str]):
    """The words of selected rows of a table."""

    def __init__(self, table: Store, selected: Ints) -> None:
        self.table, self.selected = table, selected

    @overload
    def __getitem__(self, item: int) -> str: ...
    @overload
    def __getitem__(self, item: slice) -> list[str]: ...
    def __getitem__(self, item: int | slice) -> str | list[str]:
        if isinstance(item, slice):
            return [self[i] for i in range(*item.indices(len(self)))]
        return self.table.itos[int(self.selected[item])]

    def __len__(self) -> int:
        return len(self.selected)

    def positions(self, words: list[str]) -> Ints:
        """Return the positions of words, all of which are selected."""
        return np.searchsorted(self.selected, self.table.rows(words))


class _SelectedRows:
    """Adapter to `search.exact.SearchedTable`: selected rows of one table under the words of another."""

    def __init__(self, table: Store, selected: Ints, names: _SelectedWords) -> None:
        self.table, self.selected, self.itos = table, selected, names
        self.dim, self.norms = table.dim, None

    norms: NDArray[np.float32] | None

    def __len__(self) -> int:
        return len(self.selected)

    def rows(self, words: list[str]) -> Ints:
        """Return the positions of words, all of which are selected."""
        return self.itos.positions(words)

    def block(self, start: int, stop: int) -> Vectors:
        """Return a copy of the selected rows [start, stop)."""
        return self.table.gather(self.selected[start:stop])
