"""A vocabulary without vectors: built from data, or empty for a catalogue that is hashed whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from embstore.core.batch import Ints, Tokens
from embstore.core.index import Itos, Stoi, VocabBuilder, pack_tokens


class Vocabulary:
    """Words to rows and back, with the interface of a `Store` but its vectors.

    Parameters
    ----------
    words
        Distinct words: the row of each is its position. None at all for a catalogue that is hashed whole:
        ``Encoder(Vocabulary(), oov="hash:4096")``.

    Attributes
    ----------
    stoi
        String to index: a `Mapping` from word to row.
    itos
        Index to string: a `Sequence` of words.

    Raises
    ------
    ValueError
        Where a word comes twice, or holds a lone surrogate that stands for no byte.
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
            twice = int(np.flatnonzero(rows != np.arange(len(rows)))[0])
            name = words[twice : twice + 1].data.tobytes().decode("utf-8", "replace")
            raise ValueError(f"the word {name!r} comes twice: Vocabulary.from_tokens counts repeated ones")
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
            Words as they come, or sentences of them, read once; or a mapping from word to count.
        min_freq
            Leave out what comes less often.
        max_size
            Keep so many of the most frequent words at most, the specials aside.
        specials
            Words that come first, in this order, whether or not the data has them.

        Returns
        -------
        Vocabulary of the specials, then the words by falling frequency, equally frequent ones in the order in
        which they came.
        """
        counts = count_tokens(tokens)
        named = set(specials)
        frequent = (word for word, count in counts.most_common() if count >= min_freq and word not in named)
        kept = [word for word, _ in zip(frequent, range(max_size), strict=False)] if max_size is not None else frequent
        return cls(chain(specials, kept))

    def rows(self, words: Iterable[str]) -> Ints:
        """Rows of words: int64 of shape (words,), -1 where one is unknown."""
        if isinstance(words, str):
            raise TypeError("rows takes a list of words; for one word use stoi[word]")
        return self.vocab.rows(words)

    def __len__(self) -> int:
        return self.vocab.size

    def __contains__(self, word: object) -> bool:
        return word in self.stoi

    def __repr__(self) -> str:
        return f"<Vocabulary of {len(self):,} words>"

    def __reduce__(self) -> tuple[Any, ...]:
        words = self.vocab.tokens(0, len(self))
        return _unpack, (words.data, words.offsets)


def _unpack(data: Any, offsets: Any) -> Vocabulary:
    vocabulary = Vocabulary.__new__(Vocabulary)
    vocabulary._build(Tokens(data, offsets))
    return vocabulary


def count_tokens(tokens: Iterable[str] | Iterable[Sequence[str]] | Mapping[str, int]) -> Counter[str]:
    """Count words as they come, or sentences of them; counts are taken as they are."""
    if isinstance(tokens, str):
        raise TypeError(f"expected words, not one string: {tokens!r}")
    if isinstance(tokens, Mapping):
        return Counter(tokens)
    rest = iter(tokens)
    for first in rest:
        items: Any = chain([first], rest)
        return Counter(items if isinstance(first, str) else chain.from_iterable(items))
    return Counter()
