"""Batches of tokens and vectors, and `Source`, a table being read: every codec reads into and writes from these."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Protocol, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from embstore.core.limits import MAX_EXPECTED
from embstore.core.options import Dtype

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Vectors = NDArray[Any]

NEWLINE, RETURN = 10, 13
SHOWN = 10  # places of an oddity that are listed


@dataclass(frozen=True, slots=True)
class Tokens:
    """Strings packed as in Arrow: their UTF-8 bytes end to end, and the offset of each string.

    Attributes
    ----------
    data
        uint8 of shape (bytes,).
    offsets
        int64 of shape (tokens + 1,), from 0, not decreasing: token ``i`` is ``data[offsets[i]:offsets[i + 1]]``.
    """

    data: Bytes
    offsets: Ints

    @classmethod
    def pack(cls, words: Iterable[str | bytes]) -> Tokens:
        """Pack words; surrogate escapes (bytes that are not UTF-8, decoded with surrogateescape) become bytes again."""
        packed = [word.encode("utf-8", "surrogateescape") if isinstance(word, str) else word for word in words]
        sizes = np.fromiter(map(len, packed), np.int64, len(packed))
        return cls(np.frombuffer(b"".join(packed), np.uint8), offsets_of(sizes))

    @classmethod
    def lines(cls, text: bytes) -> Tokens:
        r"""Pack the lines of a text, without newlines; ``\r`` is removed too if every line ends in ``\r\n``."""
        data = np.frombuffer(text, np.uint8)
        ends = np.flatnonzero(data == NEWLINE)
        if len(data) and data[-1] != NEWLINE:
            ends = np.append(ends, len(data))
        sizes, kept = np.diff(ends, prepend=-1) - 1, data != NEWLINE
        if sizes.all() and (data[ends - 1] == RETURN).all():
            sizes, kept[ends - 1] = sizes - 1, False
        return cls(data[kept], offsets_of(sizes))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, item: slice) -> Tokens:
        start, stop, _ = item.indices(len(self))
        stop = max(start, stop)
        bounds = self.offsets[start : stop + 1]
        return Tokens(self.data[bounds[0] : bounds[-1]], bounds - bounds[0])

    def to_bytes(self) -> list[bytes]:
        """Return every token as bytes."""
        data, ends = self.data.tobytes(), self.offsets.tolist()
        return [data[start:stop] for start, stop in pairwise(ends)]

    def take(self, keep: NDArray[Any]) -> Tokens:
        """Return a copy of the tokens selected by a mask or an array of positions."""
        chosen = np.flatnonzero(keep) if keep.dtype == bool else keep
        starts = self.offsets[chosen]
        sizes = self.offsets[chosen + 1] - starts
        offsets = offsets_of(sizes)
        places = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], sizes)
        return Tokens(self.data[places], offsets)

    def not_utf8(self) -> Sequence[int]:
        """Positions of the tokens that are not valid UTF-8."""
        joined = self.data.tobytes()
        if joined.isascii():
            return []
        starts = self.offsets[:-1][np.diff(self.offsets) > 0]
        try:  # all bytes together are valid, and no token begins inside a character: every token is valid
            joined.decode()
            if not (self.data[starts] & 0xC0 == 0x80).any():
                return []
        except UnicodeDecodeError:
            pass
        return [i for i, word in enumerate(self.to_bytes()) if not is_utf8(word)]


def offsets_of(sizes: Ints) -> Ints:
    """Return the offsets of consecutive items of these sizes: int64 of shape (items + 1,)."""
    offsets = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    return offsets


def is_utf8(word: bytes) -> bool:
    """Return whether bytes are valid UTF-8."""
    try:
        word.decode()
    except UnicodeDecodeError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a table.

    Attributes
    ----------
    tokens
        The tokens of the rows, packed.
    vectors
        (rows, dim), a floating NumPy dtype, C-contiguous. Must not be changed later.
    codes
        The int8 rows, (rows, dim + 8), that `vectors` were decoded from, unless the vectors were changed: rounding
        the vectors again could give slightly different codes.
    counts
        int64 of shape (rows,): how often each token was seen in the text that the table was made from; None if the
        source does not say.
    """

    tokens: Tokens
    vectors: Vectors
    codes: Bytes | None = None
    counts: Ints | None = None

    def take(self, keep: NDArray[Any]) -> Batch:
        """Return a copy of the rows selected by a mask or an array of positions."""
        codes = None if self.codes is None else self.codes[keep]
        counts = None if self.counts is None else self.counts[keep]
        return Batch(self.tokens.take(keep), self.vectors[keep], codes, counts)

    def first(self, rows: int) -> Batch:
        """Return the first rows, as views."""
        codes = None if self.codes is None else self.codes[:rows]
        counts = None if self.counts is None else self.counts[:rows]
        return Batch(self.tokens[:rows], self.vectors[:rows], codes, counts)


