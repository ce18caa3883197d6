"""One row per token: drops, overwrites or refuses the rows of repeated tokens."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import get_args

import numpy as np

from embstore.core.batch import Batch, Ints, Source, Vectors
from embstore.core.cures import cure, option
from embstore.core.errors import FormatError
from embstore.core.index import VocabBuilder
from embstore.core.options import Duplicates, check_choice

REPEATED = "repeated tokens"

Overwrite = Callable[[Ints, Vectors], None]


def check_duplicates(duplicates: str) -> None:
    """Raise ValueError unless `duplicates` is one of the three rules."""
    check_choice("duplicates", duplicates, get_args(Duplicates))


def _keep_one(*, last: bool) -> str:
    if not last:
        return cure("keep-first", f"{option(duplicates='first')} keeps the first of them")
    return cure("keep-one", f"{option(duplicates='first')} or {option(duplicates='last')} keeps one of them")


def distinct(
    source: Source,
    builder: VocabBuilder,
    duplicates: Duplicates,
    path: str | Path,
    overwrite: Overwrite | None = None,
) -> Iterator[Batch]:
    """Yield the rows of new tokens, and add these tokens to the builder.

    Parameters
    ----------
    source
        Its findings count the repeated rows.
    duplicates
        ``first`` drops repeated rows, ``last`` passes them to `overwrite`, ``error`` raises FormatError.
    path
        Named in errors.
    overwrite
        Called with the numbers of rows yielded earlier, int64 of shape (n,), and their new vectors, (n, dim), in
        order; required for ``last``.
    """
    try:
        yield from _distinct(source, builder, duplicates, path, overwrite)
    finally:  # after an error, close the input even while a traceback refers to it
        if isinstance(source.batches, Generator):
            source.batches.close()


def _distinct(
    source: Source, builder: VocabBuilder, duplicates: Duplicates, path: str | Path, overwrite: Overwrite | None
) -> Iterator[Batch]:
    for batch in source.batches:
        known = builder.size
        rows = builder.add(batch.tokens)
        if builder.size - known == len(rows):
            yield batch
            continue
        highest = np.maximum.accumulate(np.concatenate(([known - 1], rows)))[:-1]
        repeated = np.flatnonzero(rows <= highest)
        token = builder.token(int(rows[repeated[0]])).decode("utf-8", "replace")[:60]
        if duplicates == "error":
            raise FormatError(path, f"the token {token!r} appears twice; {_keep_one(last=overwrite is not None)}")
        source.findings.add(REPEATED, repr(token), len(repeated))
        yield batch.take(rows > highest)
        if duplicates == "last" and overwrite is not None:
            overwrite(rows[repeated], batch.vectors[repeated])
