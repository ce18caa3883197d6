"""One table of several: all their words, or the words that each of them has with the dims side by side."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from embstore.core.batch import Batch, Ints, Source, Tokens
from embstore.core.options import Dtype, check_choice
from embstore.ops.convert import Counter, kept_dtype, target_codec, write
from embstore.ops.open import opened
from embstore.ops.report import Report, report, warn
from embstore.ops.selection import Selection
from embstore.store.store import Store, load_store

How = Literal["first", "mean", "concat"]
TableLike = str | Path | Store

BLOCK_BYTES = 4 << 20  # of rows as float64, at a time


def concat(tables: Sequence[TableLike], how: How = "first") -> Store:
    """Make one table of several, in memory.

    Parameters
    ----------
    tables
        Stores, or files that `embstore.open` opens. Their special rows are left out.
    how
        ``first``: all words, in the order in which they come; a word that several tables have gets the row of the
        first of these. ``mean``: all words; such a word gets the mean of its rows, computed in float64.
        ``concat``: the words that each table has, in the order of the first; the rows side by side, the dims added.

    Returns
    -------
    Store in memory, of the dtype that all of the tables have, otherwise float32.

    Raises
    ------
    ValueError
        For no tables, or dims that differ where they must not.
    FormatError
        Where a file is none that embstore reads, or is damaged; where no words are left.
    """
    source = merged(tables, how)
    source = Selection().apply(source)
    store = load_store(source, _label(tables))
    warn(source.findings)
    return store


def merge(
    tables: Sequence[TableLike],
    dst: str | Path,
    *,
    how: How = "first",
    to: str | None = None,
    dtype: Dtype | None = None,
    overwrite: bool = False,
) -> Report:
    """Make one table of several and write it, streamed, in any format: see `concat` and `embstore.convert`.

    `to`, `dtype` and `overwrite` are those of `embstore.convert`. Stores are mapped, other files read into memory.
    """
    start = time.perf_counter()
    target = target_codec(dst, to, dtype, overwrite=overwrite)
    source = merged(tables, how)
    source = Selection(kept_dtype(dtype, source, target)).apply(source)
    counter = Counter()
    source = source.through(counter.count)
    write(source, dst, target)
    warn(source.findings)
    return report(_label(tables), dst, source, counter.rows, time.perf_counter() - start)


def merged(tables: Sequence[TableLike], how: How = "first") -> Source:
    """Return the source of several tables made one: see `concat`."""
    check_choice("how", how, get_args(How))
    if isinstance(tables, TableLike):
        raise TypeError(f"expected a list of tables, not one: {tables!r}")
    stores = [opened(table) for table in tables]
    if not stores:
        raise ValueError("no tables: expected one or more")
    dtypes = {store.dtype for store in stores}
    if how != "concat":
        _check_dims(stores, how)
    batches = {"first": _first, "mean": _mean, "concat": _side_by_side}[how](stores)
    return Source(
        dim=sum(store.dim for store in stores) if how == "concat" else stores[0].dim,
        batches=batches,
        dtype=dtypes.pop() if len(dtypes) == 1 else "float32",
        estimate=len(stores[0]) if how == "concat" else sum(map(len, stores)),
        provenance=lambda: {"name": _label(stores), "format": "merge", "options": f"how={how}"},
    )


def _label(tables: Sequence[TableLike]) -> str:
    paths = [table.path if isinstance(table, Store) else Path(table) for table in tables]
    return " + ".join("memory" if path is None else path.name for path in paths)


def _check_dims(stores: Sequence[Store], how: How) -> None:
    for store in stores:
        if store.dim != stores[0].dim:
            raise ValueError(
                f"{_label(stores[:1])} has {stores[0].dim} dims and {_label([store])} has {store.dim}: {how} needs "
                "tables of the same; concat puts them side by side"
            )


def _blocks(store: Store) -> Iterator[tuple[int, Tokens]]:
    """Yield the first row and the tokens of each block of a table."""
    step = max(1, BLOCK_BYTES // (8 * store.dim))
    for start in range(0, len(store), step):
        yield start, store.vocab.tokens(start, min(start + step, len(store)))


def _new_rows(stores: Sequence[Store], store: Store) -> Iterator[tuple[Tokens, Ints]]:
    """Yield the words of a table that none of some others has, and their rows."""
    for start, tokens in _blocks(store):
        new = np.ones(len(tokens), np.bool_)
        for earlier in stores:
            new &= earlier.vocab.packed_rows(tokens) < 0
        if new.any():
            yield (tokens if new.all() else tokens.take(new)), np.flatnonzero(new) + start


def _first(stores: Sequence[Store]) -> Iterator[Batch]:
    for i, store in enumerate(stores):
        for tokens, rows in _new_rows(stores[:i], store):
            yield Batch(tokens, store.gather(rows))


def _mean(stores: Sequence[Store]) -> Iterator[Batch]:
    for i, store in enumerate(stores):
        for tokens, rows in _new_rows(stores[:i], store):
            total, count = store.gather(rows).astype(np.float64), np.ones((len(rows), 1))
            for later in stores[i + 1 :]:
                there = later.vocab.packed_rows(tokens)
                also = np.flatnonzero(there >= 0)
                with np.errstate(invalid="ignore"):  # Inf and -Inf make NaN, which is counted elsewhere
                    total[also] += later.gather(there[also])
                count[also] += 1
            yield Batch(tokens, (total / count).astype(np.float32))


def _side_by_side(stores: Sequence[Store]) -> Iterator[Batch]:
    first, *others = stores
    for start, tokens in _blocks(first):
        there = [np.arange(start, start + len(tokens))] + [other.vocab.packed_rows(tokens) for other in others]
        shared = np.flatnonzero(np.min(there, axis=0) >= 0)
        if len(shared):
            parts = [store.gather(rows[shared]) for store, rows in zip(stores, there, strict=True)]
            yield Batch(tokens if len(shared) == len(tokens) else tokens.take(shared), np.concatenate(parts, axis=1))
