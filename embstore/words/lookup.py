"""What words are looked up in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from embstore.core.batch import Ints
from embstore.core.index import Vocab


class Lookup(Protocol):
    """Words to rows: a `Store`, a `Vocabulary`, or anything with these."""

    vocab: Vocab

    @property
    def metadata(self) -> Mapping[str, str]:
        """What the header says, of the policy among other things."""

    @property
    def special(self) -> int:
        """Number of rows after the vocabulary's."""

    def rows(self, words: Iterable[str]) -> Ints:
        """Rows of words, -1 where one is unknown."""

    def __len__(self) -> int:
        """How many words there are."""
