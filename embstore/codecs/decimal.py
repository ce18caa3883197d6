"""Rows as decimal text: each number as short as reads back to the same float32."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from embstore.batch import Source, Tokens
from embstore.codecs.lines import NUMBER
from embstore.errors import FormatError


def write_rows(file: IO[bytes], source: Source, path: str | Path, name: str, *, stated: bool = False) -> Iterator[int]:
    """Write the rows of a source, yielding how many went out after each batch.

    Parameters
    ----------
    stated
        Whether a header states the dimension, so that a token may end in a number.

    Raises
    ------
    FormatError
        For a token that would not read back.
    """
    first = True
    for batch in source.batches:
        tokens = batch.tokens.to_bytes()
        for token in unreadable(batch.tokens, tokens, first=first, stated=stated):
            shown = token.decode("utf-8", "replace")
            raise FormatError(
                path,
                f"the token {shown!r} would not read back from this format; word2vec-bin or a store keeps it",
                format=name,
            )
        first = False
        numbers = shortest(np.ascontiguousarray(batch.vectors, np.float32))
        dim = source.dim
        lines = [b"%b %b\n" % (t, b" ".join(numbers[i * dim : i * dim + dim])) for i, t in enumerate(tokens)]
        data = memoryview(b"".join(lines))
        while len(data):
            data = data[file.write(data) :]
        yield len(tokens)


def unreadable(packed: Tokens, tokens: list[bytes], *, first: bool, stated: bool) -> Iterator[bytes]:
    """Yield the tokens of a batch that would come back as something else, or as an error."""
    joined = packed.data.tobytes()
    if first and tokens and tokens[0].startswith(b"\xef\xbb\xbf"):
        yield tokens[0]  # taken for a byte order mark
    if b"\n" in joined:
        yield from (token for token in tokens if b"\n" in token)
    if not stated and (b" " in joined or b"\t" in joined):
        for token in tokens:
            _, gap, last = token.replace(b"\t", b" ").rpartition(b" ")
            if gap and NUMBER.fullmatch(last):
                yield token  # taken for a row with a number too many


def shortest(vectors: NDArray[np.float32]) -> list[bytes]:
    """Format every value with the fewest digits, in the manner of C's %g, that read back to it.

    Six digits tell apart all decimals that float32 keeps, so text of up to six digits comes back to the byte;
    nine tell apart all float32.
    """
    values = vectors.ravel().astype(np.float64)
    fields = _formatted(values, 6)
    open_ = np.arange(len(fields))
    for digits in (7, 8, 9):
        back = np.fromiter(map(float, (fields[i] for i in open_)), np.float64, len(open_))
        with np.errstate(over="ignore"):
            wrong = back.astype(np.float32) != vectors.ravel()[open_]
        open_ = open_[wrong & ~np.isnan(back)]
        if not len(open_):
            break
        for i, field in zip(open_.tolist(), _formatted(values[open_], digits), strict=True):
            fields[i] = field
    return fields


def _formatted(values: NDArray[np.float64], digits: int) -> list[bytes]:
    template = b"%%.%dg " % digits * len(values)
    return (template % tuple(values.tolist())).split(b" ")[:-1]
