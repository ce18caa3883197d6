"""``skip``: unknown words are dropped from their bag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from embstore.core.batch import Ints
from embstore.words.endings.base import Ending, FindIds
from embstore.words.lookup import Lookup
from embstore.words.missing import MissingWords


@dataclass(frozen=True, slots=True)
class Skip(Ending):
    """``skip``: drop the word, which only bags support."""

    name: ClassVar[str] = "skip"
    usages: ClassVar[tuple[str, ...]] = ("skip",)

    @property
    def ids_per_word(self) -> int:
        """Zero: words are dropped."""
        return 0

    def bind(self, vocabulary: Lookup, first_row: int) -> FindIds:
        """Return a function that returns no ids."""
        del vocabulary, first_row
        return _no_ids


def _no_ids(words: MissingWords) -> tuple[Ints, None]:
    del words
    return np.empty(0, np.int64), None
