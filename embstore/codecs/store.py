"""The codec of the store format (formats/store/SPEC.md); the work is done in `embstore.store`."""

from __future__ import annotations

from pathlib import Path

from embstore.core.batch import Source
from embstore.core.options import AS_IS, Progress, ReadOptions, WriteOptions
from embstore.files.input import Input
from embstore.store.writer import write_store


def read(source: Input, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read the vocabulary and the rows of a store, and the special rows that cannot be made, those of n-grams."""
    from embstore.store.source import store_source  # here: writing a store starts faster without
    from embstore.store.store import map_input

    del options
    return store_source(map_input(source, advise="sequential"), progress)


def write(path: str | Path, source: Source, options: WriteOptions = AS_IS) -> None:
    """Write a store; the file appears only when it is complete."""
    write_store(path, source, duplicates=options.duplicates, overwrite=options.overwrite)
