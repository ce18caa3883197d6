"""Words and their rows, as a word list gives them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from embstore.core.batch import Ints, Tokens


@dataclass(frozen=True, slots=True)
class WordList:
    """Words and their rows.

    Attributes
    ----------
    tokens
        The words by row.
    rows
        int64 of shape (words,), ascending; rows may be missing, and several words may share a row.
    counts
        int64 of shape (words,): how often each word was seen in the text that the vectors were made from; None if the
        list does not say.
    listed
        Whether the list has a word for each row, rather than being an object from word to row.
    """

    tokens: Tokens
    rows: Ints
    counts: Ints | None = None
    listed: bool = True

    @classmethod
    def in_order(cls, tokens: Tokens, counts: Ints | None = None) -> WordList:
        """Return a list in which word i has row i."""
        return cls(tokens, np.arange(len(tokens)), counts)

    def first(self, words: int) -> WordList:
        """Return the first words."""
        counts = None if self.counts is None else self.counts[:words]
        return replace(self, tokens=self.tokens[:words], rows=self.rows[:words], counts=counts)

    @property
    def is_whole(self) -> bool:
        """Whether word i has row i, for all words."""
        return bool((self.rows == np.arange(len(self.rows))).all())

    @property
    def named_rows(self) -> int:
        """Number of rows that have a word."""
        return int(np.count_nonzero(np.diff(self.rows))) + 1 if len(self.rows) else 0
