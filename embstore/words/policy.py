"""What becomes of a word that is not in the vocabulary: back-offs, then one ending.

One text form in Python, on the command line and in a file: ``lower,digits,hash:1000``. formats/oov/SPEC.md
says what each part does, to the last bit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from embstore.core import kernels
from embstore.core.batch import Ints, Tokens
from embstore.core.index import pack_lossless
from embstore.words.backoffs import BACK_OFFS, BackOff
from embstore.words.ngrams import Ngrams

MAX_BUCKETS = 1 << 32
OWN_UNKNOWN = ("<unk>", "unk", "[UNK]")  # what tables call their unknown token, tried in this order


@dataclass(frozen=True, slots=True)
class Error:
    """``error``: `UnknownTokenError` names the words."""

    rows: ClassVar[int] = 0

    def __str__(self) -> str:
        return "error"


@dataclass(frozen=True, slots=True)
class Skip:
    """``skip``: the word is dropped, which only bags can do."""

    rows: ClassVar[int] = 0

    def __str__(self) -> str:
        return "skip"


@dataclass(frozen=True, slots=True)
class Zero:
    """``zero``: a row of zeros."""

    rows: ClassVar[int] = 1

    def __str__(self) -> str:
        return "zero"


@dataclass(frozen=True, slots=True)
class Mean:
    """``mean``: the mean of the table's rows."""

    rows: ClassVar[int] = 1

    def __str__(self) -> str:
        return "mean"


@dataclass(frozen=True, slots=True)
class Unk:
    """``unk`` or ``unk:TOKEN``: the row of the table's own unknown token, or of the token named."""

    token: str | None = None
    rows: ClassVar[int] = 0

    def __str__(self) -> str:
        return "unk" if self.token is None else f"unk:{self.token}"


@dataclass(frozen=True, slots=True)
class Hash:
    """``hash:B`` or ``hash:B:k``: one of B bucket rows, or k of them, which a bag sums."""

    buckets: int
    k: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.buckets <= MAX_BUCKETS or not 1 <= self.k <= 256:
            raise ValueError(f"oov {str(self)!r}: expected 1 to {MAX_BUCKETS:,} buckets and 1 to 256 hashes")

    @property
    def rows(self) -> int:
        """Rows behind the vocabulary."""
        return self.buckets

    def places(self, words: list[str] | Tokens) -> Ints:
        """Buckets of words, the same everywhere: int64 of shape (words, k), in [0, buckets)."""
        packed = pack_lossless(words) if isinstance(words, list) else words
        hashes = [kernels.hash_tokens(packed.data, packed.offsets, seed) for seed in range(1, self.k + 1)]
        return (np.stack(hashes, axis=1) % np.uint64(self.buckets)).astype(np.int64)

    def __str__(self) -> str:
        return f"hash:{self.buckets}" + (f":{self.k}" if self.k != 1 else "")


@dataclass(frozen=True, slots=True)
class Subword:
    """``subword``: the rows of fastText's character n-grams, which a bag averages.

    Attributes
    ----------
    ngrams
        Those of the store that the policy is for; None as long as it is for none.
    """

    ngrams: Ngrams | None = None

    @property
    def rows(self) -> int:
        """Rows behind the vocabulary: a bucket's each."""
        return self.ngrams.buckets if self.ngrams else 0

    def places(self, words: list[str]) -> tuple[Ints, Ints]:
        """Buckets of all n-grams of words, (n-grams,), and how many each word has, (words,): see `Ngrams.of`."""
        return (self.ngrams or Ngrams(0, 0, 0)).of(pack_lossless(words))

    def __str__(self) -> str:
        return "subword"


Ending = Error | Skip | Zero | Mean | Unk | Hash | Subword

PLAIN: dict[str, Ending] = {str(ending): ending for ending in (Error(), Skip(), Zero(), Mean(), Unk(), Subword())}
KNOWN = (
    f"back-offs: {', '.join(BACK_OFFS)}; "
    "endings: error, skip, zero, mean, unk, unk:TOKEN, hash:BUCKETS, hash:BUCKETS:HASHES, subword"
)


