"""An array that grows batch by batch without a second copy of its rows in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

STEP = 8  # a full array grows by this fraction of its rows


class GrowingRows:
    """An array that grows in place by an eighth, so that memory is never allocated for rows that only a header states.

    Parameters
    ----------
    columns, dtype
        Number of columns and dtype of the rows.
    expected
        Number of rows, if known. Limits the growth, but more rows may be added.
    """

    def __init__(self, columns: int, dtype: str, expected: int | None = None) -> None:
        self._rows, self._count, self._expected = np.empty((0, columns), dtype), 0, expected

    def add(self, rows: NDArray[Any]) -> None:
        """Append a copy of rows."""
        stop = self._count + len(rows)
        if stop > len(self._rows):
            capacity = max(stop, len(self._rows) + len(self._rows) // STEP)
            if self._expected is not None and stop <= self._expected:
                capacity = min(capacity, self._expected)
            self._resize(capacity)
        self._rows[self._count : stop] = rows
        self._count = stop

    def finish(self) -> NDArray[Any]:
        """Return all rows. Drop the array and all views of it before adding more rows."""
        self._resize(self._count)
        return self._rows

    def _resize(self, rows: int) -> None:
        if rows != len(self._rows):
            # the system moves the pages of a large array without copying; a new array would double the memory
            self._rows.resize((rows, self._rows.shape[1]), refcheck=False)
