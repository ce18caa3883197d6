"""The seam: the hot functions, compiled where `_speedups` was built, plain otherwise.

Set ``EMBSTORE_PLAIN=1`` in the environment to use the plain ones all the same.
"""

from __future__ import annotations

import os
from typing import Final

from embstore import _native

COMPILED: Final[bool]

try:
    if os.environ.get("EMBSTORE_PLAIN") == "1":
        raise ImportError("the plain functions were asked for")
    from embstore import _speedups

    COMPILED = True
    find_strings = _speedups.find_strings
    find_tokens = _speedups.find_tokens
    hash_tokens = _speedups.hash_tokens
    insert_tokens = _speedups.insert_tokens
    parse_rows = _speedups.parse_rows
except ImportError:
    COMPILED = False
    find_strings = _native.find_strings
    find_tokens = _native.find_tokens
    hash_tokens = _native.hash_tokens
    insert_tokens = _native.insert_tokens
    parse_rows = _native.parse_rows

__all__ = ["COMPILED", "find_strings", "find_tokens", "hash_tokens", "insert_tokens", "parse_rows"]
