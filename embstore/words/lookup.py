"""`Lookup`: the interface of everything that words can be looked up in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from embstore.core.batch import Ints
from embstore.core.index import Vocab


class Lookup(Protocol):
    """Words to rows: a `Store`, a `Vocabulary`, or any object with these members."""

    @property
    def vocab(self) -> Vocab:
        """The index."""

    @property
    def metadata(self) -> Mapping[str, str]:
        """The strings of the header, which may name a policy."""

    @property
    def special(self) -> int:
        """Number of special rows."""

    def rows(self, words: Iterable[str]) -> Ints:
        """Return the rows of words, -1 for an unknown word."""

    def __len__(self) -> int:
        """Return the number of words."""
