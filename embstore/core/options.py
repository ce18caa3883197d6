"""The options of reading and writing: one set of words for `open`, `convert` and the command line."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any, Literal, TypedDict, get_args

Dtype = Literal["float32", "float16", "bfloat16", "int8"]
OnError = Literal["stop", "skip"]
Duplicates = Literal["first", "last", "error"]


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


_KINDS: tuple[tuple[tuple[str, ...], tuple[type, ...], str], ...] = (
    (("format", "key", "member"), (str,), "a str"),
    (("vocab",), (str, os.PathLike), "a str or a Path"),
    (("dim", "limit"), (Integral,), "a whole number, 1 or more"),
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
    duplicates
        Which row a repeated token keeps, in formats that can overwrite a row; others get each token once.
    """

    compression: str | None = None
    layout: str | None = None
    strings: str | None = None
    duplicates: Duplicates = "first"

    def given(self) -> dict[str, str]:
        """Return the choices of the format that are not left to it."""
        chosen = {"compression": self.compression, "layout": self.layout, "strings": self.strings}
        return {name: value for name, value in chosen.items() if value is not None}


AS_IS = WriteOptions()
"""Every format's own choices."""

Progress = Callable[[int, int], None]
"""Called with the bytes read so far and the bytes in all."""
