"""The store format as one codec among others (formats/store/SPEC.md)."""

from __future__ import annotations

from pathlib import Path

from embstore.core.batch import Source
from embstore.core.options import Duplicates, Progress, ReadOptions
from embstore.store.source import store_source
from embstore.store.store import Store
from embstore.store.writer import write_store


def read(path: str | Path, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read a store's vocabulary and rows; of the special ones those of n-grams, which nothing else can make again."""
    del options
    return store_source(Store.open(path, advise="sequential"), progress)


def write(path: str | Path, source: Source, *, duplicates: Duplicates = "first") -> None:
    """Write a store, whole or not at all."""
    write_store(path, source, duplicates=duplicates)
