"""The first bytes of an input and what belongs to them: its names, and the programs that unpack it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from embstore.core.cures import cure, python, shell

HEAD = 1 << 16
"""Number of first bytes that are looked at."""

TAIL = 64
"""Number of last bytes that are looked at."""

Role = Literal["table", "words", "text"]
"""What the input is read as: a table, a list of words, or a text whose words are counted."""

PACKED_SUFFIXES = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd", ".zip": "zip"}
PROGRAMS = {"gzip": ("gunzip", "-c"), "bzip2": ("bunzip2", "-c"), "xz": ("xz", "-d", "-c")}
SUFFIX = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,10}")  # .3 and .50d are parts of names
CONTROL = bytes({*range(9), *range(14, 27), *range(28, 32)})


def _no_tail() -> bytes:
    return b""


@dataclass(frozen=True, slots=True)
class FirstBytes:
    """The first bytes of an input, unpacked.

    Attributes
    ----------
    path
        The file, as given.
    head
        The first bytes of its content, `HEAD` at most.
    size
        Size of the content in bytes; None where it is not known without unpacking all of it.
    role
        What the input is read as.
    packing
        The name of its compression, ``gzip`` ..., or ``zip``; empty if it is not packed.
    member
        Name of the member of a zip.
    read_tail
        Returns the last `TAIL` bytes; nothing for a packed file.
    known
        Whether the head is that of a format of tables.
    """

    path: Path
    head: bytes
    size: int | None = None
    role: Role = "table"
    packing: str = ""
    member: str = ""
    read_tail: Callable[[], bytes] = _no_tail
    known: bool = False

    @property
    def content_name(self) -> str:
        """The name of the content: the member's, or the file's without the suffix of its compression."""
        name = Path(self.member).name
        if name.strip(".") and ":" not in name:  # else it could be no name of a file
            return name
        name = self.path.name
        return name.removesuffix(self.path.suffix) if self.path.suffix.lower() in PACKED_SUFFIXES else name

    @property
    def expected(self) -> str:
        """What the input should have."""
        return "vectors" if self.role == "table" else "words"

    @property
    def is_whole(self) -> bool:
        """Whether `head` is all of the content."""
        return self.size == len(self.head)

    def looks_binary(self, size: int = 64) -> bool:
        """Return whether the first bytes have control characters, which text has not."""
        first = self.head[:size]
        return len(first.translate(None, CONTROL)) < len(first)

    def beside(self, suffix: str) -> Path:
        """Return the path of a file to write next to the input: the name of the content with another suffix."""
        name = self.content_name or self.path.name
        own = Path(name).suffix
        stem = name.removesuffix(own) if SUFFIX.fullmatch(own) else name
        place = self.path.with_name(f"{stem}{suffix}")
        return self.path.with_name(f"{stem}.new{suffix}") if place == self.path else place

    def unpacking(self, target: Path) -> str:
        """Return the cure that unpacks the input into a file, with a program of the shell."""
        if self.packing == "zip" and self.member:
            code = f"import zipfile; zipfile.ZipFile({str(self.path)!r}).extract({self.member!r})"
            return cure("unzip-member", f"{python(code)} unpacks it")
        program = PROGRAMS.get(self.packing)
        if program is None:
            return "unpack it first"
        if Path(target) == self.path:  # the shell would empty it first
            target = self.path.with_name(f"{self.path.name}.unpacked")
        return cure("unpack", f"{shell(*program, self.path, '>', target)} unpacks it")
