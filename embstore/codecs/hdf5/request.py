"""What is exchanged with the child process that opens an HDF5 file: the request, and the plan that it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict


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
    seconds
        Processor time in which the child must send its plan, and then each block.
    """

    descriptor: int | None
    path: str
    key: str | None
    vocab: str | None
    words: bool
    integers: bool
    seconds: float

    @property
    def kinds(self) -> str:
        """The accepted ``numpy.dtype.kind`` of the matrix, one letter each."""
        return "fiu" if self.integers else "f"


class Plan(TypedDict):
    """The matrix and the words that the child found.

    ``step`` is the number of rows of a block, ``offset`` the position of the rows in the file, None if the child sends
    them, and ``words`` the name of the dataset of words, None if the file has none.
    """

    step: int
    rows: int
    dim: int
    dtype: str
    offset: int | None
    words: str | None
