"""``subword``: unknown words become their character n-grams, as in a fastText model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from embstore.core.batch import Ints
from embstore.words.endings.base import Ending, FindIds
from embstore.words.lookup import Lookup
from embstore.words.missing import MissingWords
from embstore.words.ngrams import LONGEST, Ngrams


@dataclass(frozen=True, slots=True)
class Subword(Ending):
    """``subword``: the rows of fastText's character n-grams, whose mean is the vector of the word.

    Attributes
    ----------
    ngrams
        The n-grams of the table; None before `for_table` was called with its header.
    """

    ngrams: Ngrams | None = None

    name: ClassVar[str] = "subword"
    usages: ClassVar[tuple[str, ...]] = ("subword",)
    finds_distinct: ClassVar[bool] = True
    shares_weight: ClassVar[bool] = True
    rows_from_source: ClassVar[bool] = True
    header_keys: ClassVar[tuple[str, ...]] = ("subword",)

    @property
    def ids_per_word(self) -> None:
        """None: the number of n-grams of the word."""
        return

    @property
    def ids_text(self) -> str:
        """How many ids it gives, as a phrase for messages."""
        return "gives an unknown word an id for each of its n-grams"

    @property
    def rows(self) -> int:
        """One row per bucket of n-grams."""
        return self.ngrams.buckets if self.ngrams else 0

    def bind(self, vocabulary: Lookup, first_row: int) -> FindIds:
        """Return a function that gives every word the rows of its n-grams."""
        del vocabulary
        ngrams = self.ngrams or Ngrams(0, 0, 0)

        def find(words: MissingWords) -> tuple[Ints, Ints]:
            buckets, counts = ngrams.of(words.packed())
            return buckets + first_row, counts

        return find

    def for_table(self, metadata: Mapping[str, str]) -> Subword:
        """Return the ending with the n-grams that the header states."""
        return Subword(Ngrams.parse(metadata.get("embstore.subword", "")))

    def missing_rows(self, name: str, metadata: Mapping[str, str]) -> str:
        """Return the message for a table whose header states no n-grams, or states them in an unknown way."""
        text = metadata.get("embstore.subword")
        if text is not None and Ngrams.parse(text) is None:
            return (
                f"oov 'subword': the header of {name} has embstore.subword={text[:60]!r}, expected three numbers "
                f"such as '3,6,2000000', the second at most {LONGEST}; convert the model again, or use another oov"
            )
        return (
            "oov 'subword' needs the rows of character n-grams, such as those of a fastText .bin file or of a store "
            f"made from one; {name} has none"
        )
