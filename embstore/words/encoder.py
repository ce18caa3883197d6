"""Words to ids: a flat sentence, a padded matrix, or ragged bags as values and offsets. Does not need torch."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from embstore.core.batch import Ints, offsets_of
from embstore.core.errors import EmbstoreError
from embstore.words.columns import WordBags, Words, WordWeights, flatten, flatten_weights
from embstore.words.encoded import Bags, Mode, WeightedIds
from embstore.words.lookup import Lookup
from embstore.words.padding import existing_row
from embstore.words.policy import OovLike, Policy
from embstore.words.resolver import Resolver, policy_of
from embstore.words.several_ids import as_columns, check_mode, check_room, weights_in_bags
from embstore.words.special_rows import SpecialRows
from embstore.words.vocabulary import Vocabulary, frozen

Side = Literal["left", "right"]
Number = TypeVar("Number", np.int64, np.float32)


class Encoder:
    """Converts words to ids by a vocabulary, and a policy for unknown words.

    Pickles as the path of the store and the policy, so that passing it to data loader workers is cheap.

    Parameters
    ----------
    vocabulary
        A `Store` or a `Vocabulary`.
    oov
        The policy, as `Policy.parse` takes it: ``"lower,hash:1000"``. None: the policy that the store was written
        for, else ``error``.
    padding
        Whether to have a special row for padding, which batches of uneven length need.
    padding_idx
        The row of the vocabulary that stands for padding instead, such as that of ``<pad>``; a negative number counts
        from the last word.

    Attributes
    ----------
    vocabulary
        As given; of a `Vocabulary` a copy that cannot be changed.
    policy
        The `Policy`.
    padding_idx
        Id of the padding row, None without padding.
    special
        Number of special rows.
    num_embeddings
        Number of all rows: the vocabulary's, then the special rows.
    in_file
        Whether the store has the special rows; otherwise layers make them.

    Raises
    ------
    ValueError
        For text that is not a policy.
    EmbstoreError
        If the policy needs something that the vocabulary does not have: a token for unknown words, or n-grams.
    TypeError
        For both `padding` and `padding_idx`.

    Notes
    -----
    With ``subword`` an unknown word becomes the rows of its n-grams, each weighted by 1 / their number, so that their
    weighted sum is the vector that fastText gives the word (formats/oov/SPEC.md). With ``hash:B:k`` it becomes k rows,
    which are summed. For these policies, and no others, `encode` returns weights beside the ids.

    Examples
    --------
    >>> glove = embstore.open("glove.6B.50d.safetensors")
    >>> encoder = embstore.Encoder(glove, oov="lower,zero", padding=True)
    >>> encoder
    Encoder(<Store glove.6B.50d.safetensors: 400,000 x 50 float32, mapped>, oov='lower,zero', padding=True)
    >>> encoder.padding_idx, encoder.special, encoder.num_embeddings
    (400000, 2, 400002)
    """

    mode: Mode = "sum"  # these two are the defaults of encode_bags: those of the layer that the encoder belongs to
    include_last_offset: bool = False

    def __init__(
        self, vocabulary: Lookup, oov: OovLike = None, *, padding: bool = False, padding_idx: int | None = None
    ) -> None:
        if isinstance(vocabulary, Vocabulary):
            vocabulary = frozen(vocabulary)  # words that are inserted later would have the ids of special rows
        self.vocabulary, self.policy = vocabulary, policy_of(vocabulary, oov)
        required = SpecialRows(padding, self.policy.ending)
        stored = SpecialRows.of_table(vocabulary.metadata, vocabulary.special)
        self.in_file = bool(required.rows) and stored is not None and stored.covers(required)
        if self.policy.ending.rows_from_source and not self.in_file:
            raise EmbstoreError(_missing_rows(vocabulary, required, stored))
        special = stored if stored is not None and self.in_file else required
        self.special = special.rows
        self.num_embeddings = len(vocabulary) + special.rows
        self.padding_idx = len(vocabulary) if padding else None
        if padding_idx is not None:
            self.padding_idx = existing_row(padding_idx, len(vocabulary), padding=padding)
        self._resolver = Resolver(vocabulary, self.policy, len(vocabulary) + special.ending_row)

    def encode(self, words: Words, length: int | None = None, side: Side = "right") -> Ints | Any:
        """Return the ids of a sentence, or of a batch of sentences as a matrix.

        Parameters
        ----------
        words
            A list of words or a column of strings; or a list of lists or a column of lists. An empty list is a
            sentence without words.
        length
            Truncate or pad every sentence to this number of words.
        side
            Where the padding goes: ``right``, at the end, or ``left``, at the start. Truncation always removes words
            from the end.

        Returns
        -------
        int64 of shape (words,) for a sentence, (sentences, longest) for a batch; with `length` the last dimension is
        `length`. For policies with several ids for a word, ``subword`` and ``hash:B:k`` with k > 1: `WeightedIds`, with
        one more dimension for the ids of a word.

        Raises
        ------
        UnknownTokenError
            For unknown words, if the ending of the policy is ``error``; names the words.
        ValueError
            For sentences of different lengths without padding, for a column with nulls, for ``skip``, which only bags
            support, and for a word with so many n-grams that the matrix would need gigabytes.
        TypeError
            For anything that is not a list of words, including a single string.

        Examples
        --------
        >>> glove = embstore.open("glove.6B.50d.safetensors")
        >>> encoder = embstore.Encoder(glove, oov="lower,zero", padding=True)
        >>> encoder.encode(["the", "CAT", "qzxv"])
        array([     0,   5450, 400001])
        >>> encoder.encode([["the", "cat"], ["sat"]])
        array([[     0,   5450],
               [  3223, 400000]])
        >>> encoder.encode(["the", "cat", "sat"], length=5, side="left")
        array([400000, 400000,      0,   5450,   3223])
        """
        ending = self.policy.ending
        if ending.ids_per_word == 0:
            raise ValueError(f"oov {str(ending)!r} {ending.ids_text}, which only bags support: use encode_bags")
        if length is not None and length < 0:
            raise ValueError(f"length must be 0 or more, not {length}")
        if side not in ("left", "right"):
            raise ValueError(f"side must be 'left' or 'right', not {side!r}")
        column = flatten(words, length)
        ids, counts = self._resolver.ids(column)
        if not ending.several_ids:
            return self._arranged(ids, column.sizes, length, side, self.padding_idx)
        check_room(column, counts, len(column.words) if column.sizes is None else _cells(column.sizes, length))
        unused = self.padding_idx if self.padding else None  # the row of a word may hold NaN
        columns = as_columns(ids, counts, ending, unused)
        return WeightedIds(
            self._arranged(columns.ids, column.sizes, length, side, self.padding_idx),
            self._arranged(columns.weights, column.sizes, length, side, 0),
        )

    def encode_bags(
        self,
        bags: WordBags,
        weights: WordWeights | None = None,
        include_last_offset: bool | None = None,
        mode: Mode | None = None,
    ) -> Bags:
        """Return the ids of ragged bags, without padding.

        Parameters
        ----------
        bags
            A list of lists of words, or a column of lists. Bags may be empty and may repeat words.
        weights
            A number for each word: lists as long as the bags, or one flat array. The weight of a word that the policy
            drops is dropped. The weight of a word with several ids is repeated for each id (``hash:B:k``), or divided
            by the number of its n-grams (``subword``).
        include_last_offset
            Whether `offsets` ends with the number of values. None: as the layer of this encoder expects it, else False.
        mode
            The mode of the layer that gets the bags. None: that of the layer of this encoder, else ``sum``.

            For ``mean`` the weights of a bag's words are divided by their total, so that the layer has only to sum: the
            result is sum(weight * vector) / sum(weight) over the words, or zeros if the weights add up to 0. A word
            without ids, as one without n-grams, has a vector of zeros, and counts; a word that the policy drops does
            not. Without `weights`, and with one id for each word, nothing is divided, and `Bags.weights` is None: the
            layer takes the mean itself.

        Returns
        -------
        Bags of values, offsets and weights.

        Raises
        ------
        UnknownTokenError
            For unknown words, if the ending of the policy is ``error``; names the words.
        ValueError
            For another mode, if a bag has more or fewer weights than words, for weights with ``mode="max"``, and for a
            column with nulls.
        EmbstoreError
            For ``mode="max"`` with a policy that gives a word several ids.
        TypeError
            For anything that is not a list of lists of words.

        Examples
        --------
        >>> glove = embstore.open("glove.6B.50d.safetensors")
        >>> encoder = embstore.Encoder(glove, oov="skip")
        >>> encoder.encode_bags([["the", "cat"], [], ["qzxv", "sat"]], weights=[[1, 0.5], [], [2, 3]])
        Bags(values=array([   0, 5450, 3223]), offsets=array([0, 2, 2]),
            weights=array([1. , 0.5, 3. ], dtype=float32))
        >>> encoder.encode_bags([["the", "cat"]], weights=[[1, 3]], mode="mean").weights
        array([0.25, 0.75], dtype=float32)
        """
        ending, mode = self.policy.ending, mode or self.mode
        last = self.include_last_offset if include_last_offset is None else include_last_offset
        check_mode(mode, ending)
        if weights is not None and mode == "max":
            raise ValueError("weights need mode='sum' or mode='mean', not 'max'")
        column = flatten(bags)
        if column.sizes is None and len(column.words):
            raise TypeError("encode_bags takes a list of bags, each a list of words, not a list of words")
        sizes = np.zeros(0, np.int64) if column.sizes is None else column.sizes
        word_weights = None if weights is None else flatten_weights(weights, sizes)
        values, counts = self._resolver.ids(column)
        bounds = offsets_of(sizes)
        if counts is not None:
            bounds = offsets_of(counts)[bounds]
        id_weights = weights_in_bags(word_weights, sizes, counts, ending, mode, self._padding_words(values, counts))
        return Bags(values, bounds if last else bounds[:-1], id_weights)

    def for_bags(self, mode: Mode, *, include_last_offset: bool = False) -> Encoder:
        """Return an encoder with the same words and policy for a layer of bags; it has these options by default.

        Examples
        --------
        >>> glove = embstore.open("glove.6B.50d.safetensors")
        >>> encoder = embstore.Encoder(glove).for_bags("mean", include_last_offset=True)
        >>> encoder.encode_bags([["the", "cat"]], weights=[[1, 3]])
        Bags(values=array([   0, 5450]), offsets=array([0, 2]), weights=array([0.25, 0.75], dtype=float32))
        """
        check_mode(mode, self.policy.ending)
        made = Encoder.__new__(Encoder)
        made.__dict__.update(self.__dict__, mode=mode, include_last_offset=include_last_offset)
        return made

    @property
    def padding(self) -> bool:
        """Whether one of the special rows is for padding."""
        return self.padding_idx is not None and self.padding_idx >= len(self.vocabulary)

    def _padding_words(self, values: Ints, counts: Ints | None) -> NDArray[np.bool_] | None:
        """Return which words, (words,), have the row of the vocabulary that stands for padding."""
        row = self._row_for_padding
        if row is None:
            return None
        found: NDArray[np.bool_] = values == row if counts is None else counts == 1
        if counts is None:
            return found
        found[found] = values[(np.cumsum(counts) - counts)[found]] == row
        return found

    @property
    def _row_for_padding(self) -> int | None:
        return None if self.padding else self.padding_idx

    def _arranged(
        self, values: NDArray[Number], sizes: Ints | None, length: int | None, side: Side, fill: int | None
    ) -> NDArray[Number]:
        """Arrange what each word has, (words, ...), by sentences, (sentences, length, ...), unless it is one."""
        if sizes is not None:
            return self._padded(values, sizes, length, side, fill)
        if length is None or length == len(values):
            return values
        sentence: NDArray[Number] = self._padded(values, np.array([len(values)]), length, side, fill)[0]
        return sentence

    def _padded(
        self, values: NDArray[Number], sizes: Ints, length: int | None, side: Side, fill: int | None
    ) -> NDArray[Number]:
        width = int(sizes.max(initial=0)) if length is None else length
        if (sizes == width).all():
            return values.reshape(len(sizes), width, *values.shape[1:])
        if self.padding_idx is None:
            raise ValueError(
                f"sentences of {sizes.min()} to {sizes.max()} words do not fill a matrix of {width} columns without "
                "padding: pass padding=True to the encoder or layer"
            )
        matrix = np.full((len(sizes), width, *values.shape[1:]), fill, values.dtype)
        positions = np.arange(width)
        inside = positions < sizes[:, np.newaxis] if side == "right" else positions >= width - sizes[:, np.newaxis]
        matrix[inside] = values
        return matrix

    def __repr__(self) -> str:
        row = self._row_for_padding
        padding = ", padding=True" if self.padding else f", padding_idx={row}" if row is not None else ""
        return f"Encoder({self.vocabulary!r}, oov={str(self.policy)!r}{padding})"

    def __reduce__(self) -> tuple[object, ...]:
        options = self.mode, self.include_last_offset
        return _rebuild, (self.vocabulary, self.policy, self.padding, self._row_for_padding, *options)


def _cells(sizes: Ints, length: int | None) -> int:
    return len(sizes) * (int(sizes.max(initial=0)) if length is None else length)


def _missing_rows(vocabulary: Lookup, required: SpecialRows, stored: SpecialRows | None) -> str:
    """Return the message for a table without special rows that can only be copied from a source."""
    if stored is not None and stored.ending == required.ending and required.ending.rows:
        return (
            f"oov {str(required.ending)!r}: {vocabulary!r} has no padding row before its other special rows; convert "
            "it with padding=True, or use another oov"
        )
    return required.ending.missing_rows(repr(vocabulary), vocabulary.metadata)


def _rebuild(
    vocabulary: Lookup, policy: Policy, padding: bool, padding_idx: int | None, mode: Mode, include_last_offset: bool
) -> Encoder:
    encoder = Encoder(vocabulary, policy, padding=padding, padding_idx=padding_idx)
    encoder.mode, encoder.include_last_offset = mode, include_last_offset
    return encoder
