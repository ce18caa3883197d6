"""Matrices of any float32, as Hypothesis draws them."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis.extra import numpy as hnp

# any bits, and those that lie halfway between two numbers of bfloat16
VALUES = st.integers(0, 2**32 - 1) | st.integers(0, 2**16 - 1).map(lambda high: high << 16 | 0x8000)
MATRICES = hnp.arrays(np.uint32, st.tuples(st.integers(1, 8), st.integers(1, 5)), elements=VALUES).map(
    lambda bits: bits.view(np.float32)
)
