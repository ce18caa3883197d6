"""The store format as one codec among others (formats/store/SPEC.md)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from embstore.core.batch import Batch, Source
from embstore.core.dtypes import decode_rows, dim_of
from embstore.core.options import AS_IS, Progress, ReadOptions, WriteOptions
from embstore.files.input import Input
from embstore.store.header import WEIGHT
from embstore.store.mapped import map_store
from embstore.store.writer import write_store
from embstore.words.policy import Subword
from embstore.words.special_rows import BLOCK, Special

NAME = "store"
BATCH = 1 << 20  # bytes of vectors


def read(source: Input, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read a store's vocabulary and rows; of the special ones those of n-grams, which nothing else can make again."""
    del options
    found = map_store(source, "sequential")
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

    table = Source(
        dim=dim_of(raw, dtype),
        batches=batches(),
        dtype=dtype,
        rows=vocab.size,
        provenance=lambda: {"name": source.path.name, "format": NAME, **_origin(found.metadata)},
    )
    special = Special.of_file(found.metadata, len(raw) - vocab.size)
    if special is not None and isinstance(special.ending, Subword):
        ngrams = raw[vocab.size + special.ending_row :]
        blocks = (ngrams[at : at + BLOCK] for at in range(0, len(ngrams), BLOCK))
        table.special = lambda _: blocks if dtype == "int8" else (decode_rows(block, dtype) for block in blocks)
        table.policy = {key: found.metadata[f"embstore.{key}"] for key in ("oov", "subword")}
    return table


def _origin(metadata: dict[str, str]) -> dict[str, str]:
    """Return what a store made from this one says of its source: the checksum of its rows."""
    digest = metadata.get(f"embstore.sha256.{WEIGHT}")
    return {"sha256": digest} if digest else {}


def write(path: str | Path, source: Source, options: WriteOptions = AS_IS) -> None:
    """Write a store, whole or not at all."""
    write_store(path, source, duplicates=options.duplicates)
