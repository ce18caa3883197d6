"""Rows as JSON: strings, and lists of numbers with the fewest digits that read back to the same float32."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from embstore.codecs.shared.decimal import WIDEST, number_lines
from embstore.codecs.tables.tokens import unwritable
from embstore.core.batch import Source
from embstore.core.errors import FormatError
from embstore.core.limits import MAX_LINE, MAX_TOKEN

ESCAPED = 6  # bytes of a character in JSON at most for each of its bytes


def json_rows(source: Source, path: str | Path, name: str) -> Iterator[list[tuple[bytes, bytes]]]:
    """Yield the rows of each batch: the word and the list of numbers as JSON.

    Raises
    ------
    FormatError
        For a word that is not UTF-8 and for NaN and infinite numbers, which JSON does not have; without rows.
    """
    if source.dim * (WIDEST + 1) > MAX_LINE - ESCAPED * MAX_TOKEN:
        raise FormatError(path, f"{source.dim:,} numbers make lines too long to read back: write a store", format=name)
    rows = 0
    for batch in source.batches:
        bad = next(unwritable(batch.tokens), None)
        if bad is not None:
            raise FormatError(path, f"the token {bad!r:.60} would not read back; a store keeps it", format=name)
        vectors = np.asarray(batch.vectors, np.float32)
        infinite = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
        if len(infinite):
            row = int(infinite[0])
            token = batch.tokens[row : row + 1].data.tobytes().decode("utf-8", "replace")[:60]
            reason = f"the token {token!r} has a number that is NaN or infinite, which JSON has not: write a store"
            raise FormatError(path, reason, format=name)
        words = (json.dumps(token.decode(), ensure_ascii=False).encode() for token in batch.tokens.to_bytes())
        yield [(word, _as_list(line)) for word, line in zip(words, number_lines(vectors, b", "), strict=True)]
        rows += len(batch.tokens)
    if not rows:
        raise FormatError(path, "no rows to write: the input holds none, or all were left out", format=name)


def _as_list(line: bytes) -> bytes:
    """Return a line of numbers as a list; ``-0`` is a whole number in Python's JSON, which has no sign of zero."""
    numbers = b"[%s]" % line.rstrip(b"\n")
    if b"-0," in numbers or b"-0]" in numbers:
        numbers = numbers.replace(b" -0,", b" -0.0,").replace(b"[-0,", b"[-0.0,")
        numbers = numbers.replace(b" -0]", b" -0.0]").replace(b"[-0]", b"[-0.0]")
    return numbers
