"""``error``: unknown words raise an error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NoReturn

from embstore.core.errors import UnknownTokenError
from embstore.words.endings.base import Ending, FindIds
from embstore.words.lookup import Lookup
from embstore.words.missing import MissingWords


@dataclass(frozen=True, slots=True)
class Error(Ending):
    """``error``: raise `UnknownTokenError`, which names the words."""

    name: ClassVar[str] = "error"
    usages: ClassVar[tuple[str, ...]] = ("error",)

    @property
    def ids_per_word(self) -> int:
        """One, as results have known words only."""
        return 1

    def bind(self, vocabulary: Lookup, first_row: int) -> FindIds:
        """Return a function that raises the error."""
        del vocabulary, first_row
        return _refuse


def _refuse(words: MissingWords) -> NoReturn:
    raise UnknownTokenError(words.distinct()[0])
