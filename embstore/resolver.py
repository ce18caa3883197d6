"""Ids of words one by one: their rows in a vocabulary, or what a policy gives for those that it does not have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

import numpy as np

from embstore.backoffs import find_forms
from embstore.batch import Ints, Tokens
from embstore.columns import Column
from embstore.errors import EmbstoreError, UnknownTokenError
from embstore.oov import OWN_UNKNOWN, Error, Hash, OovLike, Policy, Subword, Unk
from embstore.vocab import Vocab


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
        return Policy.parse(oov)
    try:
        return Policy.parse(vocabulary.metadata.get("embstore.oov"))
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
        The most ids that a word can have.

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
        if isinstance(ending, Subword):
            raise EmbstoreError(
                "oov 'subword' needs a store with the rows of character n-grams, such as one made from a fastText "
                f".bin file; {self.vocabulary!r} has none"
            )
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
