"""Opening the source of a layer: a store, a file or an array."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from numpy.typing import ArrayLike

from embstore.core.errors import FormatError
from embstore.core.options import Duplicates, Progress
from embstore.ops.open import open as open_store
from embstore.ops.read import FileReading
from embstore.store.mapped import Advice
from embstore.store.store import Store

Pretrained = Store | str | Path | ArrayLike | torch.Tensor
"""A store, a path, or a 2-D floating array or tensor."""


class LayerReading(FileReading, total=False):
    """The options of `embstore.open` that `from_pretrained` takes: all but `dtype`, which is the dtype of the layer."""

    limit: int | None
    duplicates: Duplicates
    advise: Advice
    progress: Progress | None


def viewed(array: ArrayLike | torch.Tensor) -> torch.Tensor:
    """View an array as a tensor on the CPU, and a tensor where it is, whatever torch's default device.

    Hugging Face builds models under ``torch.device("meta")``, where a tensor that torch makes has no data.
    """
    return array if isinstance(array, torch.Tensor) else torch.as_tensor(array, device="cpu")


def open_source(
    source: Pretrained, tokens: Sequence[str] | None, dtype: torch.dtype | None, reading: LayerReading
) -> Store | torch.Tensor:
    """Return a store, or the rows of an array: a view if torch can make one.

    Whole numbers are converted to `dtype`, and refused without it.

    Raises
    ------
    TypeError
        If `tokens` or reading options are given for a source that does not use them.
    ValueError
        If an array is not floating, not of shape (rows, dim), or does not match `tokens`.
    """
    if reading and not isinstance(source, str | Path):
        raise TypeError(f"{', '.join(reading)}: reading options are for a path, not for {type(source).__name__}")
    if tokens is not None and isinstance(source, str | Path | Store):
        raise TypeError("tokens= is for arrays: a file contains its words, or vocab= names the file that does")
    if isinstance(source, str | Path):
        return _open(source, dtype, reading)
    if isinstance(source, Store):
        return source
    rows = viewed(source).detach()
    whole = not (rows.is_floating_point() or rows.is_complex())
    if whole and dtype is not None:
        rows = rows.to(dtype)
    if rows.ndim != 2 or not rows.is_floating_point():
        converts = "; dtype=torch.float32 converts them" if whole and rows.ndim == 2 else ""
        found = f"{rows.dtype} of shape {tuple(rows.shape)}"
        raise ValueError(f"the rows must be floating and (rows, dim), not {found}{converts}")
    if tokens is not None and len(tokens) != len(rows):
        raise ValueError(f"{len(tokens)} tokens for {len(rows)} rows: each row needs one")
    return rows


def _open(path: str | Path, dtype: torch.dtype | None, reading: LayerReading) -> Store:
    try:
        return open_store(path, **reading)
    except FormatError:
        if dtype is None:
            raise
    # The file may have whole numbers, for which the message says dtype=; for other faults it fails again.
    return open_store(path, dtype="float32", **reading)
