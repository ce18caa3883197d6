"""Reads a store as a source, for conversion."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from embstore.core.batch import Batch, Source, Vectors
from embstore.core.dtypes import decode_rows
from embstore.core.options import Progress
from embstore.store.header import WEIGHT
from embstore.store.store import Store
from embstore.words.moments import BLOCK
from embstore.words.special_rows import SpecialRows

NAME = "store"
BATCH = 1 << 20  # bytes of stored rows
PREFIX = "embstore.source."


def store_source(store: Store, progress: Progress | None = None) -> Source:
    """Return the words and rows of a store as a source.

    Includes special rows that cannot be made, those of n-grams; other special rows are omitted.

    Parameters
    ----------
    store
        Must stay open until all batches are consumed.
    progress
        Called with the number of bytes read and the total number of bytes.
    """
    source = Source(
        dim=store.dim,
        batches=_batches(store, progress),
        dtype=store.dtype,
        rows=len(store),
        provenance=lambda: provenance_of(store),
    )
    special = SpecialRows.of_table(store.metadata, store.special)
    if special is not None and special.ending.rows_from_source:
        first = len(store) + special.ending_row
        source.special = lambda _: _special_rows(store, first)
        noted = {key: store.metadata.get(f"embstore.{key}") for key in ("oov", *special.ending.header_keys)}
        source.policy = {key: text for key, text in noted.items() if text is not None}
    return source


def _batches(store: Store, progress: Progress | None) -> Iterator[Batch]:
    empty = store.block(0, 0, encoded=True)
    row_bytes = empty.shape[1] * empty.itemsize
    step = max(1, BATCH // row_bytes)
    for start in range(0, len(store), step):
        stop = min(start + step, len(store))
        stored = store.block(start, stop, encoded=True)
        codes = stored if store.dtype == "int8" else None
        counts = None if store.counts is None else np.array(store.counts[start:stop], np.int64)
        yield Batch(store.vocab.tokens(start, stop), decode_rows(stored, store.dtype), codes, counts)
        if progress:
            progress(stop * row_bytes, len(store) * row_bytes)


def _special_rows(store: Store, first: int) -> Iterator[Vectors]:
    """Yield the rows from `first` on; int8 rows as stored, so that they are not rounded again."""
    end = len(store) + store.special
    for start in range(first, end, BLOCK):
        yield store.block(start, min(start + BLOCK, end), encoded=store.dtype == "int8")


def provenance_of(store: Store) -> dict[str, str]:
    """Return the provenance to record in a store made from this one.

    For a store file: its name and the checksum of its rows. For a table in memory: the provenance that it has.
    """
    if store.mapped and store.path is not None:
        digest = store.metadata.get(f"embstore.sha256.{WEIGHT}")
        return {"name": store.path.name, "format": NAME, **({"sha256": digest} if digest else {})}
    provenance = {key.removeprefix(PREFIX): text for key, text in store.metadata.items() if key.startswith(PREFIX)}
    return provenance or {"name": "memory", "format": NAME}
