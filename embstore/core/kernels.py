"""The time-critical functions: those of `_speedups` if it was built, else those of `_native`.

Set ``EMBSTORE_PLAIN=1`` in the environment to use `_native` in any case.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_active: Any

try:
    if os.environ.get("EMBSTORE_PLAIN") == "1":
        raise ImportError("EMBSTORE_PLAIN is set")
    from embstore.core import _speedups as _active
except ImportError:
    from embstore.core import _native as _active

COMPILED = str(_active.__name__).endswith("_speedups")

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

hash_tokens: Callable[[Bytes, Ints, int], NDArray[np.uint64]] = _active.hash_tokens
find_tokens: Callable[[Bytes, Bytes, Bytes, Bytes, Ints, int], Ints] = _active.find_tokens
find_strings: Callable[[Bytes, Bytes, Bytes, list[str], int], Ints] = _active.find_strings
insert_tokens: Callable[[NDArray[np.uint64], Bytes, Ints, int, int, int, int], tuple[Ints, int]] = _active.insert_tokens
format_rows: Callable[[Bytes, Ints, NDArray[np.float32], int, Bytes, int], tuple[int, int]] = _active.format_rows
parse_rows: Callable[[Bytes, int, int, NDArray[np.float32], Bytes, Ints, int], tuple[int, int]] = _active.parse_rows
split_rows: Callable[[Bytes, int, int, bool, Bytes, Bytes, Ints, int], tuple[int, int]] = _active.split_rows
