"""The options of reading and writing: the same names in `open`, `convert` and on the command line."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Literal, TypedDict, cast, get_args

Dtype = Literal["float32", "float16", "bfloat16", "int8"]
OnError = Literal["stop", "skip"]
Duplicates = Literal["first", "last", "error"]
Order = Literal["file", "words"]


class Reading(TypedDict, total=False):
    """The options of reading as keywords, for signatures; `ReadOptions` describes them."""

    format: str | None
    vocab: str | Path | None
    key: str | None
    member: str | None
    dim: int | None
    header: bool | None
    limit: int | None
    on_error: OnError
    dtype: Dtype | None
    word_column: int | str | None
    exact_words: bool


def check_choice(name: str, value: object, choices: Iterable[str]) -> None:
    """Raise ValueError, which lists the choices, unless the value of an option is one of them."""
    listed = tuple(choices)
    if not isinstance(value, str) or value not in listed:  # a NumPy dtype equals its name, but has another hash
        raise ValueError(f"{name}={value!r}: expected one of {', '.join(listed)}")


def check_dtype(dtype: object) -> None:
    """Raise ValueError unless `dtype` is the name of a dtype, or None for that of the rows."""
    if dtype is not None:
        check_choice("dtype", dtype, get_args(Dtype))


def check_kind(name: str, value: object, kinds: tuple[type, ...], expected: str) -> None:
    """Raise TypeError unless the value of an option has one of the types; a bool does not count as a number."""
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise TypeError(f"{name}={value!r}: expected {expected}")


_KINDS: tuple[tuple[tuple[str, ...], tuple[type, ...], str], ...] = (
    (("format", "key", "member"), (str,), "a str"),
    (("vocab",), (str, os.PathLike), "a str or a Path"),
    (("dim", "limit"), (Integral,), "a whole number, 1 or more"),
    (("header",), (bool,), "True, False or None"),
    (("word_column",), (Integral, str), "the number of a column, 1 or more, or its name"),
    (("exact_words",), (bool,), "True or False"),
)
"""The types of the options of reading; None is always allowed."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read a file.

    Attributes
    ----------
    format
        Name of the format; None to detect it from the first bytes, then the suffix.
    vocab
        A file of words, or the name of the dataset with the words.
    key
        Name of the tensor or dataset.
    member
        Name of the member of a zip.
    dim
        Numbers in a row (embedding_dim), for files that do not state it; tokens may then end in a number.
    header
        Whether text begins with a header line; None to detect it.
    limit
        Maximum number of rows to read.
    on_error
        ``stop`` at a line that cannot be read, or ``skip`` and count it.
    dtype
        Dtype to convert a matrix of integers to; without it, such a matrix is an error.
    word_column
        The column with the words, of text or of a list of words: its number, from 1, or its name in a header.
    exact_words
        Whether to keep words as they stand: padding, quotes and other columns are then parts of words.
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
    word_column: int | str | None = None
    exact_words: bool = False

    def __post_init__(self) -> None:
        for names, kinds, expected in _KINDS:
            for name in names:
                if getattr(self, name) is not None:
                    check_kind(name, getattr(self, name), kinds, expected)
        for name in ("dim", "limit", "word_column"):
            value = getattr(self, name)
            if isinstance(value, Integral):
                if int(value) < 1:
                    raise ValueError(f"{name}={value}: expected 1 or more")
                object.__setattr__(self, name, int(value))  # a NumPy integer lacks methods of int
        check_choice("on_error", self.on_error, get_args(OnError))
        check_dtype(self.dtype)

    @classmethod
    def of(cls, options: Mapping[str, object]) -> ReadOptions:
        """Make options from keywords; TypeError names an unknown one and lists the known ones."""
        for name in options:
            if name not in cls.__slots__:
                raise TypeError(f"no option {name!r}; the options of reading are {', '.join(cls.__slots__)}")
        return cls(**cast("Reading", options))

    def non_default(self) -> dict[str, str]:
        """Return the options that differ from their defaults, as text."""
        default = ReadOptions()
        return {
            name: str(getattr(self, name)) for name in self.__slots__ if getattr(self, name) != getattr(default, name)
        }


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How to write a file, for formats with a choice; None means the default of the format.

    Attributes
    ----------
    compression
        ``none``, or the compression of the rows.
    layout
        ``chunked``, or ``contiguous``, which can be memory-mapped.
    strings
        ``variable`` length, or ``fixed`` to the length of the longest string.
    duplicates
        Which row of a repeated token to keep, for formats that can overwrite a row; other formats get each token once.
    overwrite
        Whether to replace an existing file.
    normalize
        Whether to store rows of length 1 and their lengths, for formats that can store lengths (`Codec.keeps_norms`).
    """

    compression: str | None = None
    layout: str | None = None
    strings: str | None = None
    duplicates: Duplicates = "first"
    overwrite: bool = True
    normalize: bool = False

    def non_default(self) -> dict[str, str]:
        """Return the options that are not left to the format."""
        chosen = {"compression": self.compression, "layout": self.layout, "strings": self.strings}
        return {name: value for name, value in chosen.items() if value is not None}


AS_IS = WriteOptions()
"""The defaults of each format."""

Progress = Callable[[int, int], None]
"""Called with the number of bytes read so far and the total number of bytes."""
