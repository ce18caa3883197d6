"""The store format as one codec among others (formats/store/SPEC.md)."""

from __future__ import annotations

from pathlib import Path

from embstore.core.batch import Source
from embstore.core.options import AS_IS, Progress, ReadOptions, WriteOptions
from embstore.files.input import Input
from embstore.store.source import store_source
from embstore.store.store import map_input
from embstore.store.writer import write_store


def read(source: Input, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read a store's vocabulary and rows, and of its special rows those that nothing else can make again."""
    del options
    return store_source(map_input(source, advise="sequential"), progress)


def write(path: str | Path, source: Source, options: WriteOptions = AS_IS) -> None:
    """Write a store, whole or not at all."""
    write_store(path, source, duplicates=options.duplicates)
