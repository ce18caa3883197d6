"""Exact nearest neighbours by cosine, computed in blocks, without a normalized copy of the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from embstore.core.batch import Ints, RowBlocks, Vectors
from embstore.core.errors import UnknownTokenError

if TYPE_CHECKING:
    from embstore.search.queries import Item, Queries, Query

Neighbours = list[tuple[str, float]]

BLOCK_BYTES = 4 << 20  # bytes of float32 rows at a time
MAX_SCORES = 1 << 22  # scores in one product of rows and queries
MAX_QUERIES = 256  # queries in one pass over the table


class SearchedTable(RowBlocks, Protocol):
    """A table that can be searched: a `Store`, or any object with these members."""

    norms: NDArray[np.float32] | None
    """Lengths of the rows, (tokens,), stored by the first search; None before."""

    @property
    def itos(self) -> Sequence[str]:
        """Index to string."""

    def rows(self, words: list[str]) -> Ints:
        """Return the rows of words, -1 for an unknown word."""


def most_similar(
    table: SearchedTable,
    positive: Queries,
    negative: Queries = (),
    topn: int = 10,
) -> Neighbours:
    """Find the words nearest to a sum of words: see `Store.most_similar`."""
    from embstore.search.queries import weighted  # here: opening a store starts faster without

    queries = weighted(positive, 1) + weighted(negative, -1)
    if not queries:
        raise ValueError("most_similar needs at least one word or vector")
    units = _normalized(_vectors(table, [item for item, _ in queries]))
    weights = np.array([weight for _, weight in queries], np.float32)
    query = _normalized((weights @ units)[np.newaxis])
    words = [item for item, _ in queries if isinstance(item, str)]
    return _search(table, query, [table.rows(words)], topn)[0]


def most_similar_batch(table: SearchedTable, words: Sequence[Query], topn: int = 10) -> list[Neighbours]:
    """Find the words nearest to each of several words: see `Store.most_similar_batch`."""
    if isinstance(words, str):
        raise TypeError("most_similar_batch takes a list of words; for one word use most_similar")
    from embstore.search.queries import unweighted

    found: list[Neighbours] = []
    remaining = iter(unweighted(words))
    while chunk := list(islice(remaining, MAX_QUERIES)):
        excluded = [table.rows([word] if isinstance(word, str) else []) for word in chunk]
        found += _search(table, _normalized(_vectors(table, chunk)), excluded, topn)
    return found


def _vectors(table: SearchedTable, queries: list[Item]) -> NDArray[np.float32]:
    """Return the vectors of queries, which are words or vectors: (queries, dim)."""
    vectors = np.empty((len(queries), table.dim), np.float32)
    rows = iter(_known_rows(table, [query for query in queries if isinstance(query, str)]))
    for i, query in enumerate(queries):
        if isinstance(query, str):
            row = next(rows)
            vectors[i] = table.block(row, row + 1)[0]
        elif np.shape(query) == (table.dim,):
            vectors[i] = query
        else:
            raise ValueError(f"a query vector of shape {np.shape(query)}, expected ({table.dim},)")
    return vectors


def _known_rows(table: SearchedTable, words: list[str]) -> list[int]:
    rows: list[int] = table.rows(words).tolist()
    missing = [word for word, row in zip(words, rows, strict=True) if row < 0]
    if missing:
        raise UnknownTokenError(list(dict.fromkeys(missing)))
    return rows


def _lengths(vectors: Vectors) -> NDArray[np.float32]:
    """Return the Euclidean lengths of rows, summed in float64, in which squares of float32 do not overflow."""
    wide = vectors.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        lengths: NDArray[np.float32] = np.sqrt((wide * wide).sum(axis=1)).astype(np.float32)
    return lengths


def _normalized(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rows scaled to length 1; rows of zeros are unchanged."""
    lengths = _lengths(vectors)[:, np.newaxis]
    lengths[lengths == 0] = 1
    with np.errstate(invalid="ignore"):
        normalized: NDArray[np.float32] = vectors / lengths
    return normalized


def _blocks(table: SearchedTable, queries: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
    size = max(1, min(BLOCK_BYTES // (4 * table.dim), MAX_SCORES // queries))
    for start in range(0, len(table), size):
        yield start, table.block(start, min(start + size, len(table))).astype(np.float32, copy=False)


def _search(table: SearchedTable, queries: NDArray[np.float32], excluded: list[Ints], topn: int) -> list[Neighbours]:
    """Search for normalized queries, (queries, dim), in one pass; each query excludes some rows."""
    if topn < 0:
        raise ValueError(f"topn must not be negative: {topn}")
    best = [_Best(topn, rows) for rows in excluded]
    lengths = np.empty(len(table), np.float32) if table.norms is None else table.norms
    for start, vectors in _blocks(table, len(queries)):
        block_lengths = lengths[start : start + len(vectors)]
        if table.norms is None:
            block_lengths[:] = _lengths(vectors)
        with np.errstate(invalid="ignore", over="ignore"):  # rows with NaN or Inf are never among the best
            scores = queries @ vectors.T / np.where(block_lengths == 0, np.float32(1), block_lengths)
        for query, row_scores in zip(best, scores, strict=True):
            query.update(row_scores, start)
    table.norms = lengths
    return [query.neighbours(table.itos) for query in best]


class _Best:
    """The highest scores of one query so far; equal scores are ordered by row."""

    def __init__(self, topn: int, excluded: Ints) -> None:
        self.topn, self.excluded = topn, excluded
        self.scores, self.rows = np.empty(0, np.float32), np.empty(0, np.int64)

    def update(self, scores: NDArray[np.float32], first: int) -> None:
        """Add the scores of the rows from `first` on, keeping the highest; modifies `scores`."""
        excluded = self.excluded - first
        scores[excluded[(excluded >= 0) & (excluded < len(scores))]] = np.nan
        full = self.topn and len(self.scores) == self.topn
        # on equal scores earlier rows win, so only higher scores matter; NaN is never higher
        found = np.flatnonzero(scores > (self.scores[-1] if full else -np.inf))
        if len(found) > self.topn > 0:
            found = found[scores[found] >= np.partition(scores[found], -self.topn)[-self.topn]]
        candidates = np.concatenate((self.scores, scores[found]))
        rows = np.concatenate((self.rows, found + first))
        order = np.lexsort((rows, -candidates))[: self.topn]
        self.scores, self.rows = candidates[order], rows[order]

    def neighbours(self, itos: Sequence[str]) -> Neighbours:
        """Return words and scores, best first."""
        return [(itos[row], score) for row, score in zip(self.rows.tolist(), self.scores.tolist(), strict=True)]
