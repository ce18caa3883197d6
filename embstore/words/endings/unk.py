"""``unk``: unknown words become the row of a token of the vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from embstore.core.errors import EmbstoreError
from embstore.words.endings.base import Ending, FindIds, same_id
from embstore.words.lookup import Lookup

UNKNOWN_TOKENS = ("<unk>", "unk", "[UNK]")  # common names of the token for unknown words, tried in this order


@dataclass(frozen=True, slots=True)
class Unk(Ending):
    """``unk`` or ``unk:TOKEN``: the row of the table's token for unknown words, or of the named token."""

    token: str | None = None

    name: ClassVar[str] = "unk"
    usages: ClassVar[tuple[str, ...]] = ("unk", "unk:TOKEN")
    takes_rest: ClassVar[bool] = True

    @classmethod
    def parse(cls, argument: str | None) -> Self:
        """Parse any token except the empty one."""
        if argument == "":
            raise cls.argument_error(argument)
        return cls(argument)

    def __str__(self) -> str:
        return self.name if self.token is None else f"{self.name}:{self.token}"

    @property
    def ids_per_word(self) -> int:
        """One: the row of the token for unknown words."""
        return 1

    @property
    def tokens(self) -> tuple[str, ...]:
        """The named token, or the common names of the token for unknown words."""
        return UNKNOWN_TOKENS if self.token is None else (self.token,)

    def bind(self, vocabulary: Lookup, first_row: int) -> FindIds:
        """Return a function that gives every word the row of the token for unknown words."""
        del first_row
        found = [row for row in vocabulary.rows(list(self.tokens)).tolist() if row >= 0]
        if not found:
            raise EmbstoreError(
                f"oov {str(self)!r}: {vocabulary!r} has no token {' or '.join(map(repr, self.tokens))}; "
                "use 'unk:TOKEN' for another token, or 'zero' or 'mean'"
            )
        return same_id(int(found[0]))
