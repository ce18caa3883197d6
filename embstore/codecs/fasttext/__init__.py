"""fastText's .bin and .ftz, read only: its words' vectors, made of their n-grams' rows (formats/fasttext/SPEC.md)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from embstore.codecs.fasttext.mapped import NAME
from embstore.codecs.fasttext.parts import Parts
from embstore.codecs.shared.matrix import Origin, matrix_source
from embstore.core.batch import Ints, Source, Vectors
from embstore.core.options import Progress, ReadOptions
from embstore.files.input import Input

BLOCK = 8192  # rows at a time
LONG = 256  # n-grams of a word that are added beside those of others; the rest of longer words is added word by word


def read(source: Input, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read the words and the vectors that fastText gives them: the mean of a word's row and its n-grams'.

    The rows of all buckets become the source's special ones, for words that the model does not have; of a pruned
    model, whose few have rows of their own order, none do.
    """
    del options
    model = Parts.open(source)
    made = matrix_source(
        model.words,
        model.rows.shape[1],
        "float32",
        lambda start, stop: _vectors(model, start, stop),
        Origin(source, NAME),
        progress,
    )
    if model.ngrams.enabled and model.kept is None:
        made.special = lambda _: _bucket_rows(model)
        made.policy = {"oov": "subword", "subword": str(model.ngrams)}
    return made


def _vectors(model: Parts, start: int, stop: int) -> Vectors:
    """Vectors of the words [start, stop): float32, added up one row after the other, as fastText does."""
    sums, counts = np.array(model.rows[start:stop], np.float32), np.ones(stop - start, np.int64)
    for buckets, owners in model.ngrams.blocks(model.words[start:stop]):
        places, owners = _places(model, buckets, owners)
        sizes = np.bincount(owners, minlength=len(sums))
        _add(sums, model, places, sizes)
        counts += sizes
    sums *= (1.0 / counts).astype(np.float32)[:, np.newaxis]
    return sums


def _add(sums: Vectors, model: Parts, places: Ints, sizes: Ints) -> None:
    """Add rows to sums, (words, dim), in order; of each word they stand end to end, `sizes` says how many."""
    order = np.argsort(-sizes, kind="stable")  # words with most n-grams first, so that those with more stand in front
    order = order[: np.count_nonzero(sizes)]
    begins, ends = (np.cumsum(sizes) - sizes)[order], np.cumsum(sizes)[order]
    sizes, added = sizes[order], sums[order]
    for step in range(min(LONG, int(sizes.max(initial=0)))):
        some = np.count_nonzero(sizes > step)
        added[:some] += model.rows[places[begins[:some] + step]]
    for word in range(np.count_nonzero(sizes > LONG)):
        for begin in range(begins[word] + LONG, ends[word], BLOCK):
            part = np.array(model.rows[places[begin : min(begin + BLOCK, ends[word])]], np.float32)
            part[0] += added[word]
            added[word] = np.add.accumulate(part, axis=0)[-1]
    sums[order] = added


def _places(model: Parts, buckets: Ints, owners: Ints) -> tuple[Ints, Ints]:
    """Find the rows of n-grams, those that were pruned left out, and the word that each is of."""
    if model.kept is not None:
        places = np.searchsorted(model.kept[0], buckets)
        found = np.append(model.kept[0], -1)[places] == buckets
        buckets, owners = model.kept[1][places[found]], owners[found]
    return buckets + len(model.words), owners


def _bucket_rows(model: Parts) -> Iterator[Vectors]:
    """Yield the rows of the buckets in order, in blocks of float32, (rows, dim)."""
    end = len(model.words) + model.ngrams.buckets
    for start in range(len(model.words), end, BLOCK):
        yield np.require(model.rows[start : min(start + BLOCK, end)], np.float32, ["A"])
