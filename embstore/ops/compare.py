"""How two tables differ: the words that one alone has, and how far apart the rows are that both have."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embstore.core.batch import Ints, Vectors
from embstore.ops.neighbours import neighbours_kept
from embstore.ops.open import opened
from embstore.store.store import Store

NAMED = 5  # words that one table alone has
BLOCK_BYTES = 4 << 20  # of rows as float64, at a time

Wide = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Difference:
    """How two tables differ.

    Attributes
    ----------
    rows, dims, dtypes
        Of each table.
    only_first, only_second
        How many words one alone has.
    only_first_words, only_second_words
        The first few of these.
    common, moved
        How many words both have, and how many of these stand at another row.
    atol, differing
        How many of the common words have a value that is further apart than `atol`; all, where the dims differ.
    largest, largest_at
        The largest absolute difference, and where: word and dimension. A NaN equals a NaN, and is infinitely far
        from a number. None where there is nothing to compare.
    mean_cosine, worst_cosine, worst_word
        Over the common words whose values are finite: equal rows have 1, a row of zeros and another have 0.
    neighbours
        The share of the ten nearest words that is the same in both, over the first 1,000 common words; None unless
        asked for.
    bit_equal
        Whether both have the same words with the same values, as float32, to the last bit.
    """

    rows: tuple[int, int]
    dims: tuple[int, int]
    dtypes: tuple[str, str]
    only_first: int
    only_second: int
    only_first_words: list[str]
    only_second_words: list[str]
    common: int
    moved: int
    atol: float
    differing: int
    largest: float | None
    largest_at: tuple[str, int] | None
    mean_cosine: float | None
    worst_cosine: float | None
    worst_word: str | None
    neighbours: float | None
    bit_equal: bool

    @property
    def equal(self) -> bool:
        """Whether both have the same words and dims, and no value is further apart than `atol`."""
        return not (self.only_first or self.only_second or self.differing) and self.dims[0] == self.dims[1]


def compare(a: str | Path | Store, b: str | Path | Store, atol: float = 0.0, *, neighbours: bool = False) -> Difference:
    """Compare two tables by word, in blocks; special rows are left out.

    Parameters
    ----------
    a, b
        Stores, or files that `embstore.open` opens.
    atol
        How far apart two values may be and still pass for equal.
    neighbours
        Whether to search both tables too, for the share of nearest words that is the same.

    Returns
    -------
    Difference

    Raises
    ------
    ValueError
        Where `atol` is negative or NaN.
    FormatError
        Where a file is none that embstore reads, or is damaged.
    """
    if not atol >= 0:
        raise ValueError(f"atol={atol}: expected 0 or more")
    first, second = opened(a), opened(b)
    partners, apart = np.empty(len(first), np.int64), _Apart(atol)
    step = max(1, BLOCK_BYTES // (8 * first.dim))
    for start in range(0, len(first), step):
        stop = min(start + step, len(first))
        rows = partners[start:stop] = second.vocab.packed_rows(first.vocab.tokens(start, stop))
        shared = np.flatnonzero(rows >= 0)
        if len(shared) and first.dim == second.dim:
            apart.add(first.block(start, stop)[shared], second.gather(rows[shared]), shared + start)
    own = np.flatnonzero(partners >= 0)
    others = partners[own]
    only_first, only_second = np.flatnonzero(partners < 0), _missing(others, len(second))
    same_shape = first.dim == second.dim
    return Difference(
        rows=(len(first), len(second)),
        dims=(first.dim, second.dim),
        dtypes=(first.dtype, second.dtype),
        only_first=len(only_first),
        only_second=len(only_second),
        only_first_words=_words(first, only_first),
        only_second_words=_words(second, only_second),
        common=len(own),
        moved=int((own != others).sum()),
        atol=atol,
        differing=apart.differing if same_shape else len(own),
        neighbours=neighbours_kept(first, own, second, others) if neighbours else None,
        bit_equal=same_shape and apart.bit_equal and not len(only_first) and not len(only_second),
        **apart.extremes(first),
    )


def _missing(rows: Ints, count: int) -> Ints:
    missing = np.ones(count, np.bool_)
    missing[rows] = False
    return np.flatnonzero(missing)


def _words(table: Store, rows: Ints) -> list[str]:
    return [table.itos[row] for row in rows[:NAMED].tolist()]


class _Apart:
    """How far apart rows are, block by block."""

    def __init__(self, atol: float) -> None:
        self.atol = atol
        self.rows = self.differing = 0
        self.largest, self.largest_at = 0.0, (-1, -1)
        self.cosines, self.cosine_sum, self.worst, self.worst_row = 0, 0.0, 2.0, -1
        self.bit_equal = True

    def add(self, a: Vectors, b: Vectors, rows: Ints) -> None:
        """Compare two blocks of vectors, (n, dim), that stand at these rows of the first table."""
        self.rows += len(rows)
        self.bit_equal &= bool((_bits(a) == _bits(b)).all())
        wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)
        gaps = _gaps(wide_a, wide_b)
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

    def extremes(self, table: Store) -> dict[str, Any]:
        """Return the fields of `Difference` that name a word of the first table."""
        row, column = self.largest_at
        return {
            "largest": self.largest if self.rows else None,
            "largest_at": (table.itos[row], column) if row >= 0 else None,
            "mean_cosine": self.cosine_sum / self.cosines if self.cosines else None,
            "worst_cosine": self.worst if self.cosines else None,
            "worst_word": table.itos[self.worst_row] if self.cosines else None,
        }


def _bits(vectors: Vectors) -> NDArray[np.uint32]:
    return np.ascontiguousarray(vectors, np.float32).view(np.uint32)


def _gaps(a: Wide, b: Wide) -> Wide:
    """Return absolute differences, (n, dim): 0 for equal values and two NaN, infinite for one."""
    with np.errstate(invalid="ignore"):
        gaps = np.abs(a - b)
    gaps[(a == b) | (np.isnan(a) & np.isnan(b))] = 0
    return np.nan_to_num(gaps, copy=False, nan=np.inf, posinf=np.inf)


def _cosines(a: Wide, b: Wide) -> Wide:
    """Return the cosines of rows, (n,); NaN where values are not finite."""
    with np.errstate(invalid="ignore", over="ignore"):
        lengths = np.sqrt((a * a).sum(axis=1)) * np.sqrt((b * b).sum(axis=1))
        cosines: Wide = np.clip((a * b).sum(axis=1) / np.where(lengths > 0, lengths, 1), -1, 1)
    cosines[~np.isfinite(lengths)] = np.nan
    cosines[(a == b).all(axis=1)] = 1
    return cosines
