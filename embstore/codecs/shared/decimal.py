"""Rows as decimal text: each number with the fewest digits that read back to the same float32."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from embstore.codecs.shared.line import NUMBER
from embstore.core import kernels
from embstore.core.batch import Batch, Source, Tokens, Vectors
from embstore.core.errors import FormatError
from embstore.core.limits import MAX_LINE, MAX_TOKEN
from embstore.files.atomic import write_all

WIDEST = 20  # most bytes of a number and its space, such as -1.17549435e-38


def write_rows(file: IO[bytes], source: Source, path: str | Path, name: str, *, stated: bool = False) -> Iterator[int]:
    """Write the rows of a source, yielding the number of rows of each batch after it was written.

    Parameters
    ----------
    stated
        Whether a header states the dimension, so that a token may end in a number.

    Raises
    ------
    FormatError
        For a token that would not read back unchanged.
    """
    if source.dim * WIDEST > MAX_LINE - MAX_TOKEN:
        raise FormatError(path, f"{source.dim:,} numbers make lines too long to read back: write a store", format=name)
    for batch in source.batches:
        tokens = batch.tokens.to_bytes()
        for token in unwritable_tokens(batch.tokens, tokens, stated=stated):
            shown = token[:60].decode("utf-8", "replace")
            keeps = "a store" if len(token) > MAX_TOKEN else "word2vec-bin or a store"
            raise FormatError(
                path, f"the token {shown!r} would not read back from this format; {keeps} keeps it", format=name
            )
        for text in formatted(Batch(batch.tokens, np.ascontiguousarray(batch.vectors, np.float32))):
            write_all(file, text)
        yield len(tokens)


def formatted(batch: Batch) -> Iterator[memoryview]:
    """Yield pieces of text with one token and its numbers per line; each piece is overwritten by the next."""
    tokens, vectors = batch.tokens, batch.vectors
    text = np.empty(len(tokens.data) + len(tokens) * (WIDEST * vectors.shape[1] + 1), np.uint8)
    row = 0
    while row < len(tokens):
        row, end = kernels.format_rows(tokens.data, tokens.offsets, vectors, row, text, 0)
        if row < len(tokens):  # a number that the compiled function does not format: very large, tiny, NaN
            from embstore.core import _native  # rarely needed

            one = tokens[row : row + 1]
            _, end = _native.format_rows(one.data, one.offsets, vectors[row : row + 1], 0, text, end)
            row += 1
        yield text[:end].data


def unwritable_tokens(packed: Tokens, tokens: list[bytes], *, stated: bool) -> Iterator[bytes]:
    """Yield the tokens of a batch that would not read back unchanged."""
    joined = packed.data.tobytes()
    if len(joined) > MAX_TOKEN:
        yield from (token for token in tokens if len(token) > MAX_TOKEN)
    if b"\n" in joined:
        yield from (token for token in tokens if b"\n" in token)
    if not stated and (b" " in joined or b"\t" in joined):
        for token in tokens:
            _, gap, last = token.replace(b"\t", b" ").rpartition(b" ")
            if gap and NUMBER.fullmatch(last):
                yield token  # would be read as a row with one number too many


def number_lines(vectors: Vectors, gap: bytes) -> Iterator[bytes]:
    """Yield one line of numbers, and its newline, for each vector; `gap` separates the numbers."""
    empty = Tokens(np.zeros(0, np.uint8), np.zeros(len(vectors) + 1, np.int64))
    for text in formatted(Batch(empty, np.ascontiguousarray(vectors, np.float32))):
        for line in bytes(text).split(b"\n")[:-1]:  # each begins with the space after its token
            yield line[1:].replace(b" ", gap) + b"\n"
