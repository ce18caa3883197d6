"""Reads fastText's .bin and .ftz; vectors are computed from rows of words and n-grams (formats/fasttext/SPEC.md)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from embstore.codecs.fasttext.cursor import NAME
from embstore.codecs.fasttext.parts import Parts
from embstore.codecs.shared.matrix import Origin, matrix_source
from embstore.core.batch import Ints, Source, Vectors
from embstore.core.options import Progress, ReadOptions
from embstore.files.input import Input

BLOCK = 8192  # rows at a time
LONG = 256  # n-grams per word that are added for all words at once; the rest of longer words is added word by word


def read(source: Input, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read the words and their vectors as fastText computes them: the mean of the rows of a word and its n-grams.

    The rows of all buckets become the special rows of the source, for words that are not in the model. A pruned model
    gets none, because it has only some of the buckets, in another order.
    """
    del options
    model = Parts.open(source)
    result = matrix_source(
        model.words,
        model.rows.shape[1],
        "float32",
        lambda start, stop: _quietly(model, start, stop),
        Origin(source, NAME),
        progress,
    )
    if model.ngrams.enabled and model.kept is None:
        result.special = lambda _: _bucket_rows(model)
        result.policy = {"oov": "subword", "subword": str(model.ngrams)}
    return result


def _quietly(model: Parts, start: int, stop: int) -> Vectors:
    with np.errstate(over="ignore", invalid="ignore"):  # rows that are not finite are counted later
        return _vectors(model, start, stop)


def _vectors(model: Parts, start: int, stop: int) -> Vectors:
    """Return the vectors of words [start, stop), float32; rows are added one after the other, as fastText does."""
    sums, counts = np.array(model.rows[start:stop], np.float32), np.ones(stop - start, np.int64)
    for buckets, owners in model.ngrams.blocks(model.words[start:stop]):
        rows, owners = _ngram_rows(model, buckets, owners)
        sizes = np.bincount(owners, minlength=len(sums))
        _add(sums, model, rows, sizes)
        counts += sizes
    sums *= (1.0 / counts).astype(np.float32)[:, np.newaxis]
    return sums


def _add(sums: Vectors, model: Parts, rows: Ints, sizes: Ints) -> None:
    """Add rows to `sums`, (words, dim), in order; `rows` lists those of all words, `sizes` their number per word."""
    order = np.argsort(-sizes, kind="stable")  # words with the most n-grams first: those with an n-th one are a prefix
    order = order[: np.count_nonzero(sizes)]
    begins, ends = (np.cumsum(sizes) - sizes)[order], np.cumsum(sizes)[order]
    sizes, added = sizes[order], sums[order]
    for step in range(min(LONG, int(sizes.max(initial=0)))):
        some = np.count_nonzero(sizes > step)
        added[:some] += model.rows[rows[begins[:some] + step]]
    for word in range(np.count_nonzero(sizes > LONG)):
        for begin in range(begins[word] + LONG, ends[word], BLOCK):
            part = np.array(model.rows[rows[begin : min(begin + BLOCK, ends[word])]], np.float32)
            part[0] += added[word]
            added[word] = np.add.accumulate(part, axis=0)[-1]
    sums[order] = added


def _ngram_rows(model: Parts, buckets: Ints, owners: Ints) -> tuple[Ints, Ints]:
    """Return the rows of n-grams, without those of pruned buckets, and the word that each belongs to."""
    if model.kept is not None:
        positions = np.searchsorted(model.kept[0], buckets)
        found = np.append(model.kept[0], -1)[positions] == buckets
        buckets, owners = model.kept[1][positions[found]], owners[found]
    return buckets + len(model.words), owners


def _bucket_rows(model: Parts) -> Iterator[Vectors]:
    """Yield the rows of all buckets in order, in blocks of float32, (rows, dim)."""
    end = len(model.words) + model.ngrams.buckets
    for start in range(len(model.words), end, BLOCK):
        yield np.require(model.rows[start : min(start + BLOCK, end)], np.float32, ["A"])
