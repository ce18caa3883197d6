"""``unk``: missing words share the row of a token of the vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from embstore.core.errors import EmbstoreError
from embstore.words.endings.base import Ending, FindIds, same_id
from embstore.words.lookup import Lookup

OWN_UNKNOWN = ("<unk>", "unk", "[UNK]")  # what tables call their unknown token, tried in this order


@dataclass(frozen=True, slots=True)
class Unk(Ending):
    """``unk`` or ``unk:TOKEN``: the row of the table's own unknown token, or of the token named."""

    token: str | None = None

    name: ClassVar[str] = "unk"
    usages: ClassVar[tuple[str, ...]] = ("unk", "unk:TOKEN")
    takes_rest: ClassVar[bool] = True

    @classmethod
    def parse(cls, argument: str | None) -> Self:
        """Take any token but the empty one."""
        if argument == "":
            raise cls.refusal(argument)
        return cls(argument)

    def __str__(self) -> str:
        return self.name if self.token is None else f"{self.name}:{self.token}"

    @property
    def ids_per_word(self) -> int:
        """One: that of the unknown token."""
        return 1

    def bind(self, vocabulary: Lookup, first_row: int) -> FindIds:
        """Return a function that gives every word the row of the unknown token."""
        del first_row
        names = OWN_UNKNOWN if self.token is None else (self.token,)
        found = [row for row in vocabulary.rows(list(names)).tolist() if row >= 0]
        if not found:
            raise EmbstoreError(
                f"oov {str(self)!r}: {vocabulary!r} has no token {' or '.join(map(repr, names))}; "
                "'unk:TOKEN' names another, 'zero' and 'mean' need none"
            )
        return same_id(int(found[0]))
