"""Words that are not in a vocabulary; converted to strings or packed only when an ending or back-off needs that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embstore.core.batch import Ints, Tokens
from embstore.words.columns import Column


@dataclass(frozen=True, slots=True)
class MissingWords:
    """Some words of a column.

    Attributes
    ----------
    column
        The column, which also has other words.
    positions
        Positions of the words in the column, int64 of shape (words,).
    """

    column: Column
    positions: Ints

    def __len__(self) -> int:
        return len(self.positions)

    def strings(self) -> list[str]:
        """Return the words as str."""
        return self.column.words_at(self.positions)

    def packed(self) -> Tokens:
        """Return the words, packed."""
        return self.column.packed_at(self.positions)

    def distinct(self) -> tuple[list[str], Ints]:
        """Return the distinct words in order, and the position of each word in that list, int64 of shape (words,)."""
        codes: dict[str, int] = {}
        positions = [codes.setdefault(word, len(codes)) for word in self.strings()]
        return list(codes), np.array(positions, np.int64)
