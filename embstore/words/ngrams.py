"""fastText's character n-grams: finds the n-grams of words and hashes each into a bucket.

Bojanowski et al., Enriching Word Vectors with Subword Information, 2017, https://arxiv.org/abs/1607.04606
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embstore.core.batch import Bytes, Ints, Tokens

START, PRIME = np.uint32(2166136261), np.uint32(16777619)  # constants of the 32-bit FNV-1a hash
END_OF_SENTENCE = b"</s>"
LONGEST = 100  # maximum of `most`; models have 6. A word has up to that many n-grams for each of its characters
BLOCK = 1 << 18  # n-grams made at a time, for words of any length

Hashes = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Ngrams:
    """The n-grams of `least` to `most` characters of ``<word>``, each hashed into one of `buckets`."""

    least: int
    most: int
    buckets: int

    @classmethod
    def parse(cls, text: str) -> Ngrams | None:
        """Parse the text of a store's header, ``3,6,2000000``; None for any other text."""
        numbers = re.fullmatch(r"([0-9]{1,10}),([0-9]{1,10}),([0-9]{1,10})", text)
        ngrams = cls(*map(int, numbers.groups())) if numbers else None
        return ngrams if ngrams and ngrams.enabled and ngrams.most <= LONGEST else None

    @property
    def enabled(self) -> bool:
        """Whether words have n-grams: models may have none."""
        return self.buckets > 0 and self.most >= max(1, self.least)

    def __str__(self) -> str:
        return f"{self.least},{self.most},{self.buckets}"

    def of(self, words: Tokens) -> tuple[Ints, Ints]:
        """Find the n-grams of words.

        Returns
        -------
        Buckets of all n-grams, int64 of shape (n-grams,), and the number of n-grams of each word, (words,). N-grams are
        ordered by word, then as fastText sums them: by first character, then by length.
        """
        found, counts = [np.zeros(0, np.int64)], np.zeros(len(words), np.int64)
        for buckets, owners in self.blocks(words):
            found.append(buckets)
            counts[owners[0] : owners[-1] + 1] += np.bincount(owners - owners[0])
        return np.concatenate(found), counts

    def blocks(self, words: Tokens) -> Iterator[tuple[Ints, Ints]]:
        """Yield the n-grams in blocks of up to about `BLOCK`: the bucket and the word position of each n-gram."""
        if not len(words) or not self.enabled:
            return
        data, ends = _marked(words)
        begins = np.append(np.flatnonzero(data & 0xC0 != 0x80), len(data))  # the start of each character, and the end
        step = max(1, BLOCK // self.most)
        for start in range(0, len(begins) - 1, step):
            reach = begins[
                start : start + step + self.most
            ]  # all characters of the n-grams that start here, and the end
            owners = np.searchsorted(ends, reach[:-1], "right")
            is_mark = (reach[:-1] == np.append(0, ends)[owners]) | (reach[1:] == ends[owners])
            hashes, found = self._hashed(data[reach[0] : reach[-1]], reach - reach[0], owners, step)
            found[:, 0] &= ~is_mark[:step]
            buckets, owners = hashes[found].astype(np.int64) % self.buckets, owners[np.nonzero(found)[0]]
            if len(buckets):
                yield buckets, owners

    def _hashed(self, data: Bytes, begins: Ints, owners: Ints, step: int) -> tuple[Hashes, NDArray[np.bool_]]:
        """Hash the n-grams that start at the first `step` characters: hashes, and which are n-grams, (step, most) each.

        Parameters
        ----------
        begins
            The start of each character of `data`, and the end of `data`.
        owners
            The word of each character; n-grams do not extend beyond their word.
        """
        count = min(step, len(owners))
        hashes, found = np.empty((count, self.most), np.uint32), np.zeros((count, self.most), np.bool_)
        running, first = np.full(count, START), np.arange(count)
        for length in range(1, self.most + 1):
            first = first[first + length <= len(owners)]
            last = first + length - 1
            inside = owners[last] == owners[first]
            first, last = first[inside], last[inside]
            if not len(first):
                break
            _extend(running, first, data, begins[last], begins[last + 1])
            if length >= self.least:
                hashes[first, length - 1], found[first, length - 1] = running[first], True
        return hashes, found


def _marked(words: Tokens) -> tuple[Bytes, Ints]:
    """Return ``<word>`` for every word, end to end, and the end of each; the end-of-sentence token has no n-grams."""
    marked = [b"" if word == END_OF_SENTENCE else b"<" + word + b">" for word in words.to_bytes()]
    return np.frombuffer(b"".join(marked), np.uint8), np.cumsum([len(word) for word in marked])


def _extend(hashes: Hashes, which: Ints, data: Bytes, begins: Ints, ends: Ints) -> None:
    """Add the bytes [begins, ends) to hashes; bytes are sign-extended, like int8_t in fastText."""
    signed = data.view(np.int8)
    while len(which):
        hashes[which] = (hashes[which] ^ signed[begins].astype(np.int32).view(np.uint32)) * PRIME
        begins = begins + 1
        more = begins < ends
        which, begins, ends = which[more], begins[more], ends[more]
