"""Words and lists of numbers, as JSON has them, as batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np

from embstore.codecs.shared.json_file import shown
from embstore.codecs.shared.matrix import rows_in_batch
from embstore.core.batch import Batch, Tokens
from embstore.core.limits import MAX_DIM, MAX_TOKEN

NUMBERS = {int, float}  # a bool is no number here


def encode_word(word: object) -> bytes:
    """Return a word as UTF-8: bytes that surrogates stand for as such, other lone surrogates as WTF-8.

    Raises ValueError for what is no text, or too long.
    """
    if not isinstance(word, str):
        raise ValueError(f"{shown(word)} in place of a word, expected text")
    try:
        token = word.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        token = word.encode("utf-8", "surrogatepass")
    if len(token) > MAX_TOKEN:
        raise ValueError(f"a word of {len(token):,} bytes, expected {MAX_TOKEN:,} at most")
    return token


def is_vector(value: object) -> bool:
    """Return whether a value is a list of numbers, at least one."""
    return isinstance(value, list) and bool(value) and set(map(type, value)) <= NUMBERS


def check_vector(value: object, dim: int, word: object) -> None:
    """Raise ValueError, which names the word, unless a value is a list of `dim` numbers."""
    if is_vector(value) and len(cast("list[object]", value)) == dim:
        return
    if not isinstance(value, list):
        raise ValueError(f"{shown(value)} for the word {shown(word)}, expected a list of {_numbers(dim)}")
    wrong = next((each for each in value if type(each) not in NUMBERS), None)
    if wrong is not None or any(each is None for each in value):
        raise ValueError(f"{shown(wrong)} in the list for the word {shown(word)}, expected {_numbers(dim)}")
    if len(value) != dim:
        raise ValueError(f"{_numbers(len(value))} for the word {shown(word)}, expected {dim}")


def _numbers(count: int) -> str:
    return f"{count} number{'s' * (count != 1)}"


@dataclass(slots=True)
class Rows:
    """Rows that become batches.

    Attributes
    ----------
    dim
        Numbers in a row.
    """

    dim: int

    def __post_init__(self) -> None:
        if not 0 < self.dim <= MAX_DIM:
            raise ValueError(f"{self.dim:,} numbers in a row, expected 1 to {MAX_DIM:,}")

    @property
    def step(self) -> int:
        """Rows in a batch."""
        return rows_in_batch(4 * self.dim)

    def batch(self, words: list[object], vectors: list[object]) -> Batch:
        """Return rows as a batch; ValueError for the first that has no word or no vector of numbers."""
        tokens = []
        for word, vector in zip(words, vectors, strict=True):
            tokens.append(encode_word(word))
            check_vector(vector, self.dim, word)
        try:
            values = np.array(vectors, np.float64)
        except OverflowError:  # whole numbers beyond float64, which fractions are read as infinite
            values = np.array([[_as_float(number) for number in vector] for vector in vectors])  # type: ignore[attr-defined]
        with np.errstate(over="ignore"):
            return Batch(Tokens.pack(tokens), values.astype(np.float32))

    def until_error(self, words: list[object], vectors: list[object]) -> Iterator[Batch]:
        """Yield rows as one batch; if one is no row, those before it, then ValueError."""
        try:
            batch = self.batch(words, vectors)
        except ValueError:
            batch = None
        if batch is None:
            for word, vector in zip(words, vectors, strict=True):
                yield self.batch([word], [vector])
        elif words:
            yield batch


def _as_float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")
