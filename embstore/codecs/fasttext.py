"""fastText's .bin and .ftz, read only: its words' vectors, made of their n-grams' rows (formats/fasttext/SPEC.md)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from embstore.batch import Progress, ReadOptions, Source, Vectors
from embstore.codecs.fasttext_bytes import NAME
from embstore.codecs.fasttext_parts import Parts
from embstore.codecs.matrix import Origin, matrix_source

BLOCK = 8192  # rows of buckets at a time


def read(path: str | Path, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read the words and the vectors that fastText gives them: the mean of a word's row and its n-grams'.

    The rows of all buckets become the source's special ones, for words that the model does not have; of a pruned
    model, whose few have rows of their own order, none do.
    """
    del options
    model = Parts.open(Path(path))
    source = matrix_source(
        model.words,
        model.rows.shape[1],
        "float32",
        lambda start, stop: _vectors(model, start, stop),
        Origin(path, NAME),
        progress,
    )
    if model.ngrams.there and model.kept is None:
        source.special = lambda _: _bucket_rows(model)
        source.policy = {"oov": "subword", "subword": str(model.ngrams)}
    return source


def _vectors(model: Parts, start: int, stop: int) -> Vectors:
    """Vectors of the words [start, stop): float32, added up in fastText's order."""
    buckets, counts = model.ngrams.of(model.words[start:stop])
    if model.kept is not None:
        owners = np.repeat(np.arange(stop - start), counts)
        places = np.searchsorted(model.kept[0], buckets)
        found = np.append(model.kept[0], -1)[places] == buckets
        counts = np.bincount(owners[found], minlength=stop - start)
        buckets = model.kept[1][places[found]]
    firsts = np.concatenate(([0], np.cumsum(counts + 1)[:-1]))  # of each word: its own row, then its n-grams'
    places = np.empty(len(buckets) + stop - start, np.int64)
    is_own = np.zeros(len(places), bool)
    is_own[firsts] = True
    places[is_own] = np.arange(start, stop)
    places[~is_own] = buckets + len(model.words)
    sums = np.add.reduceat(np.require(model.rows[places], np.float32, ["A"]), firsts, axis=0)
    return np.asarray(sums * (1.0 / (counts + 1)).astype(np.float32)[:, np.newaxis])


def _bucket_rows(model: Parts) -> Iterator[Vectors]:
    """Yield the rows of the buckets in order, in blocks of float32, (rows, dim)."""
    end = len(model.words) + model.ngrams.buckets
    for start in range(len(model.words), end, BLOCK):
        yield np.require(model.rows[start : min(start + BLOCK, end)], np.float32, ["A"])
