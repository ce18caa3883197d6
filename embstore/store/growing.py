"""Rows in memory that come a batch at a time and are never there twice."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

STEP = 8  # a part of what is there is room for more


class GrowingRows:
    """An array that grows in place by its eighth: nothing is allocated because a header says how many rows come.

    Parameters
    ----------
    columns, dtype
        Of a row.
    expected
        How many rows will come, where that is known: not believed, but no room is made beyond.
    """

    def __init__(self, columns: int, dtype: str, expected: int | None = None) -> None:
        self._rows, self._count, self._expected = np.empty((0, columns), dtype), 0, expected

    def add(self, rows: NDArray[Any]) -> None:
        """Copy rows after those that are there."""
        stop = self._count + len(rows)
        if stop > len(self._rows):
            room = max(stop, len(self._rows) + len(self._rows) // STEP)
            if self._expected is not None and stop <= self._expected:
                room = min(room, self._expected)
            self._resize(room)
        self._rows[self._count : stop] = rows
        self._count = stop

    def finish(self) -> NDArray[Any]:
        """Return all rows. Nobody may hold the array, nor a view of it, when more are added."""
        self._resize(self._count)
        return self._rows

    def _resize(self, rows: int) -> None:
        if rows != len(self._rows):
            # the system moves the pages of a large array, it copies none; a new array would need room beside the old
            self._rows.resize((rows, self._rows.shape[1]), refcheck=False)
