"""`embstore.compare`: which words only one of two tables has, and how much the rows of the common words differ."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from embstore.core.batch import Ints, Vectors
from embstore.ops.difference import Difference
from embstore.ops.neighbours import neighbours_kept
from embstore.ops.open import as_store
from embstore.store.store import Store

LISTED = 5  # words that only one table has
BLOCK_BYTES = 4 << 20  # of rows as float64, at a time

Wide = NDArray[np.float64]


def compare(a: str | Path | Store, b: str | Path | Store, atol: float = 0.0, *, neighbours: bool = False) -> Difference:
    """Compare two tables by word, in blocks; special rows are ignored.

    Parameters
    ----------
    a, b
        Stores, or files that `embstore.open` opens.
    atol
        Absolute tolerance: values that differ by at most this are equal.
    neighbours
        Also search both tables, for `Difference.neighbours`.

    Returns
    -------
    Difference

    Raises
    ------
    ValueError
        If `atol` is negative or NaN.
    FormatError
        If a file is damaged or has no format that embstore reads.

    Examples
    --------
    >>> report = embstore.convert("glove.6B.50d.safetensors", "small.safetensors", limit=1000)
    >>> difference = embstore.compare("small.safetensors", "glove.6B.50d.safetensors")
    >>> difference.common, difference.largest, difference.only_second
    (1000, 0.0, 399000)
    """
    if not atol >= 0:
        raise ValueError(f"atol={atol}: expected 0 or more")
    first, second = as_store(a), as_store(b)
    partners, gaps = np.empty(len(first), np.int64), _Gaps(atol)  # partners: the second table's rows, or -1
    step = max(1, BLOCK_BYTES // (8 * first.dim))
    for start in range(0, len(first), step):
        stop = min(start + step, len(first))
        rows = partners[start:stop] = second.vocab.packed_rows(first.vocab.tokens(start, stop))
        common = np.flatnonzero(rows >= 0)
        if len(common) and first.dim == second.dim:
            gaps.add(first.block(start, stop)[common], second.gather(rows[common]), common + start)
    first_rows = np.flatnonzero(partners >= 0)
    second_rows = partners[first_rows]
    only_first, only_second = np.flatnonzero(partners < 0), _complement(second_rows, len(second))
    same_dim = first.dim == second.dim
    return Difference(
        rows=(len(first), len(second)),
        dims=(first.dim, second.dim),
        dtypes=(first.dtype, second.dtype),
        only_first=len(only_first),
        only_second=len(only_second),
        only_first_words=_first_words(first, only_first),
        only_second_words=_first_words(second, only_second),
        common=len(first_rows),
        moved=int((first_rows != second_rows).sum()),
        atol=atol,
        differing=gaps.differing if same_dim else len(first_rows),
        neighbours=neighbours_kept(first, first_rows, second, second_rows) if neighbours else None,
        bit_equal=same_dim and gaps.bit_equal and not len(only_first) and not len(only_second),
        **gaps.extremes(first),
    )


def _complement(rows: Ints, count: int) -> Ints:
    """Return the numbers below `count` that are not in `rows`."""
    others = np.ones(count, np.bool_)
    others[rows] = False
    return np.flatnonzero(others)


def _first_words(table: Store, rows: Ints) -> list[str]:
    return [table.itos[row] for row in rows[:LISTED].tolist()]


class _Extremes(TypedDict):
    """The fields of `Difference` about the most different rows, and the mean cosine."""

    largest: float | None
    largest_at: tuple[str, int] | None
    mean_cosine: float | None
    worst_cosine: float | None
    worst_word: str | None


class _Gaps:
    """Accumulates the differences between the rows of two tables, block by block."""

    def __init__(self, atol: float) -> None:
        self.atol = atol
        self.rows = self.differing = 0
        self.largest, self.largest_at = 0.0, (-1, -1)
        self.cosines, self.cosine_sum, self.worst, self.worst_row = 0, 0.0, 2.0, -1
        self.bit_equal = True

    def add(self, a: Vectors, b: Vectors, rows: Ints) -> None:
        """Compare two blocks of vectors, (n, dim); `rows` are the row numbers of `a` in the first table."""
        self.rows += len(rows)
        self.bit_equal &= bool((_bits(a) == _bits(b)).all())
        wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)
        gaps = _absolute_differences(wide_a, wide_b)
        self.differing += int((gaps > self.atol).any(axis=1).sum())
        at, column = divmod(int(gaps.argmax()), gaps.shape[1])
        if gaps[at, column] > self.largest:
            self.largest, self.largest_at = float(gaps[at, column]), (int(rows[at]), column)
        self._add_cosines(_cosines(wide_a, wide_b), rows)

    def _add_cosines(self, cosines: Wide, rows: Ints) -> None:
        defined = np.flatnonzero(~np.isnan(cosines))
        if not len(defined):
            return
        self.cosines += len(defined)
        self.cosine_sum += float(cosines[defined].sum())
        at = defined[cosines[defined].argmin()]
        if cosines[at] < self.worst:
            self.worst, self.worst_row = float(cosines[at]), int(rows[at])

    def extremes(self, first: Store) -> _Extremes:
        """Return the fields of `Difference` that were accumulated; words are those of the first table."""
        row, column = self.largest_at
        return {
            "largest": self.largest if self.rows else None,
            "largest_at": (first.itos[row], column) if row >= 0 else None,
            "mean_cosine": self.cosine_sum / self.cosines if self.cosines else None,
            "worst_cosine": self.worst if self.cosines else None,
            "worst_word": first.itos[self.worst_row] if self.cosines else None,
        }


def _bits(vectors: Vectors) -> NDArray[np.uint32]:
    return np.ascontiguousarray(vectors, np.float32).view(np.uint32)


def _absolute_differences(a: Wide, b: Wide) -> Wide:
    """Return absolute differences, (n, dim): 0 for equal values and for two NaN, infinite for one NaN."""
    with np.errstate(invalid="ignore"):
        gaps = np.abs(a - b)
    gaps[(a == b) | (np.isnan(a) & np.isnan(b))] = 0
    return np.nan_to_num(gaps, copy=False, nan=np.inf, posinf=np.inf)


def _cosines(a: Wide, b: Wide) -> Wide:
    """Return the cosine of each pair of rows, (n,); NaN if a value is not finite."""
    with np.errstate(invalid="ignore", over="ignore"):
        lengths = np.sqrt((a * a).sum(axis=1)) * np.sqrt((b * b).sum(axis=1))
        cosines: Wide = np.clip((a * b).sum(axis=1) / np.where(lengths > 0, lengths, 1), -1, 1)
    cosines[~np.isfinite(lengths)] = np.nan
    cosines[(a == b).all(axis=1)] = 1
    return cosines
