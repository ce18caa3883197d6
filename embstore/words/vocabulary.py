"""A vocabulary without vectors: built from data, or empty, so that every word is hashed."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, Literal, NoReturn, Self, TypeVar, cast, get_args

import numpy as np

from embstore.core.batch import Bytes, Ints, Tokens
from embstore.core.errors import UnknownTokenError
from embstore.core.index import Itos, Stoi, VocabBuilder, pack_tokens
from embstore.words.columns import FlatWords, Words, as_arrow, flatten, in_row_order, listed, rows_of

Ties = Literal["first", "alphabetical"]


class Vocabulary:
    """Words to rows and back: the interface of a `Store` without vectors, and that of torchtext's `Vocab`.

    Encoders and layers keep the words that the vocabulary had when they were made.

    Parameters
    ----------
    words
        Distinct words: the row of each is its position, or its value in a mapping from word to row, such as
        ``tokenizer.get_vocab()``. Without words every word is unknown, which is how to hash all words:
        ``Encoder(Vocabulary(), oov="hash:4096")``.

    Attributes
    ----------
    stoi
        String to index: a `Mapping` from word to row.
    itos
        Index to string: a `Sequence` of words.
    frozen
        Whether it is the vocabulary of an encoder, into which no word can be inserted.

    Raises
    ------
    ValueError
        If a word appears twice, or has a lone surrogate that is not a surrogate escape.

    Notes
    -----
    Two vocabularies are equal if they have the same words in the same order. As words can be inserted, a vocabulary
    has no hash. There is no default index: unknown words have the row that the policy of an `Encoder` gives them.

    Examples
    --------
    >>> vocabulary = embstore.Vocabulary(["the", "cat", "sat"])
    >>> vocabulary["cat"], vocabulary.itos[2], len(vocabulary), list(vocabulary)
    (1, 'sat', 3, ['the', 'cat', 'sat'])
    >>> "dog" in vocabulary
    False
    >>> vocabulary["dog"]
    Traceback (most recent call last):
        ...
    embstore.core.errors.UnknownTokenError: not in the vocabulary: 'dog'
    """

    metadata: Mapping[str, str] = {}
    special = 0
    frozen = False

    def __init__(self, words: FlatWords = ()) -> None:
        self._build(pack_tokens(listed(in_row_order(_several(words)))))

    def _build(self, words: Tokens) -> None:
        builder = VocabBuilder(len(words))
        rows = builder.add(words)
        if builder.size != len(words):
            repeated = int(np.flatnonzero(rows != np.arange(len(rows)))[0])
            name = words[repeated : repeated + 1].data.tobytes().decode("utf-8", "replace")
            raise ValueError(f"the word {name!r} appears twice: Vocabulary.from_tokens counts repeated words")
        self.vocab = builder.vocab()
        self.stoi, self.itos = Stoi(self.vocab), Itos(self.vocab)

    @classmethod
    def from_tokens(
        cls,
        tokens: Words | Mapping[str, int],
        min_freq: int = 1,
        max_size: int | None = None,
        specials: Sequence[str] = (),
        *,
        special_first: bool = True,
        ties: Ties = "first",
    ) -> Self:
        """Build a vocabulary from data.

        Parameters
        ----------
        tokens
            Words, or sentences of words, read once; or a mapping from word to count.
        min_freq
            The minimum count of a word.
        max_size
            The maximum number of words, without the specials; the most frequent words are kept.
        specials
            Words to add in this order, whether or not the data has them.
        special_first
            Whether the specials are the first words, or the last.
        ties
            The order of equally frequent words: ``first``, that of their first occurrence, or ``alphabetical``, by
            code points. With ``alphabetical`` the rows are the ids of torchtext's `build_vocab_from_iterator`, whose
            ``max_tokens=n`` is ``max_size=n - len(specials)`` here, except that words of the data that are specials
            count there.

        Returns
        -------
        Vocabulary of the specials and the words by decreasing frequency.

        Examples
        --------
        >>> with open("corpus.txt") as file:
        ...     vocabulary = embstore.Vocabulary.from_tokens(map(str.split, file), specials=["<unk>"])
        >>> list(vocabulary)
        ['<unk>', 'the', 'cat', 'sat', 'on', 'THE', 'qzxv', 'mat']
        >>> sentences = [["the", "dog", "saw", "the", "cat"]]
        >>> list(embstore.Vocabulary.from_tokens(sentences, specials=["<unk>"], ties="alphabetical"))
        ['<unk>', 'the', 'cat', 'dog', 'saw']
        >>> counts = {"cat": 7, "the": 120, "qzxv": 1}
        >>> list(embstore.Vocabulary.from_tokens(counts, min_freq=5))
        ['the', 'cat']
        """
        if ties not in get_args(Ties):
            raise ValueError(f"ties must be 'first' or 'alphabetical', not {ties!r}")
        counts = count_tokens(tokens)
        ordered = (
            counts.most_common() if ties == "first" else sorted(counts.items(), key=lambda each: (-each[1], each[0]))
        )
        return cls(_chosen(ordered, min_freq, max_size, specials, special_first=special_first))

    @classmethod
    def from_counts(
        cls,
        counts: Mapping[str, int],
        min_freq: int = 1,
        max_size: int | None = None,
        specials: Sequence[str] = (),
        *,
        special_first: bool = True,
    ) -> Self:
        """Build a vocabulary of the words of a mapping, in its own order, as torchtext's `vocab(ordered_dict)` does.

        Parameters
        ----------
        counts
            Word to count.
        min_freq, specials, special_first
            As for `from_tokens`, which sorts the words by count.
        max_size
            The maximum number of words, without the specials; the first are kept.

        Examples
        --------
        >>> counts = {"cat": 7, "the": 120, "qzxv": 1}
        >>> list(embstore.Vocabulary.from_counts(counts, min_freq=5, specials=["<pad>"]))
        ['<pad>', 'cat', 'the']
        """
        if not isinstance(counts, Mapping):
            raise TypeError(f"from_counts takes a mapping from word to count, not {type(counts).__name__}")
        return cls(_chosen(counts.items(), min_freq, max_size, specials, special_first=special_first))

    def rows(self, words: FlatWords) -> Ints:
        """Return the rows of words: int64 of shape (words,), -1 for an unknown word.

        The words are a list or another iterable of str, or a column of strings of pyarrow, pandas or polars.

        Examples
        --------
        >>> embstore.Vocabulary(["the", "cat", "sat"]).rows(["sat", "dog", "the"])
        array([ 2, -1,  0])
        """
        return rows_of(self.vocab, words)

    def lookup_indices(self, tokens: FlatWords) -> list[int]:
        """Return the rows of words as a list, as calling the vocabulary does too.

        Raises UnknownTokenError, which names the unknown words.

        Examples
        --------
        >>> vocabulary = embstore.Vocabulary(["the", "cat", "sat"])
        >>> vocabulary.lookup_indices(["sat", "the"]), vocabulary(["sat", "the"])
        ([2, 0], [2, 0])
        """
        words = listed(_several(tokens))
        rows: list[int] = self.vocab.rows(words).tolist()
        if -1 in rows:
            missing = dict.fromkeys(word for word, row in zip(words, rows, strict=True) if row < 0)
            raise UnknownTokenError(list(missing))
        return rows

    def lookup_token(self, index: int) -> str:
        """Return the word of a row; IndexError for any other number, also for a negative one.

        Examples
        --------
        >>> embstore.Vocabulary(["the", "cat", "sat"]).lookup_token(1)
        'cat'
        """
        row = operator.index(index)
        if row < 0:  # itos counts from the end, but the -1 of an unknown word is no word
            raise IndexError(f"row {row} is out of range for a vocabulary of {len(self):,} tokens")
        return self.itos[row]

    def lookup_tokens(self, indices: Iterable[int]) -> list[str]:
        """Return the words of rows; IndexError for any other number, also for a negative one.

        Examples
        --------
        >>> embstore.Vocabulary(["the", "cat", "sat"]).lookup_tokens([2, 0])
        ['sat', 'the']
        """
        return [self.lookup_token(index) for index in indices]

    def get_stoi(self) -> dict[str, int]:
        """Return `stoi` as a dict, a copy.

        Examples
        --------
        >>> embstore.Vocabulary(["the", "cat"]).get_stoi()
        {'the': 0, 'cat': 1}
        """
        return {word: row for row, word in enumerate(self)}

    def get_itos(self) -> list[str]:
        """Return `itos` as a list, a copy.

        Examples
        --------
        >>> embstore.Vocabulary(["the", "cat"]).get_itos()
        ['the', 'cat']
        """
        return list(self.itos)

    def append_token(self, token: str) -> None:
        """Add a word after the others, as `insert_token` does; `append` is the same method.

        Examples
        --------
        >>> vocabulary = embstore.Vocabulary(["the", "cat"])
        >>> vocabulary.append_token("sat")
        >>> vocabulary["sat"]
        2
        """
        self.insert_token(token, len(self))

    append = append_token

    def insert_token(self, token: str, index: int) -> None:
        """Insert a word as that of a row; the rows of the words from there on grow by 1.

        Encoders and layers that were made before do not see it: their special rows and their weights stay right. Each
        call builds the index again, so many words are better added at once: ``Vocabulary([*vocabulary, *words])``.

        Raises
        ------
        ValueError
            If the vocabulary has the word, or is that of an encoder, whose ids would change.
        IndexError
            If the index is not from 0 to the number of words.

        Examples
        --------
        >>> vocabulary = embstore.Vocabulary(["the", "cat"])
        >>> encoder = embstore.Encoder(vocabulary, oov="zero")
        >>> vocabulary.insert_token("<pad>", 0)
        >>> list(vocabulary), list(encoder.vocabulary)
        (['<pad>', 'the', 'cat'], ['the', 'cat'])
        """
        if self.frozen:
            raise ValueError(
                "an encoder has this vocabulary, and its ids must stay: insert into a copy, Vocabulary(vocabulary)"
            )
        row = operator.index(index)
        if not isinstance(token, str):
            raise TypeError(f"a word must be a str, not {type(token).__name__}")
        if token in self:
            raise ValueError(f"the vocabulary has the word {token!r} already, in row {self[token]}")
        if not 0 <= row <= len(self):
            raise IndexError(f"index {row} is out of range: expected 0 to {len(self)}, the number of words")
        words = self.get_itos()
        words.insert(row, token)
        self._build(pack_tokens(words))

    def __getitem__(self, token: str) -> int:
        if not isinstance(token, str):
            raise TypeError(
                f"vocabulary[...] takes one word, not {token!r}: for several words use lookup_indices, for the word of "
                "a row itos"
            )
        return self.stoi[token]

    __call__ = lookup_indices

    def __getattr__(self, name: str) -> NoReturn:
        if name in ("set_default_index", "get_default_index"):
            raise AttributeError(
                "a Vocabulary has no default index: a policy says what becomes of unknown words, as in "
                "Encoder(vocabulary, oov='unk'), which gives them the row of '<unk>'"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    def __len__(self) -> int:
        return self.vocab.size

    def __iter__(self) -> Iterator[str]:
        return iter(self.itos)

    def __contains__(self, word: object) -> bool:
        return word in self.stoi

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocabulary):
            return NotImplemented
        mine, others = (each.vocab.view_tokens(0, len(each)) for each in (self, other))
        return np.array_equal(mine.offsets, others.offsets) and np.array_equal(mine.data, others.data)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Vocabulary of {len(self):,} words>"

    def __reduce__(self) -> tuple[object, ...]:
        words = self.vocab.tokens(0, len(self))
        return _unpack, (words.data, words.offsets)


def frozen(vocabulary: Vocabulary) -> Vocabulary:
    """Return a vocabulary with the same words and the same index, which cannot be changed."""
    if vocabulary.frozen:
        return vocabulary
    kept = Vocabulary.__new__(Vocabulary)
    kept.vocab, kept.stoi, kept.itos, kept.frozen = vocabulary.vocab, vocabulary.stoi, vocabulary.itos, True
    return kept


def _unpack(data: Bytes, offsets: Ints) -> Vocabulary:
    vocabulary = Vocabulary.__new__(Vocabulary)
    vocabulary._build(Tokens(data, offsets))
    return vocabulary


WordsT = TypeVar("WordsT")


def _several(words: WordsT) -> WordsT:
    """Return the words; TypeError for one string, whose letters are no words."""
    if isinstance(words, str):
        raise TypeError(f"expected words, not one string: {words!r}")
    return words


def _chosen(
    counts: Iterable[tuple[str, int]],
    min_freq: int,
    max_size: int | None,
    specials: Sequence[str],
    *,
    special_first: bool,
) -> list[str]:
    """Return the specials and the frequent words among others."""
    if max_size is not None and max_size < 0:
        raise ValueError(f"max_size must be 0 or more, not {max_size}")
    first = list(_several(specials))
    named = set(first)
    frequent = (word for word, count in counts if count >= min_freq and word not in named)
    kept = list(islice(frequent, max_size))
    return [*first, *kept] if special_first else [*kept, *first]


def count_tokens(tokens: Words | Mapping[str, int]) -> Counter[str]:
    """Count words, or the words of sentences; a mapping already has counts."""
    if isinstance(_several(tokens), Mapping):
        return Counter(cast("Mapping[str, int]", tokens))
    if not isinstance(tokens, list | tuple) and as_arrow(tokens) is not None:
        return Counter(flatten(tokens).strings())
    rest = iter(cast("Iterable[str] | Iterable[Iterable[str]]", tokens))
    for first in rest:
        items: Any = chain([first], rest)
        return Counter(items if isinstance(first, str) else chain.from_iterable(items))
    return Counter()
