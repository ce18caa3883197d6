"""Columns as other libraries have them, and what `embstore.save` makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import embstore


class Series:
    """A column as pandas and polars have it: NumPy gets an object array of its cells."""

    def __init__(self, cells: list[Any]) -> None:
        self.dtype = np.dtype(object)
        self.cells, self.shape = cells, (len(cells),)

    def __len__(self) -> int:
        return len(self.cells)

    def __getitem__(self, label: object) -> Any:
        raise KeyError(label)  # labels are no positions

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        array = np.empty(len(self.cells), object)
        for place, cell in enumerate(self.cells):
            array[place] = cell
        return array


def assert_saved(path: Path, words: Sequence[str], rows: NDArray[Any], dtype: str) -> None:
    """Compare words, dtype and the bits of the stored rows."""
    with embstore.open(path) as store:
        store.verify()
        assert (list(store.itos), store.dtype) == (words, dtype)
        stored = store.block(0, len(store), encoded=True)
        assert stored.shape == rows.shape
        assert stored.tobytes() == rows.tobytes()
