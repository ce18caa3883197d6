"""What a layer can be made from: a store, a file, an array with or without its words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from embstore.ops.open import open as open_store
from embstore.store.store import Store

Pretrained = Any
"""A Store, a path, or a 2-D array or tensor of floating numbers."""


def open_source(source: Pretrained, tokens: Sequence[str] | None, reading: dict[str, Any]) -> Store | torch.Tensor:
    """Return a store, or the rows of an array: a view where torch can make one.

    Raises
    ------
    TypeError
        For words or options of reading that the source has no use for.
    ValueError
        For an array that is not (rows, dim), not floating, or does not fit its words.
    """
    is_path = isinstance(source, str | Path)
    if reading and not is_path:
        raise TypeError(f"{', '.join(reading)}: options of reading are for a path, not for {type(source).__name__}")
    if tokens is not None and (is_path or isinstance(source, Store)):
        raise TypeError("tokens= names the rows of an array; a file's words are read with it, or given as vocab=")
    if is_path:
        return open_store(source, **reading)
    if isinstance(source, Store):
        return source
    rows = torch.as_tensor(source).detach()
    if rows.ndim != 2 or not rows.is_floating_point():
        raise ValueError(f"the rows must be floating and (rows, dim), not {rows.dtype} of shape {tuple(rows.shape)}")
    if tokens is not None and len(tokens) != len(rows):
        raise ValueError(f"{len(tokens)} tokens for {len(rows)} rows: each row needs one")
    return rows
