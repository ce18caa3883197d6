"""``subword``: a missing word becomes the character n-grams of a fastText model."""

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
    """``subword``: the rows of fastText's character n-grams, which a bag averages.

    Attributes
    ----------
    ngrams
        Those of the table that the policy is for; None as long as it is for none.
    """

    ngrams: Ngrams | None = None

    name: ClassVar[str] = "subword"
    usages: ClassVar[tuple[str, ...]] = ("subword",)
    finds_distinct: ClassVar[bool] = True
    shares_weight: ClassVar[bool] = True
    carried: ClassVar[bool] = True
    header_keys: ClassVar[tuple[str, ...]] = ("subword",)

    @property
    def ids_per_word(self) -> None:
        """As many as a word has n-grams."""
        return

    @property
    def ids_text(self) -> str:
        """For messages."""
        return "gives an unknown word an id for each of its n-grams"

    @property
    def rows(self) -> int:
        """A row for each bucket of n-grams."""
        return self.ngrams.buckets if self.ngrams else 0

    def bind(self, vocabulary: Lookup, first_row: int) -> FindIds:
        """Return a function that gives every word the rows of its n-grams."""
        del vocabulary
        ngrams = self.ngrams or Ngrams(0, 0, 0)

        def find(words: MissingWords) -> tuple[Ints, Ints]:
            buckets, counts = ngrams.of(words.packed())
            return buckets + first_row, counts

        return find

    def bound(self, metadata: Mapping[str, str]) -> Subword:
        """Take the n-grams from the header."""
        return Subword(Ngrams.parse(metadata.get("embstore.subword", "")))

    def absence(self, name: str, metadata: Mapping[str, str]) -> str:
        """Say whether there are no n-grams, or none that this version knows."""
        text = metadata.get("embstore.subword")
        if text is not None and Ngrams.parse(text) is None:
            return (
                f"oov 'subword': the header of {name} says embstore.subword={text[:60]!r}, expected three numbers "
                f"such as '3,6,2000000', the second {LONGEST} at most; convert the model anew, or take another oov"
            )
        return (
            "oov 'subword' needs the rows of character n-grams, such as those of a fastText .bin file or of a store "
            f"made from one; {name} has none"
        )
