"""Words drawn at random."""

from __future__ import annotations

from typing import Any

import numpy as np


def draw(count: int, distribution: str, tokens: int, seed: int) -> Any:
    """Draw rows: by rank, as words occur in text (the first n-th has 1/n of the first's share), or all alike."""
    random = np.random.default_rng(seed)
    if distribution == "uniform":
        return random.integers(0, tokens, count)
    shares = np.cumsum(1 / np.arange(1, tokens + 1))
    return np.searchsorted(shares, random.random(count) * shares[-1])
