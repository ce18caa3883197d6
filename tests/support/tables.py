"""Tables as tests make them and look at them: sources, stores in memory and in files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

import embstore
from embstore.core.batch import Batch, Source, Tokens
from embstore.core.options import Dtype
from embstore.store.store import Store, load_store

Rows = dict[str, list[float]]


def source(words: Sequence[str | bytes], vectors: NDArray[Any], step: int = 3, **more: Any) -> Source:
    """Return a source of these rows, ``step`` rows in a batch."""
    starts = range(0, len(words), step)
    batches = (Batch(Tokens.pack(words[at : at + step]), vectors[at : at + step]) for at in starts)
    return Source(dim=vectors.shape[1], batches=batches, **more)


def big_batches(count: int, rows: int) -> Iterator[Batch]:
    """Yield batches of 300 dimensions; each number is that of its batch."""
    for number in range(count):
        words = Tokens.pack(f"{number}.{row}" for row in range(rows))
        yield Batch(words, np.full((rows, 300), number, np.float32))


def in_memory(rows: Rows, dtype: Dtype = "float32") -> Store:
    """Return a store in memory of these words and rows."""
    vectors = np.array(list(rows.values()), np.float32)
    return load_store(source(list(rows), vectors, len(rows), dtype=dtype), "memory")


def saved(path: Path, words: Sequence[str], vectors: ArrayLike, **options: Any) -> Path:
    """Save a store and return its path."""
    embstore.save(path, words, vectors, **options)
    return path


def converted(src: Path, folder: Path, **options: Any) -> Store:
    """Convert to a store in a folder, replacing what is there; return it, opened and verified."""
    target = folder / src.with_suffix(".safetensors").name
    embstore.convert(src, target, overwrite=True, **options)
    store = embstore.open(target)
    store.verify()
    return store


def tokens_and_vectors(source: Source) -> tuple[list[bytes], NDArray[np.float32]]:
    """Read a source to its end."""
    batches = list(source.batches)
    assert [len(batch.tokens) for batch in batches] == [len(batch.vectors) for batch in batches]
    tokens = [token for batch in batches for token in batch.tokens.to_bytes()]
    return tokens, np.concatenate([batch.vectors for batch in batches])


def words_and_vectors(path: Path, **reading: Any) -> tuple[list[str], NDArray[Any]]:
    """Open a table and return its words and its vectors as an array."""
    store = embstore.open(path, **reading)
    return list(store.itos), store.vectors


def words_and_rows(path: Path, **reading: Any) -> tuple[list[str], list[list[float]]]:
    """Open a table and return its words and its vectors as lists."""
    words, vectors = words_and_vectors(path, **reading)
    return words, vectors.tolist()


def rows_by_word(store: Store) -> Rows:
    """Return each word's row, in the order of the table."""
    return dict(zip(store.itos, store.vectors.tolist(), strict=True))
