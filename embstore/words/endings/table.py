"""The table of endings: name to class, one line per ending."""

from __future__ import annotations

from embstore.words.endings.base import Ending
from embstore.words.endings.error import Error
from embstore.words.endings.hash import Hash
from embstore.words.endings.mean import Mean
from embstore.words.endings.skip import Skip
from embstore.words.endings.subword import Subword
from embstore.words.endings.unk import Unk
from embstore.words.endings.zero import Zero

ENDINGS: dict[str, type[Ending]] = {
    "error": Error,
    "skip": Skip,
    "zero": Zero,
    "mean": Mean,
    "unk": Unk,
    "hash": Hash,
    "subword": Subword,
}

DEFAULT: Ending = Error()
"""The ending of a policy without an ending."""


def usages() -> list[str]:
    """Return the forms of text of all endings, for messages."""
    return [usage for ending in ENDINGS.values() for usage in ending.usages]


def parse_ending(text: str) -> Ending | None:
    """Make an ending from its text, stripped of spaces; None if the text does not begin with the name of an ending.

    Raises
    ------
    ValueError
        For an invalid argument of the ending.
    """
    name, colon, argument = text.partition(":")
    return ENDINGS[name].parse(argument if colon else None) if name in ENDINGS else None


def takes_rest(text: str) -> bool:
    """Return whether a text begins with an ending whose argument is all of the text after the colon."""
    name, colon, _ = text.partition(":")
    return bool(colon) and name in ENDINGS and ENDINGS[name].takes_rest
