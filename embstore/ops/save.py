"""`embstore.save`: writes tokens and an array of vectors as a store."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from embstore.codecs.registry.table import codec_named
from embstore.core.batch import Batch, Source
from embstore.core.index import pack_tokens
from embstore.core.options import Dtype, WriteOptions
from embstore.files.atomic import check_target
from embstore.files.os_errors import errors_naming
from embstore.ops.report import warn
from embstore.ops.selection import Selection

BLOCK = 65536  # rows in a batch


def save(
    path: str | Path,
    tokens: Iterable[str],
    vectors: ArrayLike,
    *,
    dtype: Dtype | None = None,
    overwrite: bool = False,
) -> None:
    """Write tokens and their vectors as a store.

    Parameters
    ----------
    path
        The file to write. It appears only when it is complete.
    tokens
        Distinct words.
    vectors
        Floating array of shape (tokens, dim), or anything that `numpy.asarray` converts to one.
    dtype
        Dtype to store the rows as. By default float16 stays float16, and all else becomes float32.
    overwrite
        Replace the file if it exists.

    Raises
    ------
    FileExistsError
        If `path` exists and `overwrite` is False.
    TypeError
        If `tokens` is a single string, or one of them is not a str.
    ValueError
        If the shapes do not match, the vectors are not floating, a token is repeated, or one cannot be encoded as
        UTF-8.

    Examples
    --------
    >>> embstore.save("pets.safetensors", ["cat", "dog"], [[0.5, 1.0], [2.0, -1.0]])
    >>> pets = embstore.open("pets.safetensors")
    >>> pets
    <Store pets.safetensors: 2 x 2 float32, mapped>
    >>> pets["dog"]
    array([ 2., -1.], dtype=float32)
    """
    selection = Selection(dtype)
    check_target(path, overwrite=overwrite)
    words = _distinct_words(tokens)
    matrix = np.asarray(vectors)
    if matrix.ndim != 2 or len(matrix) != len(words) or not matrix.shape[1]:
        raise ValueError(f"{len(words)} tokens need vectors of shape ({len(words)}, dim), not {matrix.shape}")
    if matrix.dtype.kind != "f":
        raise ValueError(f"vectors of {matrix.dtype}: expected a floating dtype; convert them with astype first")
    batches = (Batch(pack_tokens(words[i : i + BLOCK], i), matrix[i : i + BLOCK]) for i in range(0, len(words), BLOCK))
    default: Dtype = "float16" if matrix.dtype.itemsize == 2 else "float32"
    source = selection.apply(Source(dim=matrix.shape[1], batches=batches, dtype=default, rows=len(words)))
    with errors_naming(path):
        codec_named("store").writer().write(path, source, WriteOptions(duplicates="error", overwrite=overwrite))
    warn(source.findings)


def _distinct_words(tokens: Iterable[str]) -> list[str]:
    """Return the tokens as a list; TypeError if one is not a str, ValueError if one is repeated."""
    if isinstance(tokens, str):
        raise TypeError(f"expected a list of tokens, not one string: {tokens!r}")
    first: dict[str, int] = {}
    words = list(tokens)
    for row, word in enumerate(words):
        if not isinstance(word, str):
            raise TypeError(f"token {row} is {word!r}, expected a str")
        if first.setdefault(word, row) != row:
            raise ValueError(f"the token {word!r} appears twice, as token {first[word]} and {row}: give each once")
    return words
