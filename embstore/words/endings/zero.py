"""``zero``: unknown words become a row of zeros."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from embstore.core.batch import RowBlocks
from embstore.words.endings.base import OneRow


@dataclass(frozen=True, slots=True)
class Zero(OneRow):
    """``zero``: a row of zeros."""

    name: ClassVar[str] = "zero"
    usages: ClassVar[tuple[str, ...]] = ("zero",)

    def make_rows(self, table: RowBlocks, seed: int) -> Iterator[NDArray[np.float32]]:
        """Yield the row of zeros."""
        del seed
        yield np.zeros((1, table.dim), np.float32)
