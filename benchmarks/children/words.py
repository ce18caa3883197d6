"""Random words."""

from __future__ import annotations

from typing import Any

import numpy as np


def draw(count: int, distribution: str, tokens: int, seed: int) -> Any:
    """Draw rows: ``zipf``, as words occur in text (row n has 1 / (n + 1) of the share of row 0), or ``uniform``."""
    random = np.random.default_rng(seed)
    if distribution == "uniform":
        return random.integers(0, tokens, count)
    shares = np.cumsum(1 / np.arange(1, tokens + 1))
    return np.searchsorted(shares, random.random(count) * shares[-1])
