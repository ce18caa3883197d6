"""fastText's character n-grams: which bucket each of a word's falls into.

Bojanowski et al., Enriching Word Vectors with Subword Information, 2017, https://arxiv.org/abs/1607.04606
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from embstore.batch import Bytes, Ints, Tokens

START, PRIME = np.uint32(2166136261), np.uint32(16777619)  # of FNV-1a, 32 bits
END_OF_SENTENCE = b"</s>"


@dataclass(frozen=True, slots=True)
class Ngrams:
    """The n-grams of `least` to `most` characters of ``<word>``, each hashed into one of `buckets`."""

    least: int
    most: int
    buckets: int

    @classmethod
    def parse(cls, text: str) -> Ngrams | None:
        """Make them of what a store's header says, ``3,6,2000000``; None of anything else."""
        numbers = re.fullmatch(r"([0-9]{1,10}),([0-9]{1,10}),([0-9]{1,10})", text)
        ngrams = cls(*map(int, numbers.groups())) if numbers else None
        return ngrams if ngrams and ngrams.there else None

    @property
    def there(self) -> bool:
        """Whether words have any: models may be without."""
        return self.buckets > 0 and self.most >= max(1, self.least)

    def __str__(self) -> str:
        return f"{self.least},{self.most},{self.buckets}"

    def of(self, words: Tokens) -> tuple[Ints, Ints]:
        """Find the n-grams of words.

        Returns
        -------
        Buckets of all n-grams, int64 of shape (n-grams,), and how many of them each word has, (words,). They come
        word by word, and within a word as fastText adds them up: by where they begin, then by length.
        """
        if not len(words) or not self.there:
            return np.zeros(0, np.int64), np.zeros(len(words), np.int64)
        data, owners = _marked(words)
        begins = np.flatnonzero(data & 0xC0 != 0x80)  # where characters begin
        last = np.append(begins[1:], len(data))  # and where they end
        owner = owners[begins]
        is_first = np.append(True, owner[1:] != owner[:-1])
        found: list[tuple[Ints, Ints, Ints]] = []  # owner, where it begins, bucket
        hashes = np.full(len(begins), START)
        alive = np.arange(len(begins))  # n-grams, by where they begin, that end within their word
        for length in range(1, self.most + 1):
            alive = alive[alive + length <= len(begins)]
            tail = alive + length - 1
            inside = owner[tail] == owner[alive]
            alive, tail = alive[inside], tail[inside]
            if not len(alive):
                break
            hashes[alive] = _extended(hashes[alive], data, begins[tail], last[tail])
            if length >= self.least:
                is_mark = is_first[alive] | _ends_word(tail, owner)
                kept = alive[~is_mark] if length == 1 else alive
                found.append((owner[kept], kept * (self.most + 1) + length, hashes[kept].astype(np.int64)))
        return self._in_order(found, len(words))

    def _in_order(self, found: list[tuple[Ints, Ints, Ints]], words: int) -> tuple[Ints, Ints]:
        if not found:
            return np.zeros(0, np.int64), np.zeros(words, np.int64)
        owner, place, hashes = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return hashes[np.argsort(place)] % self.buckets, np.bincount(owner, minlength=words).astype(np.int64)


def _marked(words: Tokens) -> tuple[Bytes, Ints]:
    """Return ``<word>`` of every word end to end, nothing of the end of a sentence, and the word of each byte."""
    marked = [b"" if word == END_OF_SENTENCE else b"<" + word + b">" for word in words.to_bytes()]
    owners = np.repeat(np.arange(len(marked)), [len(word) for word in marked])
    return np.frombuffer(b"".join(marked), np.uint8), owners


def _ends_word(tail: Ints, owner: Ints) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    following = np.append(owner, -1)[tail + 1]
    return np.asarray(following != owner[tail])


def _extended(
    hashes: np.ndarray[tuple[int], np.dtype[np.uint32]], data: Bytes, begins: Ints, ends: Ints
) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    """Hash the bytes [begins, ends) on; each is extended by its sign, as fastText's int8_t is."""
    signed = data.view(np.int8).astype(np.int32).view(np.uint32)
    for step in range(int((ends - begins).max())):
        has = begins + step < ends
        hashes[has] = (hashes[has] ^ signed[begins[has] + step]) * PRIME
    return hashes
