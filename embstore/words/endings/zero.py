"""``zero``: unknown words become a row of zeros."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from embstore.core.batch import RowBlocks
from embstore.words.endings.base import Ending, FindIds, same_id
from embstore.words.lookup import Lookup


@dataclass(frozen=True, slots=True)
class Zero(Ending):
    """``zero``: a row of zeros."""

    name: ClassVar[str] = "zero"
    usages: ClassVar[tuple[str, ...]] = ("zero",)

    @property
    def ids_per_word(self) -> int:
        """One: the row of zeros."""
        return 1

    @property
    def rows(self) -> int:
        """One row."""
        return 1

    def make_rows(self, table: RowBlocks, seed: int) -> Iterator[NDArray[np.float32]]:
        """Yield the row of zeros."""
        del seed
        yield np.zeros((1, table.dim), np.float32)

    def bind(self, vocabulary: Lookup, first_row: int) -> FindIds:
        """Return a function that gives every word the row of zeros."""
        del vocabulary
        return same_id(first_row)
