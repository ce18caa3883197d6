"""Back-offs: functions that make other forms of an unknown word, and the search for the first form that is known."""

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
LONGEST = 1000  # characters of a word to normalize: Python sorts combining marks in quadratic time


def nfc(word: str) -> str:
    """Compose (NFC)."""
    return unicodedata.normalize("NFC", word) if len(word) <= LONGEST else word


def accents(word: str) -> str:
    """Strip accents: decompose (NFD), remove combining marks, compose (NFC)."""
    if len(word) > LONGEST:
        return word
    # The combining class, not the category Mn, which includes the vowels of Indic scripts.
    bare = (char for char in unicodedata.normalize("NFD", word) if not unicodedata.combining(char))
    return unicodedata.normalize("NFC", "".join(bare))


# Two forms for digits: the spaCy and Senna tables have 0 for each digit, the GoogleNews vectors have #.
BACK_OFFS: dict[str, tuple[BackOff, ...]] = {
    "nfc": (nfc,),
    "lower": (str.lower,),
    "casefold": (str.casefold,),
    "accents": (accents,),
    "digits": (partial(DIGIT.sub, "0"), partial(DIGIT.sub, "#")),
}


def functions_of(back_off: str | BackOff) -> tuple[BackOff, ...]:
    """Return the functions of a back-off: one for each form that it makes."""
    return BACK_OFFS[back_off] if isinstance(back_off, str) else (back_off,)


def find_forms(
    back_offs: Sequence[str | BackOff], words: list[str], rows: Callable[[list[str]], Ints]
) -> tuple[Ints, Ints]:
    """Find the rows of words by their other forms.

    Parameters
    ----------
    back_offs
        Each is applied to the forms that the previous one made; the first known form is used. A function that returns
        None leaves the form unchanged.
    words
        Words that are not in the vocabulary.
    rows
        The look-up of the vocabulary, which returns -1 for an unknown form.

    Returns
    -------
    Two arrays of int64, (words,): the row of each word, and the position of the back-off that found it; both are -1
    for a word without a known form.
    """
    found, by = np.full(len(words), -1, np.int64), np.full(len(words), -1, np.int64)
    # the positions of words still missing, and lists of their current forms, one list per variant
    remaining, variants = np.arange(len(words)), [words]
    for number, back_off in enumerate(back_offs):
        variants = [_apply(function, forms) for function in functions_of(back_off) for forms in variants]
        hits = np.full(len(remaining), -1, np.int64)
        for forms in variants:
            hits = np.where(hits < 0, rows(forms), hits)
        found[remaining] = hits
        by[remaining[hits >= 0]] = number
        missing = hits < 0
        remaining, variants = remaining[missing], [list(compress(forms, missing.tolist())) for forms in variants]
    return found, by


def forms_of(back_offs: Sequence[str | BackOff], words: list[str]) -> list[str]:
    """Return all forms that `find_forms` may look up for these words, each once."""
    tried: dict[str, None] = {}

    def note(forms: list[str]) -> Ints:
        tried.update(dict.fromkeys(forms))
        return np.full(len(forms), -1, np.int64)

    find_forms(back_offs, words, note)
    return list(tried)


def _apply(function: BackOff, forms: list[str]) -> list[str]:
    return [form if other is None else other for form, other in zip(forms, map(function, forms), strict=True)]
