"""Finds the ids of words: the rows of known words, and the ids that a policy gives unknown words."""

from __future__ import annotations

import numpy as np

from embstore.core.batch import Ints, Tokens
from embstore.core.errors import EmbstoreError
from embstore.words.backoffs import find_forms
from embstore.words.columns import Column
from embstore.words.lookup import Lookup
from embstore.words.missing import MissingWords
from embstore.words.policy import OovLike, Policy, policy_for_table


def policy_of(vocabulary: Lookup, oov: OovLike) -> Policy:
    """Return the policy `oov`; for None the policy that the store was written for, else ``error``."""
    if oov is not None:
        return policy_for_table(oov, vocabulary.metadata)
    try:
        return policy_for_table(vocabulary.metadata.get("embstore.oov"), vocabulary.metadata)
    except ValueError as error:
        raise EmbstoreError(
            f"{vocabulary!r} was written for a policy that this embstore does not support ({error}): pass another oov"
        ) from None


class Resolver:
    """Looks words up, and finds ids for unknown words.

    Parameters
    ----------
    vocabulary
        The known words.
    policy
        The policy for unknown words.
    first_row
        Id of the first special row of the policy's ending.

    Raises
    ------
    EmbstoreError
        If the policy needs something that the vocabulary does not have.
    """

    def __init__(self, vocabulary: Lookup, policy: Policy, first_row: int) -> None:
        self.vocabulary, self.backoffs, self.ending = vocabulary, policy.backoffs, policy.ending
        self._find_ids = policy.ending.bind(vocabulary, first_row)

    def ids(self, column: Column) -> tuple[Ints, Ints | None]:
        """Return the ids of words end to end, (ids,), and the number of ids per word, (words,); None for one each."""
        rows = self._rows(column.words)
        missing = np.flatnonzero(rows < 0)
        if not len(missing):
            return rows, None
        return _insert_ids(rows, missing, *self._ids_of_missing(MissingWords(column, missing)))

    def _rows(self, words: list[str] | Tokens) -> Ints:
        if isinstance(words, list):
            return self.vocabulary.rows(words)
        self.vocabulary.rows([])  # raises if the store is closed
        return self.vocabulary.vocab.packed_rows(words)

    def _ids_of_missing(self, words: MissingWords) -> tuple[Ints, Ints | None]:
        """Return ids and counts, as `ids` does, for words that are not in the vocabulary."""
        if not self.backoffs and not self.ending.finds_distinct:
            return self._ids_of_ending(words)
        distinct, positions = words.distinct()  # back-offs are Python code: call them once per distinct word
        ids, _ = find_forms(self.backoffs, distinct, self.vocabulary.rows)
        counts: Ints | None = None
        unfound = np.flatnonzero(ids < 0)
        if len(unfound):
            ids, counts = _insert_ids(ids, unfound, *self._ids_of_ending(MissingWords(Column(distinct, None), unfound)))
        return (ids[positions], None) if counts is None else _take_ids(ids, counts, positions)

    def _ids_of_ending(self, words: MissingWords) -> tuple[Ints, Ints | None]:
        """Return ids and counts, as `ids` does, for words that no back-off finds."""
        ids, counts = self._find_ids(words)
        each = self.ending.ids_per_word
        return ids, np.full(len(words), each, np.int64) if counts is None and each != 1 else counts


def _insert_ids(rows: Ints, missing: Ints, ids: Ints, counts: Ints | None) -> tuple[Ints, Ints | None]:
    """Insert the ids of missing words between the rows of the others.

    Parameters
    ----------
    rows
        The row of each word, (words,), -1 for a missing word. May be modified.
    missing
        Positions of the missing words.
    ids, counts
        The ids of the missing words, end to end, and the number of ids per word; None for one each.

    Returns
    -------
    The ids of all words, and the number of ids per word; None for one each.
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


def _take_ids(ids: Ints, counts: Ints, positions: Ints) -> tuple[Ints, Ints]:
    """Return the ids of the words at some positions, which may repeat, and the number of ids per word."""
    begins, sizes = (np.cumsum(counts) - counts)[positions], counts[positions]
    shifts = begins - (np.cumsum(sizes) - sizes)
    return ids[np.arange(sizes.sum()) + np.repeat(shifts, sizes)], sizes