def joined_counts(parts: Sequence[Ints | None]) -> Ints | None:
    """Return the counts of all batches, (tokens,); None unless all have them."""
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if known and len(known) == len(parts) else None


@dataclass(slots=True)
class Findings:
    """Oddities of an input: how often each occurred, and where first. Each becomes one warning at the end.

    Attributes
    ----------
    counts, first
        By what it is.
    details
        For some oddities, the first `SHOWN` places, each with what was found there.
    """

    counts: dict[str, int] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)
    details: dict[str, list[str]] = field(default_factory=dict)

    def add(self, what: str, where: str | int = "", times: int = 1, details: Iterable[str] = ()) -> None:
        """Count an oddity."""
        self.counts[what] = self.counts.get(what, 0) + times
        self.first.setdefault(what, str(where))
        for detail in details:
            known = self.details.setdefault(what, [])
            if len(known) < SHOWN:
                known.append(detail)

    def update(self, other: Findings) -> None:
        """Add what another object has counted."""
        for what, times in other.counts.items():
            self.add(what, other.first[what], times)

    def messages(self) -> list[str]:
        """Return one sentence for each kind of finding."""
        return [
            f"{what}: {count:,}" + (f", the first {self.first[what]}" if self.first[what] else "")
            for what, count in self.counts.items()
        ]


class RowBlocks(Protocol):
    """Access to the vectors of a vocabulary: a `Store`, or any object with these members."""

    @property
    def dim(self) -> int:
        """Numbers in a row (embedding_dim)."""

    def __len__(self) -> int:
        """Return the number of rows of the vocabulary."""

    def block(self, start: int, stop: int) -> Vectors:
        """Return the vectors of the rows [start, stop): (stop - start, dim)."""


class Changes(TypedDict, total=False):
    """Attributes of a source that a stage may change besides the batches."""

    dtype: Dtype
    rows: int | None


SpecialBlocks = Vectors | Callable[[RowBlocks], Iterable[Vectors]]


@dataclass(slots=True)
class Source:
    """A table being read: its shape as far as known, and its rows, which can be iterated once.

    Attributes
    ----------
    dim
        Numbers in a row (embedding_dim).
    batches
        The rows in order. Errors of the input are raised while it is consumed.
    dtype
        Dtype of the stored rows; a conversion keeps it by default. The vectors of ``bfloat16`` batches are float32,
        which is exact; so are those of ``int8``, which are rounded when a store is written.
    rows
        Number of rows, if the format states it in advance.
    estimate
        Approximate number of rows, if only that is known, so that the index need not be resized.
    findings
        Filled while the batches are consumed.
    provenance
        Returns what a store's metadata records about the source: name, size, sha256 and so on. Called after all
        batches are consumed.
    special
        Special rows (padding, unknown words, buckets of hashes or n-grams), (n, dim), or a function that makes blocks
        of them from the vocabulary's rows as written. uint8 means codes, as in `Batch`.
    policy
        Metadata of the policy that the special rows are for; the keys of a store's header without ``embstore.``.
    line_of
        Returns the line of a row that was consumed, both from 1; None for formats without lines.
    """

    dim: int
    batches: Iterator[Batch]
    dtype: Dtype = "float32"
    rows: int | None = None
    estimate: int = 0
    findings: Findings = field(default_factory=Findings)
    provenance: Callable[[], dict[str, str]] = dict
    special: SpecialBlocks | None = None
    policy: dict[str, str] = field(default_factory=dict)
    line_of: Callable[[int], int] | None = None

    @property
    def expected(self) -> int:
        """Approximate number of rows, 0 if unknown: the initial size of the index.

        `MAX_EXPECTED` at most, since a header may state any number.
        """
        return min(self.rows or self.estimate, MAX_EXPECTED)

    def through(self, stage: Callable[[Iterator[Batch]], Iterator[Batch]], **changes: Unpack[Changes]) -> Source:
        """Return a source whose batches pass through a function, with other attributes changed."""
        return replace(self, batches=stage(self.batches), **changes)
