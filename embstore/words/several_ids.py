"""Words that a policy gives several ids: the weight of each id, in bags and in matrices."""

from __future__ import annotations

from typing import get_args

import numpy as np
from numpy.typing import NDArray

from embstore.core.batch import Ints
from embstore.core.errors import EmbstoreError
from embstore.words.columns import Column
from embstore.words.encoded import Mode, WeightedIds
from embstore.words.endings.base import Ending, shortened

MAX_IDS = 1 << 27
"""Ids in a matrix: one word of a megabyte has millions of n-grams, for which every word of the batch gets room."""

MODES = get_args(Mode)
Floats = NDArray[np.float32] | NDArray[np.float64]


def check_mode(mode: str, ending: Ending | None = None) -> None:
    """Raise ValueError for an unknown mode, and EmbstoreError for one that cannot pool what an ending gives words."""
    if mode not in MODES:
        raise ValueError(f"mode must be {', '.join(map(repr, MODES))}, not {mode!r}")
    if mode == "max" and ending is not None and ending.several_ids:
        raise EmbstoreError(
            f"oov {str(ending)!r} {ending.ids_text}, whose rows are summed: use mode='sum' or mode='mean', not 'max', "
            "or another oov"
        )


def weights_in_bags(
    weights: NDArray[np.float32] | None,
    sizes: Ints,
    counts: Ints | None,
    ending: Ending,
    mode: Mode,
    absent: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32] | None:
    """Return the weight of each id in bags, (ids,); None if the layer pools the rows of the ids as they are.

    Parameters
    ----------
    weights
        The weight of each word, (words,); None for 1.
    sizes
        The number of words in each bag, (bags,).
    counts
        The number of ids of each word, (words,); None for one each.
    ending
        The ending that the ids come from.
    mode
        ``mean`` divides the weights of the words of a bag by their total.
    absent
        Which words count as absent, (words,), since their row stands for padding.
    """
    divided = mode == "mean" and (weights is not None or ending.several_ids)
    shared = ending.shares_weight and ending.several_ids
    if weights is None and not divided and not shared:
        return None
    found: Floats = np.ones(int(sizes.sum()), np.float32) if weights is None else weights
    with np.errstate(over="ignore", invalid="ignore"):  # weights may be Inf or NaN, as for torch's layer
        if divided:
            if ending.ids_per_word == 0 and counts is not None:
                absent = counts == 0 if absent is None else absent | (counts == 0)
            found = _divided_by_totals(found, sizes, absent)
        if shared and counts is not None:
            found = found * _shares(counts)
        narrow = found.astype(np.float32, copy=False)
    return narrow if counts is None else np.repeat(narrow, counts)


def _divided_by_totals(weights: Floats, sizes: Ints, absent: NDArray[np.bool_] | None) -> NDArray[np.float64]:
    """Return the weight of each word divided by the total of its bag; zeros where that total is 0.

    Words that are absent are not in the total.
    """
    wide = weights.astype(np.float64)
    if absent is not None:
        wide[absent] = 0
    bags = np.repeat(np.arange(len(sizes)), sizes)
    totals = np.bincount(bags, wide, len(sizes))[bags]
    return np.divide(wide, totals, out=np.zeros_like(wide), where=totals != 0)


def _shares(counts: Ints) -> NDArray[np.float32]:
    return np.float32(1) / np.maximum(counts, 1).astype(np.float32)


def as_columns(values: Ints, counts: Ints | None, ending: Ending, padding_idx: int | None) -> WeightedIds:
    """Arrange the ids of words, end to end, with a row for each word: ids and weights of shape (words, k).

    Unused places of a word repeat its first id if there is no padding row: another row may hold NaN or Inf, which a
    weight of 0 does not hide.
    """
    if counts is None:
        return WeightedIds(values[:, np.newaxis], np.ones((len(values), 1), np.float32))
    inside = np.arange(counts.max(initial=1)) < counts[:, np.newaxis]
    if padding_idx is None:
        unused = np.zeros(len(counts), np.int64)
        unused[counts > 0] = values[(np.cumsum(counts) - counts)[counts > 0]]
        ids = np.repeat(unused[:, np.newaxis], inside.shape[1], axis=1)
    else:
        ids = np.full(inside.shape, padding_idx, np.int64)
    ids[inside] = values
    weights = inside.astype(np.float32)
    return WeightedIds(ids, weights * _shares(counts)[:, np.newaxis] if ending.shares_weight else weights)


def check_room(column: Column, counts: Ints | None, places: int) -> None:
    """Raise ValueError for a word with so many ids that a matrix with room for them in each place is too large."""
    if counts is None or places * (most := int(counts.max(initial=1))) <= MAX_IDS:
        return
    word = column.words_at(np.array([counts.argmax()]))[0]
    raise ValueError(
        f"the word {shortened(word)!r} has {most:,} ids, and a matrix has room for as many in each of {places:,} "
        "places: cut the word, encode fewer words at a time, or use encode_bags, which needs no room"
    )
