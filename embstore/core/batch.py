"""What flows between formats: batches of tokens and vectors, and the source that yields them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from embstore.core.options import Dtype

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Vectors = NDArray[Any]

NEWLINE, RETURN = 10, 13


@dataclass(frozen=True, slots=True)
class Tokens:
    """Strings packed as Arrow packs them: their UTF-8 bytes end to end, and where each one begins.

    Attributes
    ----------
    data
        uint8 of shape (bytes,).
    offsets
        int64 of shape (tokens + 1,), from 0, never falling: token ``i`` is ``data[offsets[i]:offsets[i + 1]]``.
    """

    data: Bytes
    offsets: Ints

    @classmethod
    def pack(cls, words: Iterable[str | bytes]) -> Tokens:
        """Pack words; text that came from bytes that are not UTF-8 (surrogateescape) gives those bytes back."""
        packed = [word.encode("utf-8", "surrogateescape") if isinstance(word, str) else word for word in words]
        sizes = np.fromiter(map(len, packed), np.int64, len(packed))
        return cls(np.frombuffer(b"".join(packed), np.uint8), ends_of(sizes))

    @classmethod
    def lines(cls, text: bytes) -> Tokens:
        r"""Pack the lines of a text; where each of them ends in ``\r\n``, neither byte is a part of it."""
        data = np.frombuffer(text, np.uint8)
        ends = np.flatnonzero(data == NEWLINE)
        if len(data) and data[-1] != NEWLINE:
            ends = np.append(ends, len(data))
        sizes, kept = np.diff(ends, prepend=-1) - 1, data != NEWLINE
        if sizes.all() and (data[ends - 1] == RETURN).all():
            sizes, kept[ends - 1] = sizes - 1, False
        return cls(data[kept], ends_of(sizes))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, item: slice) -> Tokens:
        start, stop, _ = item.indices(len(self))
        stop = max(start, stop)
        bounds = self.offsets[start : stop + 1]
        return Tokens(self.data[bounds[0] : bounds[-1]], bounds - bounds[0])

    def to_bytes(self) -> list[bytes]:
        """Every token as bytes."""
        data, ends = self.data.tobytes(), self.offsets.tolist()
        return [data[start:stop] for start, stop in pairwise(ends)]

    def take(self, keep: NDArray[Any]) -> Tokens:
        """Return the tokens that a mask or an array of positions names, copied."""
        chosen = np.flatnonzero(keep) if keep.dtype == bool else keep
        starts = self.offsets[chosen]
        sizes = self.offsets[chosen + 1] - starts
        offsets = ends_of(sizes)
        places = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], sizes)
        return Tokens(self.data[places], offsets)

    def not_utf8(self) -> Sequence[int]:
        """Positions of the tokens that are not valid UTF-8."""
        joined = self.data.tobytes()
        if joined.isascii():
            return []
        starts = self.offsets[:-1][np.diff(self.offsets) > 0]
        try:  # valid end to end, and no token begins in the middle of a character: each one is valid
            joined.decode()
            if not (self.data[starts] & 0xC0 == 0x80).any():
                return []
        except UnicodeDecodeError:
            pass
        return [i for i, word in enumerate(self.to_bytes()) if not is_utf8(word)]


def ends_of(sizes: Ints) -> Ints:
    """Return where tokens of these sizes begin and end, end to end: int64 of shape (tokens + 1,)."""
    offsets = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    return offsets


def is_utf8(word: bytes) -> bool:
    """Tell whether bytes are valid UTF-8."""
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
        The row's tokens, packed.
    vectors
        (rows, dim), a floating NumPy type, C-contiguous. Nobody changes it later.
    codes
        What `vectors` were widened from, (rows, dim + 8), where they came from rows of 8 bits and are still the
        same: rounding them once more would not quite give these.
    """

    tokens: Tokens
    vectors: Vectors
    codes: Bytes | None = None

    def take(self, keep: NDArray[Any]) -> Batch:
        """Return the rows that a mask picks, copied."""
        return Batch(self.tokens.take(keep), self.vectors[keep], None if self.codes is None else self.codes[keep])


@dataclass(slots=True)
class Findings:
    """What was odd in an input: how often, and where first. One warning each is made of them at the end."""

    counts: dict[str, int] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)

    def add(self, what: str, where: str | int = "", times: int = 1) -> None:
        """Count something odd."""
        self.counts[what] = self.counts.get(what, 0) + times
        self.first.setdefault(what, str(where))

    def messages(self) -> list[str]:
        """Return one sentence for each kind of finding."""
        return [
            f"{what}: {count:,}" + (f", the first {self.first[what]}" if self.first[what] else "")
            for what, count in self.counts.items()
        ]


class RowBlocks(Protocol):
    """The rows of a vocabulary as numbers, wherever they are kept: a `Store`, or anything with these."""

    @property
    def dim(self) -> int:
        """Numbers in a row (embedding_dim)."""

    def __len__(self) -> int:
        """How many rows the vocabulary has."""

    def block(self, start: int, stop: int) -> Vectors:
        """Return the rows [start, stop) as numbers, (stop - start, dim)."""


SpecialBlocks = Vectors | Callable[[RowBlocks], Iterable[Vectors]]


@dataclass(slots=True)
class Source:
    """A table that is being read: its shape as far as it is known, and its rows, once.

    Attributes
    ----------
    dim
        Numbers in a row (embedding_dim).
    batches
        The rows in order. Errors of the input are raised while it is consumed.
    dtype
        What the values were stored as, so that a conversion keeps it unless told otherwise. Batches of
        ``bfloat16`` hold float32, which is exact; so do those of ``int8``, which the store's writer rounds.
    rows
        How many rows there are, where the format says so beforehand.
    estimate
        About how many, where only that can be told: the index is then sized once.
    findings
        Filled while the batches are consumed.
    provenance
        What a store says of its origin: name, size, sha256 and so on. Called once all batches are consumed.
    special
        Rows after the vocabulary's (padding, unknown, buckets of hashes or n-grams), (n, dim), or a function that makes
        blocks of them from the vocabulary's rows as they were written; uint8 are codes, as `Batch` has them.
    policy
        The policy that the special rows are for, as a store's header has it, ``embstore.`` left out.
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

    @property
    def expected(self) -> int:
        """About how many rows will come, 0 where nothing tells: what to size an index for."""
        return self.rows or self.estimate

    def through(self, stage: Callable[[Iterator[Batch]], Iterator[Batch]], **changes: Any) -> Source:
        """Return the same source with its batches sent through a stage."""
        return replace(self, batches=stage(self.batches), **changes)
