"""A table of one's own as a store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from embstore.atomic import check_target
from embstore.batch import Batch, Dtype, Source, Tokens
from embstore.report import warn
from embstore.stages import Selection
from embstore.writer import write_store


def save(
    path: str | Path,
    tokens: Sequence[str],
    vectors: Any,
    *,
    dtype: Dtype | None = None,
    overwrite: bool = False,
) -> None:
    """Write a table of your own as a store.

    Parameters
    ----------
    path
        Appears when all is written.
    tokens
        Distinct words.
    vectors
        (tokens, dim), floating; anything that `numpy.asarray` takes.
    dtype
        What to keep the values as; None keeps float16 and makes float32 of the rest.
    overwrite
        Replace the file if it exists.

    Raises
    ------
    ValueError
        Where the shapes do not fit, the values are not floating, or a token comes twice.
    """
    check_target(path, overwrite=overwrite)
    matrix = np.asarray(vectors)
    if matrix.ndim != 2 or len(matrix) != len(tokens) or not matrix.shape[1]:
        raise ValueError(f"{len(tokens)} tokens need vectors of shape ({len(tokens)}, dim), not {matrix.shape}")
    if matrix.dtype.kind != "f":
        raise ValueError(f"vectors of {matrix.dtype} must be made floating first, which says what they become")
    batches = (Batch(Tokens.pack(tokens[i : i + 65536]), matrix[i : i + 65536]) for i in range(0, len(tokens), 65536))
    kept: Dtype = "float16" if matrix.dtype.itemsize == 2 else "float32"
    source = Source(dim=matrix.shape[1], batches=batches, dtype=kept, rows=len(tokens))
    source = Selection(dtype).apply(source)
    write_store(path, source, duplicates="error")
    warn(source.findings)
