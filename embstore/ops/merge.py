"""`embstore.concat` and `embstore.merge`: several tables become one, with the words of all or the common words."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from embstore.core.batch import Batch, Ints, Source, Tokens
from embstore.core.cures import cure, option
from embstore.core.duplicates import REPEATED
from embstore.core.options import Dtype, WriteOptions, check_choice
from embstore.ops.convert import RowCounter, dtype_to_write, target_codec, write
from embstore.ops.open import as_store
from embstore.ops.report import Report, report, warn
from embstore.ops.selection import Selection
from embstore.store.store import Store, load_store

How = Literal["first", "mean", "concat"]
TableLike = str | Path | Store

BLOCK_BYTES = 4 << 20  # of rows as float64, at a time


def concat(tables: Sequence[TableLike], how: How = "first") -> Store:
    """Combine several tables into one, in memory.

    Parameters
    ----------
    tables
        Stores, or files that `embstore.open` opens. Special rows are left out.
    how
        ``first``: all words, in order of first appearance; a word of several tables gets the row of the first of
        them. ``mean``: all words; a word of several tables gets the mean of its rows, computed in float64.
        ``concat``: the words that all tables have, in the order of the first table; their rows are concatenated, so
        dim is the sum of all dims.

    Returns
    -------
    Store in memory: of the tables' dtype if it is the same for all, else float32.

    Raises
    ------
    ValueError
        For an empty list, and, except with ``concat``, for tables of different dims.
    FormatError
        If a file is damaged or has no format that embstore reads, or if no words are left.

    Examples
    --------
    >>> embstore.save("mine.safetensors", ["frog", "qzxv"], np.ones((2, 50), np.float32))
    >>> embstore.concat(["glove.6B.50d.safetensors", "mine.safetensors"])
    <Store in memory: 400,001 x 50 float32>
    >>> common = embstore.concat(["glove.6B.50d.safetensors", "mine.safetensors"], how="concat")
    >>> common.shape, list(common.itos)
    ((1, 100), ['frog'])
    """
    source = merged_source(tables, how)
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
    normalize: bool = False,
    overwrite: bool = False,
) -> Report:
    """Combine several tables into one and write it, streamed, in any format that embstore writes.

    Stores are mapped; other files are read into memory.

    Parameters
    ----------
    tables, how
        As for `concat`.
    dst, to, dtype, normalize, overwrite
        As for `embstore.convert`. Rows are scaled after they were merged.

    Returns
    -------
    Report

    Raises
    ------
    ValueError, FormatError
        As for `concat`.
    FileExistsError
        If `dst` exists and `overwrite` is False.

    Examples
    --------
    >>> embstore.save("mine.safetensors", ["frog", "qzxv"], np.ones((2, 50), np.float32))
    >>> report = embstore.merge(["mine.safetensors", "glove.6B.50d.safetensors"], "all.safetensors")
    >>> report.rows
    400001
    >>> embstore.open("all.safetensors")["frog"][:3]
    array([1., 1., 1.], dtype=float32)
    """
    start = time.perf_counter()
    target = target_codec(dst, to, dtype, overwrite=overwrite)
    source = merged_source(tables, how)
    stores_norms = normalize and target.keeps_norms
    scales = normalize and not stores_norms
    source = Selection(dtype_to_write(dtype, source, target), normalize=scales).apply(source)
    counter = RowCounter()
    source = source.through(counter.count)
    write(source, dst, target, WriteOptions(overwrite=overwrite, normalize=stores_norms))
    warn(source.findings)
    rows = counter.rows - source.findings.counts.get(REPEATED, 0)
    return report(_label(tables), dst, source, rows, time.perf_counter() - start)


def merged_source(tables: Sequence[TableLike], how: How = "first") -> Source:
    """Return the combination of several tables as a source: see `concat`."""
    check_choice("how", how, get_args(How))
    if isinstance(tables, TableLike):
        raise TypeError(f"expected a list of tables, not one: {tables!r}")
    stores = [as_store(table) for table in tables]
    if not stores:
        raise ValueError("no tables: expected one or more")
    dtypes = {store.dtype for store in stores}
    if how != "concat":
        _check_dims(stores, how)
    batches = {"first": _first_rows, "mean": _mean_rows, "concat": _concatenated_rows}[how](stores)
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
            concatenated = cure("concatenate", f"{option(how='concat')} concatenates the rows of common words")
            raise ValueError(
                f"{_label(stores[:1])} has {stores[0].dim} dims and {_label([store])} has {store.dim}: {how} needs "
                f"equal ones; {concatenated}"
            )


def _blocks(store: Store) -> Iterator[tuple[int, Tokens]]:
    """Yield the first row and the tokens of each block of a table."""
    step = max(1, BLOCK_BYTES // (8 * store.dim))
    for start in range(0, len(store), step):
        yield start, store.vocab.tokens(start, min(start + step, len(store)))


def _new_rows(earlier_stores: Sequence[Store], store: Store) -> Iterator[tuple[Tokens, Ints]]:
    """Yield the tokens of a table that no earlier one has, and their rows, in blocks."""
    for start, tokens in _blocks(store):
        new = np.ones(len(tokens), np.bool_)
        for earlier in earlier_stores:
            new &= earlier.vocab.packed_rows(tokens) < 0
        if new.any():
            yield (tokens if new.all() else tokens.take(new)), np.flatnonzero(new) + start


def _first_rows(stores: Sequence[Store]) -> Iterator[Batch]:
    for i, store in enumerate(stores):
        for tokens, rows in _new_rows(stores[:i], store):
            yield Batch(tokens, store.gather(rows))


def _mean_rows(stores: Sequence[Store]) -> Iterator[Batch]:
    for i, store in enumerate(stores):
        for tokens, rows in _new_rows(stores[:i], store):
            total, count = store.gather(rows).astype(np.float64), np.ones((len(rows), 1))
            for later in stores[i + 1 :]:
                later_rows = later.vocab.packed_rows(tokens)
                common = np.flatnonzero(later_rows >= 0)
                with np.errstate(invalid="ignore"):  # Inf and -Inf make NaN, which Selection counts
                    total[common] += later.gather(later_rows[common])
                count[common] += 1
            yield Batch(tokens, (total / count).astype(np.float32))


def _concatenated_rows(stores: Sequence[Store]) -> Iterator[Batch]:
    first, *others = stores
    for start, tokens in _blocks(first):
        rows = [np.arange(start, start + len(tokens))] + [other.vocab.packed_rows(tokens) for other in others]
        common = np.flatnonzero(np.min(rows, axis=0) >= 0)
        if len(common):
            parts = [store.gather(own[common]) for store, own in zip(stores, rows, strict=True)]
            yield Batch(tokens if len(common) == len(tokens) else tokens.take(common), np.concatenate(parts, axis=1))
