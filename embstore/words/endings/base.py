"""`Ending`: the interface of all endings; `OneRow`: what endings with one special row share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar, Self, TypeGuard

import numpy as np
from numpy.typing import NDArray

from embstore.core.batch import Ints, RowBlocks
from embstore.words.lookup import Lookup
from embstore.words.missing import MissingWords

SHOWN = 80  # maximum number of characters of a text in a message

FindIds = Callable[[MissingWords], tuple[Ints, Ints | None]]
"""Finds the ids of missing words: all ids end to end, int64 of shape (ids,), and the number of ids per word, (words,);
None for the number if each word has `Ending.ids_per_word`."""


class Ending(ABC):
    """Replaces a word that neither the vocabulary nor a back-off finds. Immutable, and compared by value.

    Attributes
    ----------
    name
        The start of its text; the key in `table.ENDINGS`.
    usages
        Its forms of text, for messages: ``hash:BUCKETS``.
    takes_rest
        Whether its argument is all of the text after the colon, including commas and spaces.
    finds_distinct
        Whether finding ids is slow, so that it is called once per distinct word.
    shares_weight
        Whether the weight of a word is divided by the number of its ids: its vector is the mean of their rows instead
        of the sum.
    rows_from_source
        Whether its rows are data of the source that cannot be made, so that they are copied from file to file.
    header_keys
        The metadata keys about such rows, without ``embstore.``; copied with the rows.
    """

    __slots__ = ()

    name: ClassVar[str]
    usages: ClassVar[tuple[str, ...]]
    takes_rest: ClassVar[bool] = False
    finds_distinct: ClassVar[bool] = False
    shares_weight: ClassVar[bool] = False
    rows_from_source: ClassVar[bool] = False
    header_keys: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def parse(cls, argument: str | None) -> Self:
        """Make the ending from its argument, the text after the colon; None if there is no colon.

        Raises
        ------
        ValueError
            For an invalid argument.
        """
        if argument is not None:
            raise cls.argument_error(argument)
        return cls()

    @classmethod
    def argument_error(cls, argument: str | None) -> ValueError:
        """Return the error for an invalid argument."""
        text = shortened(cls.name if argument is None else f"{cls.name}:{argument}")
        return ValueError(f"oov {text!r}: expected {' or '.join(cls.usages)}")

    def __str__(self) -> str:
        return self.name

    @property
    @abstractmethod
    def ids_per_word(self) -> int | None:
        """Number of ids of a missing word; 0 drops the word, None means that the number depends on the word."""

    @property
    def ids_text(self) -> str:
        """How many ids it gives, as a phrase for messages."""
        count = self.ids_per_word
        return "drops words" if count == 0 else f"gives a word {'several' if count is None else count} ids"

    @property
    def several_ids(self) -> bool:
        """Whether a word may have several ids, which are encoded with weights. A word without any is then zeros."""
        return self.ids_per_word not in (0, 1)

    @property
    def rows(self) -> int:
        """Number of special rows that it needs."""
        return 0

    @property
    def tokens(self) -> tuple[str, ...]:
        """The tokens of the vocabulary whose row, the first that exists, it gives missing words; empty if none."""
        return ()

    def make_rows(self, table: RowBlocks, seed: int) -> Iterator[NDArray[np.float32]]:
        """Yield its special rows in blocks, (rows, dim).

        Parameters
        ----------
        table
            The rows of the vocabulary.
        seed
            Seed of random rows.
        """
        del table, seed
        return iter(())

    @abstractmethod
    def bind(self, vocabulary: Lookup, first_row: int) -> FindIds:
        """Return the function that finds the ids of missing words.

        Parameters
        ----------
        vocabulary
            The vocabulary that does not have the words.
        first_row
            Id of the first special row of this ending.

        Raises
        ------
        EmbstoreError
            If it needs a token that the vocabulary does not have.
        """

    def for_table(self, metadata: Mapping[str, str]) -> Ending:
        """Return the ending for a table with this header."""
        del metadata
        return self

    def missing_rows(self, name: str, metadata: Mapping[str, str]) -> str:
        """Return the message for a table or source without the rows of an ending with `rows_from_source`.

        Parameters
        ----------
        name
            Name of the table in the message.
        metadata
            Header of the table.
        """
        del metadata
        return f"oov {str(self)!r} needs special rows that cannot be made, and {name} does not have them"


class OneRow(Ending):
    """An ending with one special row, which every missing word gets; a subclass makes the row."""

    __slots__ = ()

    @property
    def ids_per_word(self) -> int:
        """One: the special row."""
        return 1

    @property
    def rows(self) -> int:
        """One row."""
        return 1

    def bind(self, vocabulary: Lookup, first_row: int) -> FindIds:
        """Return a function that gives every word the special row."""
        del vocabulary
        return same_id(first_row)


def shortened(text: str) -> str:
    """Shorten a text for a message."""
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def same_id(row: int) -> FindIds:
    """Return a function that gives every word the same id."""
    return lambda words: (np.full(len(words), row, np.int64), None)


def is_ending(part: object) -> TypeGuard[Ending]:
    """Return whether a part of a policy is an ending."""
    return isinstance(part, Ending)
