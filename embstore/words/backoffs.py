"""Other forms of a word that is not in the vocabulary, and the search for the first one that is."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import partial
from itertools import compress

import numpy as np

from embstore.core.batch import Ints

BackOff = Callable[[str], str | None]

DIGIT = re.compile(r"\d")


def accents(word: str) -> str:
    """Strip accents: the canonical decomposition without its combining marks, composed again."""
    # The combining class, not the category Mn: the latter would take the vowels out of Indic scripts.
    bare = (char for char in unicodedata.normalize("NFD", word) if not unicodedata.combining(char))
    return unicodedata.normalize("NFC", "".join(bare))


# Two forms for digits: spaCy's and the Senna tables have 0 for each digit, the GoogleNews vectors have #.
BACK_OFFS: dict[str, tuple[BackOff, ...]] = {
    "nfc": (partial(unicodedata.normalize, "NFC"),),
    "lower": (str.lower,),
    "casefold": (str.casefold,),
    "accents": (accents,),
    "digits": (partial(DIGIT.sub, "0"), partial(DIGIT.sub, "#")),
}


def functions_of(back_off: str | BackOff) -> tuple[BackOff, ...]:
    """Return what a back-off applies to a word: one function for each form that it makes."""
    return BACK_OFFS[back_off] if isinstance(back_off, str) else (back_off,)


def find_forms(
    back_offs: Sequence[str | BackOff], words: list[str], rows: Callable[[list[str]], Ints]
) -> tuple[Ints, Ints]:
    """Find the rows of words by their other forms.

    Parameters
    ----------
    back_offs
        Each is applied to the forms that the one before made; the first form found wins. One that returns
        None leaves a word as it was.
    words
        Words that are not in the vocabulary.
    rows
        The vocabulary's look-up: -1 where a form is unknown.

    Returns
    -------
    Two arrays of int64, (words,): the row of each word, and the position of the back-off that found it; -1 in
    both where none did.
    """
    found, by = np.full(len(words), -1, np.int64), np.full(len(words), -1, np.int64)
    left, variants = np.arange(len(words)), [words]  # positions still missing; their latest forms, one list a variant
    for number, back_off in enumerate(back_offs):
        variants = [_applied(function, forms) for function in functions_of(back_off) for forms in variants]
        hits = np.full(len(left), -1, np.int64)
        for forms in variants:
            hits = np.where(hits < 0, rows(forms), hits)
        found[left] = hits
        by[left[hits >= 0]] = number
        missing = hits < 0
        left, variants = left[missing], [list(compress(forms, missing.tolist())) for forms in variants]
    return found, by


def _applied(function: BackOff, forms: list[str]) -> list[str]:
    return [form if other is None else other for form, other in zip(forms, map(function, forms), strict=True)]
