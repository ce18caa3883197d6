"""What the process that opens an HDF5 file is asked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for.

    Attributes
    ----------
    descriptor
        The file, as the process inherits it; None where the system hands on no descriptors.
    path
        The file, to be opened by its path where there is no descriptor.
    key
        Name of the matrix, or of a group that holds it.
    vocab
        Name of the words.
    words
        Whether words are wanted; they may come from elsewhere.
    integers
        Whether a matrix of whole numbers will do.
    """

    descriptor: int | None
    path: str
    key: str | None
    vocab: str | None
    words: bool
    integers: bool

    @property
    def kinds(self) -> str:
        """Kinds of dtypes that will do."""
        return "fiu" if self.integers else "f"
