"""Words to ids: flat, padded to a matrix, or ragged as values and offsets. Torch is not needed for it."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embstore.core.batch import Ints, ends_of
from embstore.core.errors import EmbstoreError
from embstore.words.columns import flatten, flatten_weights
from embstore.words.lookup import Lookup
from embstore.words.policy import OovLike, Policy
from embstore.words.resolver import Resolver, policy_of
from embstore.words.special_rows import SpecialRows

Side = Literal["left", "right"]


class Bags(NamedTuple):
    """Ragged bags as `torch.nn.EmbeddingBag` takes them.

    Attributes
    ----------
    values
        int64 (n,): the ids of all bags, end to end.
    offsets
        int64 (bags,), or (bags + 1,) with `include_last_offset`: where each bag begins.
    weights
        float32 (n,), or None: per_sample_weights. Under ``subword`` there always are some.
    """

    values: Ints
    offsets: Ints
    weights: NDArray[np.float32] | None = None


class Encoder:
    """Makes ids of words by a vocabulary and a policy for words that it does not have.

    Pickles as its store's path and the policy, so that data loader workers get it for nothing.

    Parameters
    ----------
    vocabulary
        A `Store` or a `Vocabulary`.
    oov
        The policy, as `Policy.parse` takes it: ``"lower,hash:1000"``. None: the one that the store's file was
        written for, else ``error``.
    padding
        Whether there is a padding row, which uneven batches need.

    Attributes
    ----------
    vocabulary
        As given.
    policy
        The `Policy`.
    padding_idx
        Id of the padding, None without one.
    special
        How many rows there are after the vocabulary's.
    num_embeddings
        Rows in all: the vocabulary's, then the special ones.
    in_file
        Whether the special rows are those that the store's file was written with. Where they are not,
        `special_rows` makes them.

    Raises
    ------
    ValueError
        For text that is no policy.
    EmbstoreError
        Where the policy needs something that the vocabulary does not have: its unknown token, n-grams.

    Notes
    -----
    Under ``subword`` an unknown word becomes the rows of its n-grams, each weighted by 1 / their number, so that a
    sum has the vector that fastText gives the word (formats/oov/SPEC.md).
    """

    def __init__(self, vocabulary: Lookup, oov: OovLike = None, *, padding: bool = False) -> None:
        self.vocabulary, self.policy = vocabulary, policy_of(vocabulary, oov)
        wanted = SpecialRows(padding, self.policy.ending)
        held = SpecialRows.of_file(vocabulary.metadata, vocabulary.special)
        self.in_file = bool(wanted.rows) and held is not None and held.covers(wanted)
        if self.policy.ending.carried and not self.in_file:
            raise EmbstoreError(_not_carried(vocabulary, wanted, held))
        placed = held if held is not None and self.in_file else wanted
        self.special = placed.rows
        self.num_embeddings = len(vocabulary) + placed.rows
        self.padding_idx = len(vocabulary) if padding else None
        self._resolver = Resolver(vocabulary, self.policy, len(vocabulary) + placed.ending_row)

    def encode(self, words: Any, length: int | None = None, side: Side = "right") -> Ints:
        """Ids of a sentence, or of a batch of sentences as a matrix.

        Parameters
        ----------
        words
            A list of words or a column of strings; or a list of lists or a column of lists. An empty list is a
            sentence without words.
        length
            Make each sentence so long: its first words, then padding.
        side
            Where the padding goes: at the end, ``right``, or at the start, ``left``. What is cut is the end, whatever
            the side.

        Returns
        -------
        int64 of shape (words,) for a sentence, (sentences, longest) for a batch; `length` replaces the last.

        Raises
        ------
        UnknownTokenError
            Where the policy's ending is ``error``; names the words.
        ValueError
            For uneven sentences without padding, for the endings ``skip``, ``subword``, and ``hash:B:k`` with k > 1,
            which only bags can have, and for a column with nulls.
        TypeError
            For what is no list of words, a single string among it.
        """
        ending = self.policy.ending
        if ending.ids_per_word != 1:
            raise ValueError(f"oov {str(ending)!r} {ending.ids_text}, which only bags can hold: use encode_bags")
        if length is not None and length < 0:
            raise ValueError(f"length must be 0 or more, not {length}")
        if side not in ("left", "right"):
            raise ValueError(f"side must be 'left' or 'right', not {side!r}")
        column = flatten(words, length)
        ids, _ = self._resolver.ids(column)
        if column.sizes is not None:
            return self._padded(ids, column.sizes, length, side)
        if length is None or length == len(ids):
            return ids
        return self._padded(ids, np.array([len(ids)]), length, side).reshape(-1)

    def encode_bags(self, bags: Any, weights: Any = None, include_last_offset: bool = False) -> Bags:
        """Ids of ragged bags. Padding is never among them.

        Parameters
        ----------
        bags
            A list of lists of words, or a column of lists. A bag may be empty, and a word come twice.
        weights
            A number for each word: lists as long as the bags, or one flat array. That of a word which the
            policy drops goes with it; that of a word with several ids (``hash:B:k``) is repeated, or under
            ``subword`` shared among its n-grams.
        include_last_offset
            Whether `offsets` ends with the number of values.

        Returns
        -------
        Bags of values, offsets and weights.

        Raises
        ------
        UnknownTokenError
            Where the policy's ending is ``error``; names the words.
        ValueError
            Where the weights do not fit the words, and for a column with nulls.
        TypeError
            For what is no list of lists of words.
        """
        column = flatten(bags)
        if column.sizes is None and len(column.words):
            raise TypeError("encode_bags takes a list of bags, each a list of words, not a list of words")
        sizes = np.zeros(0, np.int64) if column.sizes is None else column.sizes
        flat_weights = None if weights is None else flatten_weights(weights, sizes)
        bounds = ends_of(sizes)
        values, per_word = self._resolver.ids(column)
        shares_weight = self.policy.ending.shares_weight
        if shares_weight and per_word is None:
            per_word = np.ones(len(values), np.int64)
        if per_word is not None:
            bounds = ends_of(per_word)[bounds]
            if shares_weight:
                shares = np.float32(1) / np.maximum(per_word, 1).astype(np.float32)
                flat_weights = shares if flat_weights is None else flat_weights * shares
            flat_weights = None if flat_weights is None else np.repeat(flat_weights, per_word)
        return Bags(values, bounds if include_last_offset else bounds[:-1], flat_weights)

    @property
    def padding(self) -> bool:
        """Whether there is a padding row."""
        return self.padding_idx is not None

    def _padded(self, ids: Ints, sizes: Ints, length: int | None, side: Side) -> Ints:
        width = int(sizes.max(initial=0)) if length is None else length
        if (sizes == width).all():
            return ids.reshape(len(sizes), width)
        if self.padding_idx is None:
            raise ValueError(
                f"sentences of {sizes.min()} to {sizes.max()} words make no matrix {width} wide without padding: "
                "give padding=True to the encoder or layer"
            )
        matrix = np.full((len(sizes), width), self.padding_idx, np.int64)
        positions = np.arange(width)
        inside = positions < sizes[:, np.newaxis] if side == "right" else positions >= width - sizes[:, np.newaxis]
        matrix[inside] = ids
        return matrix

    def __repr__(self) -> str:
        padding = ", padding=True" if self.padding else ""
        return f"Encoder({self.vocabulary!r}, oov={str(self.policy)!r}{padding})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.vocabulary, self.policy, self.padding)


def _not_carried(vocabulary: Lookup, wanted: SpecialRows, held: SpecialRows | None) -> str:
    """Say why a table does not have rows that nothing can make."""
    if held is not None and held.ending == wanted.ending:
        return (
            f"oov {str(wanted.ending)!r}: {vocabulary!r} has no padding row before its other special rows; convert "
            "writes one with padding=True, and another oov needs none there"
        )
    return wanted.ending.absence(repr(vocabulary), vocabulary.metadata)


def _rebuild(vocabulary: Lookup, policy: Policy, padding: bool) -> Encoder:
    return Encoder(vocabulary, policy, padding=padding)
