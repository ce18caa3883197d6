"""What is exchanged with the child process that opens an HDF5 file: the request, and the plan that it answers."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import NamedTuple, TypedDict


class Limits(NamedTuple):
    """What a child process may take for the plan, and for each block; it is killed when it takes more.

    Attributes
    ----------
    processor
        Seconds of its own processor time.
    waiting
        Seconds that the parent waits for it.
    """

    processor: float
    waiting: float


LIMITS = Limits(processor=10, waiting=60)


@dataclass(frozen=True, slots=True)
class Request:
    """Which matrix and words to read.

    Attributes
    ----------
    descriptor
        Inherited descriptor of the file; None on systems where a child process inherits none.
    path
        Path of the file, opened if there is no descriptor.
    key
        Name of the matrix, or of a group that contains it.
    vocab
        Name of the dataset of words.
    words
        Whether to read words; False if they come from another file.
    integers
        Whether a matrix of integers is accepted.
    numbers
        Whether whole numbers may be the words without being named; False if a list of words is next to the file.
    command_line
        Whether messages are for the command line.
    parent
        Identifier of the process that started the child.
    processor, waiting
        As of `Limits`.
    """

    descriptor: int | None
    path: str
    key: str | None
    vocab: str | None
    words: bool
    integers: bool
    numbers: bool = True
    command_line: bool = False
    parent: int = field(default_factory=os.getpid)
    processor: float = LIMITS.processor
    waiting: float = LIMITS.waiting

    @property
    def kinds(self) -> str:
        """The accepted ``numpy.dtype.kind`` of the matrix, one letter each."""
        return "fiu" if self.integers else "f"


class Plan(TypedDict):
    """The matrix and the words that the child found.

    ``step`` is the number of rows of a block, ``offset`` the position of the rows in the file, None if the child sends
    them, ``words`` the name of the dataset of words, None if the file has none, ``numbers`` whether they are the
    decimal text of whole numbers, and ``findings`` what is odd: the sentence, the first place, the number of times.
    """

    step: int
    rows: int
    dim: int
    dtype: str
    offset: int | None
    words: str | None
    numbers: bool
    findings: list[tuple[str, str, int]]
