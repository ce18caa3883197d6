"""The policy for words that are not in the vocabulary: back-offs, then one ending.

A policy has the same text form in Python, on the command line and in a file: ``lower,digits,hash:1000``.
formats/oov/SPEC.md specifies each part exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from embstore.words.backoffs import BACK_OFFS, BackOff
from embstore.words.endings.base import Ending, is_ending, shortened
from embstore.words.endings.table import DEFAULT, parse_ending, takes_rest, usages


@dataclass(frozen=True, slots=True)
class Policy:
    """What to do with unknown words: back-offs, tried in order, then one ending.

    Attributes
    ----------
    backoffs
        Names (`nfc`, `lower`, `casefold`, `accents`, `digits`) or functions ``str -> str | None``.
    ending
        What replaces a word that no back-off finds: a row of zeros, a hash bucket, an error ...

    Examples
    --------
    >>> policy = embstore.Policy.parse("lower,digits,hash:1000")
    >>> policy.backoffs
    ('lower', 'digits')
    >>> policy.ending
    Hash(buckets=1000, k=1)
    >>> str(policy)
    'lower,digits,hash:1000'
    """

    backoffs: tuple[str | BackOff, ...] = ()
    ending: Ending = DEFAULT

    def __post_init__(self) -> None:
        names = [name for name in self.backoffs if isinstance(name, str)]
        for name in names:
            if name not in BACK_OFFS:
                raise ValueError(f"oov: {name!r} is not a back-off ({known_parts()})")
            if names.count(name) > 1:
                raise ValueError(f"oov: the back-off {name!r} appears twice")

    @classmethod
    def parse(cls, oov: OovLike) -> Policy:
        """Make a policy from its text or its parts.

        Parameters
        ----------
        oov
            ``"lower,hash:1000"``; an ending or a function; a list of these, such as
            ``["lower", stem, "hash:1000"]``; a `Policy`, which is returned; None for ``error``.

        Raises
        ------
        ValueError
            For text that is not a policy; lists the known parts.

        Examples
        --------
        >>> str(embstore.Policy.parse("lower"))
        'lower,error'
        >>> def singular(word):
        ...     return word.removesuffix("s")
        >>> policy = embstore.Policy.parse(["lower", singular, "zero"])
        >>> glove = embstore.open("glove.6B.50d.safetensors")
        >>> encoder = embstore.Encoder(glove, policy)
        >>> encoder.encode(["FROG", "qzxvs"]).tolist() == [glove.stoi["frog"], len(glove)]
        True
        """
        if isinstance(oov, Policy):
            return oov
        if oov is None:
            return cls()
        if isinstance(oov, str):
            return _parse_parts(_split(oov))
        return _parse_parts(list(oov) if isinstance(oov, Sequence) else [oov])

    @property
    def named(self) -> bool:
        """Whether the text form describes the policy completely: False if a back-off is a function."""
        return all(isinstance(back_off, str) for back_off in self.backoffs)

    def __str__(self) -> str:
        return ",".join([*map(back_off_name, self.backoffs), str(self.ending)])


OovLike = str | Policy | Ending | BackOff | Sequence[str | Ending | BackOff] | None
"""What `Policy.parse`, and every argument `oov`, accepts."""


def policy_for_table(oov: OovLike, metadata: Mapping[str, str]) -> Policy:
    """Make the policy for a table with this header, where ``subword`` finds the sizes of its n-grams."""
    policy = Policy.parse(oov)
    ending = policy.ending.for_table(metadata)
    return policy if ending is policy.ending else replace(policy, ending=ending)


def known_parts() -> str:
    """Return the names of all back-offs and endings, for messages."""
    return f"back-offs: {', '.join(BACK_OFFS)}; endings: {', '.join(usages())}"


def back_off_name(back_off: str | BackOff) -> str:
    """Return the name of a back-off; the name of a function is in angle brackets."""
    return back_off if isinstance(back_off, str) else f"<{getattr(back_off, '__qualname__', repr(back_off))}>"


def _split(text: str) -> list[str]:
    """Split the text at commas, except in the argument of an ending that takes the rest of the text."""
    parts, start = [], 0
    while (comma := text.find(",", start)) >= 0 and not takes_rest(text[start:comma].lstrip()):
        parts.append(text[start:comma])
        start = comma + 1
    return [*parts, text[start:]]


def _parse_parts(parts: Sequence[str | Ending | BackOff]) -> Policy:
    parsed = [_parse_part(part) if isinstance(part, str) else part for part in parts]
    ending = parsed.pop() if parsed and is_ending(parsed[-1]) else DEFAULT
    for part in parsed:
        if is_ending(part):
            raise ValueError(f"oov: the ending {str(part)!r} must be the last part, and the only ending")
        if not isinstance(part, str) and not callable(part):
            raise ValueError(f"oov: {part!r} is not a back-off, an ending or a function")
    return Policy(tuple(cast("list[str | BackOff]", parsed)), cast("Ending", ending))


def _parse_part(text: str) -> str | Ending:
    text = text.lstrip()
    if not takes_rest(text):
        text = text.rstrip()
    if text in BACK_OFFS:
        return text
    ending = parse_ending(text)
    if ending is None:
        raise ValueError(f"oov: {shortened(text)!r} is not a back-off or an ending ({known_parts()})")
    return ending
