"""What flows between formats: batches of tokens and vectors, and the source that yields them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Vectors = NDArray[Any]
Special = Vectors | Callable[[Vectors], Iterable[Vectors]]

Dtype = Literal["float32", "float16", "bfloat16", "int8"]
OnError = Literal["stop", "skip"]
Duplicates = Literal["first", "last", "error"]


def check_choice(name: str, value: object, choices: Iterable[str]) -> None:
    """Raise ValueError, which lists the choices, where the value of an option is none of them."""
    listed = tuple(choices)
    if not isinstance(value, str) or value not in listed:  # a str: a NumPy dtype equals its name and is no key
        raise ValueError(f"{name}={value!r}: expected one of {', '.join(listed)}")


def check_dtype(dtype: object) -> None:
    """Raise ValueError where it is no dtype, nor None for what the rows have."""
    if dtype is not None:
        check_choice("dtype", dtype, get_args(Dtype))


def check_kind(name: str, value: object, kinds: tuple[type, ...], expected: str) -> None:
    """Raise TypeError where the value of an option is of none of these kinds; True is no number."""
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise TypeError(f"{name}={value!r}: expected {expected}")


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
        return cls(np.frombuffer(b"".join(packed), np.uint8), _ends_of(sizes))

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
        return cls(data[kept], _ends_of(sizes))

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
        offsets = _ends_of(sizes)
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


def _ends_of(sizes: Ints) -> Ints:
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
        Rows behind the vocabulary (padding, unknown, buckets of hashes or n-grams), (n, dim), or a function that makes
        blocks of them of the vocabulary's rows as they were written, (tokens, dim); uint8 are codes, as `Batch` has
        them; and `policy`, the policy that they are for.
    """

    dim: int
    batches: Iterator[Batch]
    dtype: Dtype = "float32"
    rows: int | None = None
    estimate: int = 0
    findings: Findings = field(default_factory=Findings)
    provenance: Callable[[], dict[str, str]] = dict
    special: Special | None = None
    policy: dict[str, str] = field(default_factory=dict)

    @property
    def expected(self) -> int:
        """About how many rows will come, 0 where nothing tells: what to size an index for."""
        return self.rows or self.estimate

    def through(self, stage: Callable[[Iterator[Batch]], Iterator[Batch]], **changes: Any) -> Source:
        """Return the same source with its batches sent through a stage."""
        return replace(self, batches=stage(self.batches), **changes)


_KINDS: tuple[tuple[tuple[str, ...], tuple[type, ...], str], ...] = (
    (("format", "key", "member"), (str,), "a str"),
    (("vocab",), (str, os.PathLike), "a str or a Path"),
    (("dim", "limit"), (int, np.integer), "a whole number, 1 or more"),
    (("header",), (bool,), "True, False or None"),
)
"""What the options of reading may be, None apart."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read a file: the same words in ``open``, ``convert`` and on the command line.

    Attributes
    ----------
    format
        Name of the format; None to find it by magic bytes, then suffix.
    vocab
        A file of words, or the name of the dataset that holds them.
    key
        Name of the tensor or dataset.
    member
        Name of the member of a zip.
    dim
        Numbers in a row, where the file leaves it open; a token may then end in a number.
    header
        Whether text begins with a header line; None to find out.
    limit
        Read so many rows at most.
    on_error
        ``stop`` at a line that cannot be read, or ``skip`` and count it.
    dtype
        What a matrix of whole numbers becomes; without it, one is refused.
    """

    format: str | None = None
    vocab: str | Path | None = None
    key: str | None = None
    member: str | None = None
    dim: int | None = None
    header: bool | None = None
    limit: int | None = None
    on_error: OnError = "stop"
    dtype: Dtype | None = None

    def __post_init__(self) -> None:
        for names, kinds, expected in _KINDS:
            for name in names:
                if getattr(self, name) is not None:
                    check_kind(name, getattr(self, name), kinds, expected)
        for name in ("dim", "limit"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name}={value}: expected 1 or more")
            object.__setattr__(self, name, value if value is None else int(value))  # NumPy's lack much of int
        check_choice("on_error", self.on_error, get_args(OnError))
        check_dtype(self.dtype)

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> ReadOptions:
        """Make them of keywords; TypeError names one that is none of them, and those that there are."""
        for name in options:
            if name not in cls.__slots__:
                raise TypeError(f"no option {name!r}; the options of reading are {', '.join(cls.__slots__)}")
        return cls(**options)

    def given(self) -> dict[str, str]:
        """Return the options that differ from their defaults, as text."""
        plain = ReadOptions()
        return {
            name: str(getattr(self, name)) for name in self.__slots__ if getattr(self, name) != getattr(plain, name)
        }


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How to write a file, where its format leaves a choice; None is the format's own.

    Attributes
    ----------
    compression
        ``none``, or what packs the rows.
    layout
        ``chunked`` or ``contiguous``, which can be mapped.
    strings
        ``variable``, or ``fixed`` for the length of the longest.
    """

    compression: str | None = None
    layout: str | None = None
    strings: str | None = None

    def given(self) -> dict[str, str]:
        """Return those that are chosen."""
        chosen = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in chosen.items() if value is not None}


AS_IS = WriteOptions()
"""Every format's own choices."""

Progress = Callable[[int, int], None]
"""Called with the bytes read so far and the bytes in all."""
