"""How much of a text a table knows, and which rule of a policy finds how much of the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embstore.core.errors import FormatError
from embstore.files.input import Input
from embstore.files.stream import Stream
from embstore.words.backoffs import find_forms
from embstore.words.encoder import Encoder
from embstore.words.lookup import Lookup
from embstore.words.policy import OovLike, Policy, back_off_name
from embstore.words.vocabulary import count_tokens

BLOCK = 1 << 20
MAX_WORD = 1 << 20


@dataclass(frozen=True, slots=True)
class Share:
    """Part of a text.

    Attributes
    ----------
    tokens, types
        Words as often as they come, and distinct words.
    token_share, type_share
        The same over those of the whole text, from 0 to 1.
    """

    tokens: int
    types: int
    token_share: float
    type_share: float


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a table and a policy make of the words of a text.

    Attributes
    ----------
    tokens, types
        Words of the text, and distinct ones.
    known
        Those that the table has as they are.
    rules
        Those that each back-off found, by its name, in order.
    missing
        Those that are left to the policy's ending.
    ending
        Its text: what they become.
    most_frequent
        The most frequent of the missing words and their counts; equally frequent ones as they came.
    """

    tokens: int
    types: int
    known: Share
    rules: dict[str, Share]
    missing: Share
    ending: str
    most_frequent: list[tuple[str, int]]


def coverage(
    vocabulary: Lookup,
    words: Iterable[str] | Iterable[Sequence[str]] | Mapping[str, int],
    oov: OovLike = None,
    *,
    top: int = 10,
) -> Coverage:
    """Measure how much of a text a vocabulary covers.

    Parameters
    ----------
    vocabulary
        A `Store` or a `Vocabulary`.
    words
        Words as they come, or sentences of them; or a mapping from word to count.
    oov
        The policy. None: the one that the store's file was written for, else ``error``, which is not raised here.
    top
        How many of the most frequent missing words to name.
    """
    policy = Encoder(vocabulary, oov).policy
    counts = count_tokens(words)
    listed, times = list(counts), np.fromiter(counts.values(), np.int64, len(counts))
    rows = vocabulary.rows(listed)
    lost = np.flatnonzero(rows < 0)
    by = np.full(len(listed), -1, np.int64)
    _, by[lost] = find_forms(policy.backoffs, [listed[i] for i in lost.tolist()], vocabulary.rows)
    missing = (rows < 0) & (by < 0)

    def share(chosen: Any) -> Share:
        tokens, types = int(times[chosen].sum()), int(chosen.sum())
        return Share(tokens, types, tokens / max(1, int(times.sum())), types / max(1, len(listed)))

    order = np.flatnonzero(missing)
    order = order[np.argsort(-times[order], kind="stable")][:top]
    return Coverage(
        tokens=int(times.sum()),
        types=len(listed),
        known=share(rows >= 0),
        rules={name: share(by == i) for i, name in enumerate(_names(policy))},
        missing=share(missing),
        ending=str(policy.ending),
        most_frequent=[(listed[i], int(times[i])) for i in order.tolist()],
    )


def _names(policy: Policy) -> list[str]:
    """Names of the back-offs; functions of one name, lambdas for instance, are told apart by their position."""
    names = [back_off_name(back_off) for back_off in policy.backoffs]
    return [name if names.count(name) == 1 else f"{name} {i + 1}" for i, name in enumerate(names)]


def count_words(path: str | Path, member: str | None = None) -> Counter[str]:
    """Count the words of a text file, read in blocks; they end at ASCII white space.

    Parameters
    ----------
    path
        Text, plain or inside .gz .bz2 .xz .zst or a .zip. Bytes that are not UTF-8 come as surrogateescape.
    member
        Of a zip with several files.

    Raises
    ------
    FormatError
        Where there is no white space in 1 MB: that is no text.
    """
    counts: Counter[bytes] = Counter()
    rest = b""
    with Input(path) as source, Stream(source, member) as file:
        while True:
            block = bytearray(BLOCK)  # a fresh one each time: its checksum is made while the next is read
            size = file.fill(memoryview(block))
            words = (rest + block[:size]).split()
            ended = size < BLOCK
            rest = words.pop() if words and not ended and not block[-1:].isspace() else b""
            if len(rest) > MAX_WORD:
                raise FormatError(path, f"{len(rest):,} bytes without white space: not a text of words")
            counts.update(words)
            if ended:
                return Counter({word.decode("utf-8", "surrogateescape"): times for word, times in counts.items()})
