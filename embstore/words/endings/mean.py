"""``mean``: unknown words become the mean of the table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from embstore.core.batch import RowBlocks
from embstore.words.endings.base import OneRow
from embstore.words.moments import moments


@dataclass(frozen=True, slots=True)
class Mean(OneRow):
    """``mean``: the mean of the rows of the table, computed in float64."""

    name: ClassVar[str] = "mean"
    usages: ClassVar[tuple[str, ...]] = ("mean",)

    def make_rows(self, table: RowBlocks, seed: int) -> Iterator[NDArray[np.float32]]:
        """Yield the mean."""
        del seed
        yield moments(table)[0][np.newaxis].astype(np.float32)
