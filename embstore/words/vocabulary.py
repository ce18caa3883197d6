"""A vocabulary without vectors: built from data, or empty, so that every word is hashed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from embstore.core.batch import Bytes, Ints, Tokens
from embstore.core.index import Itos, Stoi, VocabBuilder, pack_tokens


class Vocabulary:
    """Words to rows and back: the interface of a `Store` without vectors.

    Parameters
    ----------
    words
        Distinct words: the row of each is its position. Without words every word is unknown, which is how to hash all
        words: ``Encoder(Vocabulary(), oov="hash:4096")``.

    Attributes
    ----------
    stoi
        String to index: a `Mapping` from word to row.
    itos
        Index to string: a `Sequence` of words.

    Raises
    ------
    ValueError
        If a word appears twice, or has a lone surrogate that is not a surrogate escape.

    Examples
    --------
    >>> vocabulary = embstore.Vocabulary(["the", "cat", "sat"])
    >>> vocabulary.stoi["cat"], vocabulary.itos[2], len(vocabulary)
    (1, 'sat', 3)
    >>> "dog" in vocabulary
    False
    """

    metadata: Mapping[str, str] = {}
    special = 0

    def __init__(self, words: Iterable[str] = ()) -> None:
        if isinstance(words, str):
            raise TypeError(f"expected words, not one string: {words!r}")
        self._build(pack_tokens(list(words)))

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
        tokens: Iterable[str] | Iterable[Sequence[str]] | Mapping[str, int],
        min_freq: int = 1,
        max_size: int | None = None,
        specials: Sequence[str] = (),
    ) -> Vocabulary:
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
            Words to put first, in this order, whether or not the data has them.

        Returns
        -------
        Vocabulary of the specials, then the words by decreasing frequency; equally frequent words are in the order of
        their first occurrence.

        Examples
        --------
        >>> with open("corpus.txt") as file:
        ...     vocabulary = embstore.Vocabulary.from_tokens(map(str.split, file), specials=["<unk>"])
        >>> list(vocabulary.itos)
        ['<unk>', 'the', 'cat', 'sat', 'on', 'THE', 'qzxv', 'mat']
        >>> counts = {"the": 120, "cat": 7, "qzxv": 1}
        >>> list(embstore.Vocabulary.from_tokens(counts, min_freq=5).itos)
        ['the', 'cat']
        """
        counts = count_tokens(tokens)
        named = set(specials)
        frequent = (word for word, count in counts.most_common() if count >= min_freq and word not in named)
        kept = [word for word, _ in zip(frequent, range(max_size), strict=False)] if max_size is not None else frequent
        return cls(chain(specials, kept))

    def rows(self, words: Iterable[str]) -> Ints:
        """Return the rows of words: int64 of shape (words,), -1 for an unknown word.

        Examples
        --------
        >>> embstore.Vocabulary(["the", "cat", "sat"]).rows(["sat", "dog", "the"])
        array([ 2, -1,  0])
        """
        if isinstance(words, str):
            raise TypeError("rows takes a list of words; for one word use stoi[word]")
        return self.vocab.rows(words)

    def __len__(self) -> int:
        return self.vocab.size

    def __contains__(self, word: object) -> bool:
        return word in self.stoi

    def __repr__(self) -> str:
        return f"<Vocabulary of {len(self):,} words>"

    def __reduce__(self) -> tuple[object, ...]:
        words = self.vocab.tokens(0, len(self))
        return _unpack, (words.data, words.offsets)


def _unpack(data: Bytes, offsets: Ints) -> Vocabulary:
    vocabulary = Vocabulary.__new__(Vocabulary)
    vocabulary._build(Tokens(data, offsets))
    return vocabulary


def count_tokens(tokens: Iterable[str] | Iterable[Sequence[str]] | Mapping[str, int]) -> Counter[str]:
    """Count words, or the words of sentences; a mapping already has counts."""
    if isinstance(tokens, str):
        raise TypeError(f"expected words, not one string: {tokens!r}")
    if isinstance(tokens, Mapping):
        return Counter(tokens)
    rest = iter(tokens)
    for first in rest:
        items: Any = chain([first], rest)
        return Counter(items if isinstance(first, str) else chain.from_iterable(items))
    return Counter()
