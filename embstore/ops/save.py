"""`embstore.save`: writes tokens and an array of vectors as a store."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from embstore.codecs.registry.table import codec_named
from embstore.core.batch import Batch, Source
from embstore.core.index import pack_tokens
from embstore.core.options import Dtype, WriteOptions
from embstore.files.atomic import check_target
from embstore.files.os_errors import errors_naming
from embstore.ops.matrices import MatrixLike, as_matrix
from embstore.ops.report import warn
from embstore.ops.selection import Selection
from embstore.words.columns import in_row_order

BLOCK = 65536  # rows in a batch


def save(
    path: str | Path,
    tokens: Iterable[str],
    vectors: MatrixLike,
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
        Distinct words: a list, or a column of strings; or a mapping from word to row, such as
        ``tokenizer.get_vocab()``, whose order does not matter.
    vectors
        Floating numbers of shape (tokens, dim): an array or anything that `numpy.asarray` converts to one; a tensor,
        on any device and with or without gradients; a data frame of numbers; or the rows one by one, as a list, a
        pandas Series or an Arrow column of arrays, lists or tensors of equal length.
    dtype
        Dtype to store the rows as. By default float16 and bfloat16 stay as they are, and all else becomes float32.
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
        UTF-8. Names the first row of another length, or that is not of numbers.

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
    matrix = as_matrix(vectors, len(words))
    steps = ((start, min(start + BLOCK, len(words))) for start in range(0, len(words), BLOCK))
    batches = (Batch(pack_tokens(words[i:j], i), matrix.block(i, j)) for i, j in steps)
    source = Source(dim=matrix.dim, batches=batches, dtype=matrix.dtype, rows=len(words))
    write_rows(path, selection.apply(source), overwrite=overwrite)


def write_rows(path: str | Path, source: Source, *, overwrite: bool) -> None:
    """Write a source of distinct tokens as a store, and warn of its findings."""
    with errors_naming(path):
        codec_named("store").writer().write(path, source, WriteOptions(duplicates="error", overwrite=overwrite))
    warn(source.findings)


def _distinct_words(tokens: Iterable[str]) -> list[str]:
    """Return the tokens as a list; TypeError if one is not a str, ValueError if one is repeated."""
    if isinstance(tokens, str):
        raise TypeError(f"expected a list of tokens, not one string: {tokens!r}")
    first: dict[str, int] = {}
    tokens = in_row_order(tokens)
    words: list[str] = tokens.to_pylist() if hasattr(tokens, "to_pylist") else list(tokens)  # of a column of pyarrow
    for row, word in enumerate(words):
        if not isinstance(word, str):
            raise TypeError(f"token {row} is {word!r}, expected a str")
        if first.setdefault(word, row) != row:
            raise ValueError(f"the token {word!r} appears twice, as token {first[word]} and {row}: give each once")
    return words
