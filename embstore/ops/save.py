"""A table of one's own as a store."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from embstore.codecs.registry.table import codec_named
from embstore.core.batch import Batch, Source
from embstore.core.index import pack_tokens
from embstore.core.options import Dtype, WriteOptions
from embstore.files.atomic import check_target
from embstore.files.os_errors import errors_naming
from embstore.ops.report import warn
from embstore.ops.selection import Selection

BLOCK = 65536  # rows at a time


def save(
    path: str | Path,
    tokens: Iterable[str],
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
    TypeError
        Where the tokens are one string, or one of them is no string.
    ValueError
        Where the shapes do not fit, the values are not floating, a token comes twice, or one cannot be written as
        UTF-8.
    """
    selection = Selection(dtype)
    check_target(path, overwrite=overwrite)
    words = _words(tokens)
    matrix = np.asarray(vectors)
    if matrix.ndim != 2 or len(matrix) != len(words) or not matrix.shape[1]:
        raise ValueError(f"{len(words)} tokens need vectors of shape ({len(words)}, dim), not {matrix.shape}")
    if matrix.dtype.kind != "f":
        raise ValueError(f"vectors of {matrix.dtype} must be made floating first, which says what they become")
    batches = (Batch(pack_tokens(words[i : i + BLOCK], i), matrix[i : i + BLOCK]) for i in range(0, len(words), BLOCK))
    kept: Dtype = "float16" if matrix.dtype.itemsize == 2 else "float32"
    source = selection.apply(Source(dim=matrix.shape[1], batches=batches, dtype=kept, rows=len(words)))
    with errors_naming(path):
        codec_named("store").writer().write(path, source, WriteOptions(duplicates="error"))
    warn(source.findings)


def _words(tokens: Iterable[str]) -> list[str]:
    """List the tokens: strings, each once."""
    if isinstance(tokens, str):
        raise TypeError(f"expected a list of tokens, not one string: {tokens!r}")
    first: dict[str, int] = {}
    words = list(tokens)
    for row, word in enumerate(words):
        if not isinstance(word, str):
            raise TypeError(f"token {row} is {word!r}, expected a str")
        if first.setdefault(word, row) != row:
            raise ValueError(f"the token {word!r} comes twice, as number {first[word]} and {row}: give each once")
    return words