@dataclass(frozen=True, slots=True)
class Policy:
    """Back-offs, tried in order on the missing words alone, then one ending.

    Attributes
    ----------
    backoffs
        Names (`nfc`, `lower`, `casefold`, `accents`, `digits`) or functions ``str -> str | None``.
    ending
        What a word that no back-off finds becomes.
    """

    backoffs: tuple[str | BackOff, ...] = ()
    ending: Ending = Error()

    def __post_init__(self) -> None:
        names = [name for name in self.backoffs if isinstance(name, str)]
        for name in names:
            if name not in BACK_OFFS:
                raise ValueError(f"oov: {name!r} is no back-off ({KNOWN})")
            if names.count(name) > 1:
                raise ValueError(f"oov: the back-off {name!r} comes twice")

    @classmethod
    def parse(cls, oov: OovLike) -> Policy:
        """Make a policy of its text, of its parts, or of itself.

        Parameters
        ----------
        oov
            ``"lower,hash:1000"``; a `Policy`; an ending or a function alone; a list of them, such as
            ``["lower", stem, "hash:1000"]``; None for ``error``.

        Raises
        ------
        ValueError
            For text that is no policy. Lists what exists.
        """
        if isinstance(oov, Policy):
            return oov
        if oov is None:
            return cls()
        if isinstance(oov, str):
            return _parse_parts(_split(oov))
        return _parse_parts(list(oov) if isinstance(oov, Sequence) else [oov])

    def bound(self, metadata: Mapping[str, str]) -> Policy:
        """Return the policy for a store with this header: ``subword`` takes its n-grams from there."""
        if not isinstance(self.ending, Subword):
            return self
        return replace(self, ending=Subword(Ngrams.parse(metadata.get("embstore.subword", ""))))

    @property
    def named(self) -> bool:
        """Whether the text form is the whole of it: False with functions among the back-offs."""
        return all(isinstance(back_off, str) for back_off in self.backoffs)

    def __str__(self) -> str:
        return ",".join([*map(back_off_name, self.backoffs), str(self.ending)])


OovLike = str | Policy | Ending | BackOff | Sequence[str | Ending | BackOff] | None
"""What `Policy.parse` takes, and so whatever has an argument `oov`."""


def back_off_name(back_off: str | BackOff) -> str:
    """Name of a back-off; that of a function stands in angle brackets."""
    return back_off if isinstance(back_off, str) else f"<{getattr(back_off, '__qualname__', repr(back_off))}>"


def _split(text: str) -> list[str]:
    """Part the text at commas, but not those in the token of `unk:`, which is the rest of the text."""
    parts = []
    head, comma, rest = text.partition(",")
    while comma and not head.lstrip().startswith("unk:"):
        parts.append(head)
        head, comma, rest = rest.partition(",")
    return [*parts, head + comma + rest]


def _parse_parts(parts: Sequence[str | Ending | BackOff]) -> Policy:
    parsed = [_parse_part(part) if isinstance(part, str) else part for part in parts]
    *backoffs, last = parsed or [Error()]
    if not isinstance(last, Ending):
        backoffs, last = [*backoffs, last], Error()
    for part in backoffs:
        if isinstance(part, Ending):
            raise ValueError(f"oov: the ending {str(part)!r} must come last, and alone")
        if not isinstance(part, str) and not callable(part):
            raise ValueError(f"oov: {part!r} is no back-off, no ending and no function")
    return Policy(tuple(part for part in backoffs if not isinstance(part, Ending)), last)


def _parse_part(text: str) -> str | Ending:
    text = text.lstrip()
    if text.startswith("unk:") and len(text) > 4:
        return Unk(text[4:])
    text = text.rstrip()
    if text in BACK_OFFS:
        return text
    if text in PLAIN:
        return PLAIN[text]
    numbers = re.fullmatch(r"hash:([0-9]{1,18})(?::([0-9]{1,18}))?", text)
    if numbers is None:
        shown = text if len(text) <= 80 else f"{text[:77]}..."
        raise ValueError(f"oov: {shown!r} is neither back-off nor ending ({KNOWN})")
    return Hash(int(numbers[1]), int(numbers[2] or 1))
