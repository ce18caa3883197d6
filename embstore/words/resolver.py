"""Ids of words one by one: their rows in a vocabulary, or what a policy gives for those that it does not have."""

from __future__ import annotations

import numpy as np

from embstore.core.batch import Ints, Tokens
from embstore.core.errors import EmbstoreError
from embstore.words.backoffs import find_forms
from embstore.words.columns import Column
from embstore.words.lookup import Lookup
from embstore.words.missing import MissingWords
from embstore.words.policy import OovLike, Policy


def policy_of(vocabulary: Lookup, oov: OovLike) -> Policy:
    """Return the policy given; for None the one that a store's file was written for, else ``error``."""
    if oov is not None:
        return Policy.parse(oov).bound(vocabulary.metadata)
    try:
        return Policy.parse(vocabulary.metadata.get("embstore.oov")).bound(vocabulary.metadata)
    except ValueError as error:
        raise EmbstoreError(
            f"{vocabulary!r} was written for a policy that this version does not know ({error}): give another"
        ) from None


class Resolver:
    """Looks words up, and finds ids for those that are not there.

    Parameters
    ----------
    vocabulary
        Where the words are.
    policy
        What becomes of others.
    first_row
        Id of the first of the special rows that the policy's ending has.

    Raises
    ------
    EmbstoreError
        Where the policy needs something that the vocabulary does not have.
    """

    def __init__(self, vocabulary: Lookup, policy: Policy, first_row: int) -> None:
        self.vocabulary, self.backoffs, self.ending = vocabulary, policy.backoffs, policy.ending
        self._find_ids = policy.ending.bind(vocabulary, first_row)

    def ids(self, column: Column) -> tuple[Ints, Ints | None]:
        """Ids of words end to end, (ids,), and how many each word has, (words,); None where each has one."""
        rows = self._rows(column.words)
        missing = np.flatnonzero(rows < 0)
        if not len(missing):
            return rows, None
        return _filled(rows, missing, *self._of_missing(MissingWords(column, missing)))

    def _rows(self, words: list[str] | Tokens) -> Ints:
        if isinstance(words, list):
            return self.vocabulary.rows(words)
        self.vocabulary.rows([])  # raises where a store is closed
        return self.vocabulary.vocab.packed_rows(words)

    def _of_missing(self, words: MissingWords) -> tuple[Ints, Ints | None]:
        """Return what `ids` does, for words that are not in the vocabulary."""
        if not self.backoffs and not self.ending.finds_distinct:
            return self._of_lost(words)
        distinct, places = words.distinct()  # once each: what back-offs do takes Python's time
        ids, _ = find_forms(self.backoffs, distinct, self.vocabulary.rows)
        counts: Ints | None = None
        lost = np.flatnonzero(ids < 0)
        if len(lost):
            ids, counts = _filled(ids, lost, *self._of_lost(MissingWords(Column(distinct, None), lost)))
        return (ids[places], None) if counts is None else _repeated(ids, counts, places)

    def _of_lost(self, words: MissingWords) -> tuple[Ints, Ints | None]:
        """Return what `ids` does, for words that no back-off finds either."""
        ids, counts = self._find_ids(words)
        each = self.ending.ids_per_word
        return ids, np.full(len(words), each, np.int64) if counts is None and each != 1 else counts


def _filled(rows: Ints, missing: Ints, ids: Ints, counts: Ints | None) -> tuple[Ints, Ints | None]:
    """Put ids where rows are missing.

    Parameters
    ----------
    rows
        Of each word, (words,), -1 where it is missing. It may be changed.
    missing
        Positions of the missing words.
    ids, counts
        Of these, end to end, and how many each has; None where each has one.

    Returns
    -------
    The ids of all words, and how many each has; None where each has one.
    """
    if counts is None:
        rows[missing] = ids
        return rows, None
    sizes = np.ones(len(rows), np.int64)
    sizes[missing] = counts
    if not len(ids):
        return rows[rows >= 0], sizes
    is_id = np.repeat(rows < 0, sizes)
    values = np.empty(len(is_id), np.int64)
    values[~is_id] = rows[rows >= 0]
    values[is_id] = ids
    return values, sizes


def _repeated(ids: Ints, counts: Ints, places: Ints) -> tuple[Ints, Ints]:
    """Return the ids of the words at some places, which may repeat, and how many each has."""
    begins, sizes = (np.cumsum(counts) - counts)[places], counts[places]
    shifts = begins - (np.cumsum(sizes) - sizes)
    return ids[np.arange(sizes.sum()) + np.repeat(shifts, sizes)], sizes
