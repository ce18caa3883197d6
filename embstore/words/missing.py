"""Words that are not in a vocabulary, as strings or packed, made only when somebody asks for them."""

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
        The words, and others.
    positions
        Where they stand in it, int64 of shape (words,).
    """

    column: Column
    positions: Ints

    def __len__(self) -> int:
        return len(self.positions)

    def strings(self) -> list[str]:
        """Return the words as str."""
        return self.column.words_at(self.positions)

    def packed(self) -> Tokens:
        """Return the words packed."""
        return self.column.packed_at(self.positions)

    def distinct(self) -> tuple[list[str], Ints]:
        """Return each word once, in order, and the place of every word in that list, int64 of shape (words,)."""
        codes: dict[str, int] = {}
        places = [codes.setdefault(word, len(codes)) for word in self.strings()]
        return list(codes), np.array(places, np.int64)
