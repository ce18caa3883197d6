"""The store format as one codec among others (formats/store/SPEC.md)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from embstore import layout
from embstore.batch import Batch, Duplicates, Progress, ReadOptions, Source
from embstore.dtypes import decode_rows, dim_of
from embstore.mapping import map_store
from embstore.writer import write_store

NAME = "store"
BATCH = 1 << 20  # bytes of vectors


def read(path: str | Path, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read a store's vocabulary and rows; the special rows are left out."""
    del options
    found = map_store(Path(path), "sequential")
    raw, vocab, dtype = found.raw, found.vocab, found.dtype

    def batches() -> Iterator[Batch]:
        step = max(1, BATCH // raw.strides[0])
        for start in range(0, vocab.size, step):
            stop = min(start + step, vocab.size)
            rows = raw[start:stop]
            codes = rows if dtype == "int8" else None
            yield Batch(vocab.tokens(start, stop), decode_rows(rows, dtype), codes)
            if progress:
                progress(stop * raw.strides[0], vocab.size * raw.strides[0])

    return Source(
        dim=dim_of(raw, dtype),
        batches=batches(),
        dtype=dtype,
        rows=vocab.size,
        provenance=lambda: {"name": Path(path).name, "format": NAME, **_origin(found.metadata)},
    )


def _origin(metadata: dict[str, str]) -> dict[str, str]:
    """Return what a store made from this one says of its source: the checksum of its rows."""
    digest = metadata.get(f"embstore.sha256.{layout.WEIGHT}")
    return {"sha256": digest} if digest else {}


def write(path: str | Path, source: Source, *, duplicates: Duplicates = "first") -> None:
    """Write a store, whole or not at all."""
    write_store(path, source, duplicates=duplicates)
