"""``hash``: unknown words become bucket rows, chosen by hashing their bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from embstore.core import kernels
from embstore.core.batch import Ints, RowBlocks, Tokens
from embstore.core.index import pack_for_hashing
from embstore.words.endings.base import Ending, FindIds
from embstore.words.lookup import Lookup
from embstore.words.moments import BLOCK, moments

MAX_BUCKETS = 1 << 32


@dataclass(frozen=True, slots=True)
class Hash(Ending):
    """``hash:B`` or ``hash:B:k``: one of B bucket rows, or the sum of k of them."""

    buckets: int
    k: int = 1

    name: ClassVar[str] = "hash"
    usages: ClassVar[tuple[str, ...]] = ("hash:BUCKETS", "hash:BUCKETS:HASHES")

    def __post_init__(self) -> None:
        if not 1 <= self.buckets <= MAX_BUCKETS or not 1 <= self.k <= 256:
            raise ValueError(f"oov {str(self)!r}: expected 1 to {MAX_BUCKETS:,} buckets and 1 to 256 hashes")

    @classmethod
    def parse(cls, argument: str | None) -> Self:
        """Parse one or two numbers in ASCII digits."""
        numbers = re.fullmatch(r"([0-9]{1,18})(?::([0-9]{1,18}))?", argument or "")
        if numbers is None:
            raise cls.argument_error(argument)
        return cls(int(numbers[1]), int(numbers[2] or 1))

    def __str__(self) -> str:
        return f"{self.name}:{self.buckets}" + (f":{self.k}" if self.k != 1 else "")

    @property
    def ids_per_word(self) -> int:
        """The number of hashes of a word."""
        return self.k

    @property
    def rows(self) -> int:
        """One row per bucket."""
        return self.buckets

    def make_rows(self, table: RowBlocks, seed: int) -> Iterator[NDArray[np.float32]]:
        """Yield rows drawn from a normal distribution with the mean and deviation of the table in each dimension."""
        mean, deviation = moments(table)
        normal = np.random.Generator(np.random.PCG64(seed))
        largest = float(np.finfo(np.float32).max)
        for start in range(0, self.buckets, BLOCK):
            drawn = normal.standard_normal((min(BLOCK, self.buckets - start), table.dim))
            yield np.clip(mean + deviation * drawn, -largest, largest).astype(np.float32)

    def bind(self, vocabulary: Lookup, first_row: int) -> FindIds:
        """Return a function that gives every word the rows of its buckets."""
        del vocabulary
        return lambda words: ((self.buckets_of(words.packed()) + first_row).reshape(-1), None)

    def buckets_of(self, words: list[str] | Tokens) -> Ints:
        """Return the buckets of words, int64 of shape (words, k), in [0, buckets); the same on every machine."""
        packed = pack_for_hashing(words) if isinstance(words, list) else words
        hashes = [kernels.hash_tokens(packed.data, packed.offsets, seed) for seed in range(1, self.k + 1)]
        return (np.stack(hashes, axis=1) % np.uint64(self.buckets)).astype(np.int64)
