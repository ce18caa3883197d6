"""Words that are whole numbers, such as product ids: their decimal text as tokens, and the finding that counts them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embstore.codecs.shared.sequential import SequentialRows
from embstore.core.batch import Findings, Tokens, offsets_of

FOUND = "words that are whole numbers, as decimal text"
NO_WORDS = re.compile(r"(?:.*[./_])?(?:counts?|freqs?|frequency|frequencies|position_ids)", re.IGNORECASE)
"""Names of arrays of whole numbers that are no words, unless the user names one."""

KINDS = "iu"
"""The ``numpy.dtype.kind`` of arrays that may be words; truth values are none."""

BLOCK = 1 << 16  # numbers converted at once
WIDEST = 20  # characters of -9223372036854775808 and of 18446744073709551615


def may_be_words(name: str) -> bool:
    """Return whether whole numbers with this name may be the words of a table."""
    return NO_WORDS.fullmatch(name[-200:]) is None


def decimal_tokens(numbers: NDArray[Any]) -> Tokens:
    """Return the decimal text of an array of integers of any width and byte order, (n,)."""
    data, sizes = [np.empty(0, np.uint8)], [np.empty(0, np.int64)]
    for start in range(0, len(numbers), BLOCK):
        padded = numbers[start : start + BLOCK].astype(f"S{WIDEST}").view(np.uint8).reshape(-1, WIDEST)
        written = padded != 0
        data.append(padded[written])
        sizes.append(np.count_nonzero(written, axis=1))
    return Tokens(np.concatenate(data), offsets_of(np.concatenate(sizes)))


def decimal_tokens_of(numbers: Sequence[int]) -> Tokens:
    """Return the decimal text of Python's integers."""
    return Tokens.pack(map(str, numbers))


def note(tokens: Tokens, findings: Findings) -> Tokens:
    """Count tokens that `decimal_tokens` made, and return them."""
    if len(tokens):
        findings.add(FOUND, repr(tokens[:1].to_bytes()[0].decode()), times=len(tokens))
    return tokens


class SequentialNumbers:
    """Words from an array of integers, (n, 1), that is read slice by slice, as `SequentialTokens`."""

    def __init__(self, numbers: SequentialRows, findings: Findings) -> None:
        self._numbers, self._findings = numbers, findings

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, item: slice) -> Tokens:
        return note(decimal_tokens(self._numbers[item][:, 0]), self._findings)
