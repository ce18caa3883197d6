"""Measures how many words of a text a vocabulary has, and how many of the others each back-off finds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embstore.codecs.shared.first_look.check import check_first_bytes
from embstore.codecs.shared.first_look.first_bytes import HEAD, FirstBytes
from embstore.core.errors import FormatError
from embstore.files.input import Input
from embstore.files.stream import Stream
from embstore.ops.shown import Facts, Shown
from embstore.words.backoffs import find_forms
from embstore.words.columns import Words
from embstore.words.encoder import Encoder
from embstore.words.lookup import Lookup
from embstore.words.policy import OovLike, Policy, back_off_name
from embstore.words.vocabulary import count_tokens

BLOCK = 1 << 20  # bytes read at a time
MAX_WORD = 1 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Share:
    """Part of the words of a text.

    Attributes
    ----------
    tokens, types
        Number of words, with and without repetitions.
    token_share, type_share
        These as fractions of the whole text, from 0 to 1.
    """

    tokens: int
    types: int
    token_share: float
    type_share: float


@dataclass(frozen=True, slots=True, repr=False)
class Coverage(Shown):
    """How much of a text a vocabulary and a policy cover.

    Attributes
    ----------
    tokens, types
        Number of words of the text, with and without repetitions.
    known
        `Share` of the words that are in the vocabulary.
    rules
        Name of each back-off, in order, to the `Share` of the words that it finds.
    missing
        `Share` of all other words: the policy's ending applies to them.
    ending
        Text form of the ending.
    most_frequent
        The most frequent missing words with their counts; ties in the order of the text.

    Examples
    --------
    >>> glove = embstore.open("glove.6B.50d.safetensors")
    >>> found = embstore.coverage(glove, "the cat sat on THE qzxv mat".split(), oov="lower,zero")
    >>> found.tokens, found.known.tokens, found.missing.tokens
    (7, 5, 1)
    >>> {name: share.tokens for name, share in found.rules.items()}
    {'lower': 1}
    >>> found
    <Coverage of 7 words: 71.43% known, 14.29% missing>
    """

    tokens: int
    types: int
    known: Share
    rules: dict[str, Share]
    missing: Share
    ending: str
    most_frequent: list[tuple[str, int]]

    def _facts(self) -> Facts:
        shares = {"known": self.known, **self.rules, f"missing: {self.ending}": self.missing}
        rows = [
            (name, _share_text(each.tokens, each.token_share), _share_text(each.types, each.type_share))
            for name, each in shares.items()
        ]
        rows.append(("total", f"{self.tokens:,}", f"{self.types:,}"))
        words = [(f"most frequent missing: {word!r}", f"{times:,}", "") for word, times in self.most_frequent]
        parts = f"{self.known.token_share:.2%} known, {self.missing.token_share:.2%} missing"
        return Facts(f"Coverage of {self.tokens:,} words: {parts}", [*rows, *words], ("", "words", "distinct words"))


def _share_text(count: int, share: float) -> str:
    return f"{count:,} ({share:.2%})"


def coverage(
    vocabulary: Lookup,
    words: Words | Mapping[str, int],
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
        Words in the order of the text, or sentences, each a list of words; a column of either; or a mapping from word
        to count.
    oov
        The policy. None uses the policy stored in the store's file, else ``error``, which is not raised here.
    top
        Maximum length of `Coverage.most_frequent`.

    Returns
    -------
    Coverage

    Examples
    --------
    >>> glove = embstore.open("glove.6B.50d.safetensors")
    >>> with open("corpus.txt") as corpus:
    ...     found = embstore.coverage(glove, (line.split() for line in corpus), oov="lower,hash:1000")
    >>> round(found.known.token_share, 3), found.most_frequent
    (0.714, [('qzxv', 1)])
    """
    policy = Encoder(vocabulary, oov).policy
    counts = count_tokens(words)
    distinct, times = list(counts), np.fromiter(counts.values(), np.int64, len(counts))
    rows = vocabulary.rows(distinct)
    unknown = np.flatnonzero(rows < 0)
    found_by = np.full(len(distinct), -1, np.int64)  # position of the back-off
    _, found_by[unknown] = find_forms(policy.backoffs, [distinct[i] for i in unknown.tolist()], vocabulary.rows)
    missing = (rows < 0) & (found_by < 0)

    def share(chosen: NDArray[np.bool_]) -> Share:
        tokens, types = int(times[chosen].sum()), int(chosen.sum())
        return Share(tokens, types, tokens / max(1, int(times.sum())), types / max(1, len(distinct)))

    order = np.flatnonzero(missing)
    order = order[np.argsort(-times[order], kind="stable")][:top]
    return Coverage(
        tokens=int(times.sum()),
        types=len(distinct),
        known=share(rows >= 0),
        rules={name: share(found_by == i) for i, name in enumerate(_back_off_names(policy))},
        missing=share(missing),
        ending=str(policy.ending),
        most_frequent=[(distinct[i], int(times[i])) for i in order.tolist()],
    )


def _back_off_names(policy: Policy) -> list[str]:
    """Return the names of the back-offs; those of equal name, such as lambdas, get their position as a suffix."""
    names = [back_off_name(back_off) for back_off in policy.backoffs]
    return [name if names.count(name) == 1 else f"{name} {i + 1}" for i, name in enumerate(names)]


def count_words(path: str | Path, member: str | None = None) -> Counter[str]:
    """Count the words of a text file, which is read in blocks and split at ASCII white space.

    Parameters
    ----------
    path
        A text file, plain or in .gz, .bz2, .xz, .zst or .zip. Invalid UTF-8 is decoded with surrogateescape.
    member
        Name of the member of a zip that contains several files.

    Raises
    ------
    FormatError
        If the file is no text, such as an archive; or a word is longer than 1 MiB.
    """
    counts: Counter[bytes] = Counter()
    rest, first = b"", True
    with Input(path) as source, Stream(source, member) as file:
        while True:
            block = bytearray(BLOCK)  # a new one for each read: a thread hashes the last one meanwhile
            size = file.fill(memoryview(block))
            if first:
                check_first_bytes(FirstBytes(file.path, bytes(block[: min(size, HEAD)]), role="text"))
            first = False
            words = (rest + block[:size]).split()
            ended = size < BLOCK
            rest = words.pop() if words and not ended and not block[-1:].isspace() else b""
            if len(rest) > MAX_WORD:
                raise FormatError(path, f"{len(rest):,} bytes without white space: not a text of words")
            counts.update(words)
            if ended:
                return Counter({word.decode("utf-8", "surrogateescape"): times for word, times in counts.items()})
