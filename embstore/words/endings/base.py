"""`Ending`: the questions that every ending answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from embstore.core.batch import Ints, RowBlocks
from embstore.words.lookup import Lookup
from embstore.words.missing import MissingWords

SHOWN = 80  # characters of a text in a message

FindIds = Callable[[MissingWords], tuple[Ints, Ints | None]]
"""Finds the ids of missing words: all of them end to end, int64 of shape (ids,), and how many each word has, (words,);
None instead where each has `Ending.ids_per_word`."""


class Ending(ABC):
    """What a word becomes that neither the vocabulary nor a back-off has. Endings are immutable and compare equal.

    Attributes
    ----------
    name
        What its text begins with; the key in `table.ENDINGS`.
    usages
        The texts that it has, for messages: ``hash:BUCKETS``.
    takes_rest
        Whether its argument is all that follows the colon, commas and spaces too.
    finds_distinct
        Whether finding ids is slow, so that each distinct word is asked for once.
    shares_weight
        Whether the ids of a word share its weight: each counts 1 / their number. `Encoder.encode_bags` returns weights
        then, and bags can only be summed.
    carried
        Whether its rows are data that a source has and nothing can make, so that they are copied from file to file.
    header_keys
        What a header says of such rows, ``embstore.`` left out: copied with them.
    """

    __slots__ = ()

    name: ClassVar[str]
    usages: ClassVar[tuple[str, ...]]
    takes_rest: ClassVar[bool] = False
    finds_distinct: ClassVar[bool] = False
    shares_weight: ClassVar[bool] = False
    carried: ClassVar[bool] = False
    header_keys: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def parse(cls, argument: str | None) -> Self:
        """Make the ending of what follows the colon in its text; None where there is no colon.

        Raises
        ------
        ValueError
            For an argument that it does not take.
        """
        if argument is not None:
            raise cls.refusal(argument)
        return cls()

    @classmethod
    def refusal(cls, argument: str | None) -> ValueError:
        """Return the error for an argument that it does not take."""
        text = shown(cls.name if argument is None else f"{cls.name}:{argument}")
        return ValueError(f"oov {text!r}: expected {' or '.join(cls.usages)}")

    def __str__(self) -> str:
        return self.name

    @property
    @abstractmethod
    def ids_per_word(self) -> int | None:
        """How many ids a missing word gets; 0 drops it, None says that words differ."""

    @property
    def ids_text(self) -> str:
        """What it does to a missing word, for messages about its number of ids."""
        return "drops words" if self.ids_per_word == 0 else f"gives a word {self.ids_per_word} ids"

    @property
    def rows(self) -> int:
        """How many special rows it needs after the vocabulary and the padding."""
        return 0

    def make_rows(self, table: RowBlocks, seed: int) -> Iterator[NDArray[np.float32]]:
        """Yield its special rows in blocks, (rows, dim).

        Parameters
        ----------
        table
            The vocabulary's rows.
        seed
            For rows that are drawn.
        """
        del table, seed
        return iter(())

    @abstractmethod
    def bind(self, vocabulary: Lookup, first_row: int) -> FindIds:
        """Return the function that finds the ids of missing words.

        Parameters
        ----------
        vocabulary
            What the words are missing from.
        first_row
            Id of the first of its special rows.

        Raises
        ------
        EmbstoreError
            Where it needs a word that the vocabulary does not have.
        """

    def bound(self, metadata: Mapping[str, str]) -> Ending:
        """Return the ending for a table with this header."""
        del metadata
        return self

    def absence(self, name: str, metadata: Mapping[str, str]) -> str:
        """Return the message for a table, or a source, that does not have the rows that are `carried`.

        Parameters
        ----------
        name
            What to call the table.
        metadata
            Its header.
        """
        del metadata
        return f"oov {str(self)!r} needs special rows that cannot be made; {name} has none"


def shown(text: str) -> str:
    """Cut a text to what a message can show."""
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def same_id(row: int) -> FindIds:
    """Return a function that gives one id to every word."""
    return lambda words: (np.full(len(words), row, np.int64), None)
