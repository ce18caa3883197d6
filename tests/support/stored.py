"""The rows of a store as they are stored."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

import embstore


def stored(store: embstore.Store) -> NDArray[Any]:
    """All of them, the special ones too."""
    return store.block(0, len(store) + store.special, encoded=True)
