"""The store format as one codec among others (formats/store/SPEC.md)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from embstore.core.batch import Batch, Source
from embstore.core.dtypes import decode_rows, dim_of
from embstore.core.options import Duplicates, Progress, ReadOptions
from embstore.store.header import WEIGHT
from embstore.store.mapped import map_store
from embstore.store.writer import write_store
from embstore.words.moments import BLOCK
from embstore.words.special_rows import SpecialRows

NAME = "store"
BATCH = 1 << 20  # bytes of vectors


def read(path: str | Path, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read a store's vocabulary and rows; of the special ones those of n-grams, which nothing else can make again."""
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

    source = Source(
        dim=dim_of(raw, dtype),
        batches=batches(),
        dtype=dtype,
        rows=vocab.size,
        provenance=lambda: {"name": Path(path).name, "format": NAME, **_origin(found.metadata)},
    )
    special = SpecialRows.of_file(found.metadata, len(raw) - vocab.size)
    if special is not None and special.ending.carried:
        ngrams = raw[vocab.size + special.ending_row :]
        blocks = (ngrams[at : at + BLOCK] for at in range(0, len(ngrams), BLOCK))
        source.special = lambda _: blocks if dtype == "int8" else (decode_rows(block, dtype) for block in blocks)
        source.policy = {key: found.metadata[f"embstore.{key}"] for key in ("oov", *special.ending.header_keys)}
    return source


def _origin(metadata: dict[str, str]) -> dict[str, str]:
    """Return what a store made from this one says of its source: the checksum of its rows."""
    digest = metadata.get(f"embstore.sha256.{WEIGHT}")
    return {"sha256": digest} if digest else {}


def write(path: str | Path, source: Source, *, duplicates: Duplicates = "first") -> None:
    """Write a store, whole or not at all."""
    write_store(path, source, duplicates=duplicates)
