"""Ids of words one by one: their rows in a vocabulary, or what a policy gives for those that it does not have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

import numpy as np

from embstore.core.batch import Ints, Tokens
from embstore.core.errors import EmbstoreError, UnknownTokenError
from embstore.core.index import Vocab
from embstore.words.backoffs import find_forms
from embstore.words.columns import Column
from embstore.words.policy import OWN_UNKNOWN, Error, Hash, OovLike, Policy, Subword, Unk


class Lookup(Protocol):
    """What an encoder looks words up in: a `Store`, a `Vocabulary`, or anything with these."""

    vocab: Vocab

    @property
    def metadata(self) -> Mapping[str, str]:
        """What the header says, of the policy among other things."""

    @property
    def special(self) -> int:
        """Rows behind the vocabulary's."""

    def rows(self, words: Iterable[str]) -> Ints:
        """Rows of words, -1 where one is unknown."""

    def __len__(self) -> int:
        """How many words there are."""


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
    first
        Id of the first of the rows that the policy's ending has behind the vocabulary.

    Attributes
    ----------
    hashes
        The ids that an unknown word can have, 1 or the k of ``hash:B:k``; n-grams aside.

    Raises
    ------
    EmbstoreError
        Where the policy needs something that the vocabulary does not have.
    """

    def __init__(self, vocabulary: Lookup, policy: Policy, first: int) -> None:
        self.vocabulary, self.policy = vocabulary, policy
        self.hashes = policy.ending.k if isinstance(policy.ending, Hash) else 1
        self._first = self._row_of(first)

    def _row_of(self, first: int) -> int:
        ending = self.policy.ending
        if isinstance(ending, Unk):
            names = OWN_UNKNOWN if ending.token is None else (ending.token,)
            found = [row for row in self.vocabulary.rows(list(names)).tolist() if row >= 0]
            if not found:
                raise EmbstoreError(
                    f"oov {str(ending)!r}: {self.vocabulary!r} has no token {' or '.join(map(repr, names))}; "
                    "'unk:TOKEN' names another, 'zero' and 'mean' need none"
                )
            return int(found[0])
        return first if ending.rows else -1

    def ragged(self, column: Column) -> tuple[Ints, Ints | None]:
        """Ids of words end to end, (ids,), and how many each word has, (words,); None where each has one."""
        if isinstance(self.policy.ending, Subword):
            return self._with_ngrams(column, self.policy.ending)
        ids = self.ids(column)
        kept = ids >= 0
        if kept.all():
            return ids.reshape(-1), None if self.hashes == 1 else np.full(len(ids), self.hashes)
        return ids[kept], np.count_nonzero(kept, axis=1)

    def _with_ngrams(self, column: Column, ending: Subword) -> tuple[Ints, Ints]:
        """Return what `ragged` does, missing words as their n-grams: each distinct one is taken apart once."""
        rows = self._rows(column.words)
        missing = np.flatnonzero(rows < 0)
        codes: dict[str, int] = {}
        distinct = np.array([codes.setdefault(word, len(codes)) for word in column.words_at(missing)], np.int64)
        rows[missing] = find_forms(self.policy.backoffs, list(codes), self.vocabulary.rows)[0][distinct]
        lost = rows < 0
        buckets, counts = ending.places(list(codes))
        begins, of_lost = np.cumsum(counts) - counts, distinct[lost[missing]]
        sizes = np.ones(len(rows), np.int64)
        sizes[lost] = counts[of_lost]
        is_ngram = np.repeat(lost, sizes)
        values = np.empty(len(is_ngram), np.int64)
        values[~is_ngram] = rows[~lost]
        values[is_ngram] = self._first + buckets[_runs(begins[of_lost], counts[of_lost])]
        return values, sizes

    def ids(self, column: Column) -> Ints:
        """Ids of words, (words, hashes): -1 where a word has fewer than that, or none."""
        found = self._rows(column.words)
        if self.hashes == 1:
            ids = found[:, np.newaxis]
        else:
            ids = np.full((len(found), self.hashes), -1, np.int64)
            ids[:, 0] = found
        missing = np.flatnonzero(found < 0)
        if len(missing) and isinstance(self.policy.ending, Hash) and not self.policy.backoffs:
            ids[missing] = self._first + self.policy.ending.places(column.packed_at(missing))
        elif len(missing):  # each distinct word once: what back-offs do takes Python's time
            codes: dict[str, int] = {}
            places = [codes.setdefault(word, len(codes)) for word in column.words_at(missing)]
            ids[missing] = self._substitutes(list(codes))[places]
        return ids

    def _rows(self, words: list[str] | Tokens) -> Ints:
        if isinstance(words, list):
            return self.vocabulary.rows(words)
        self.vocabulary.rows([])  # raises where a store is closed
        return self.vocabulary.vocab.packed_rows(words)

    def _substitutes(self, words: list[str]) -> Ints:
        """Ids of distinct words that are not in the vocabulary, (words, hashes)."""
        ids = np.full((len(words), self.hashes), -1, np.int64)
        ids[:, 0], _ = find_forms(self.policy.backoffs, words, self.vocabulary.rows)
        left = np.flatnonzero(ids[:, 0] < 0)
        lost = [words[i] for i in left.tolist()]
        ending = self.policy.ending
        if lost and isinstance(ending, Error):
            raise UnknownTokenError(lost)
        ids[left] = self._first + ending.places(lost) if isinstance(ending, Hash) else self._first
        return ids


def _runs(begins: Ints, sizes: Ints) -> Ints:
    """Positions begin, begin + 1 ... of each run, end to end."""
    shifts = begins - (np.cumsum(sizes) - sizes)
    return np.asarray(np.arange(sizes.sum()) + np.repeat(shifts, sizes))
