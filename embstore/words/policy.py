"""What becomes of a word that is not in the vocabulary: back-offs, then one ending.

One text form in Python, on the command line and in a file: ``lower,digits,hash:1000``. formats/oov/SPEC.md
says what each part does, to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from embstore.words.backoffs import BACK_OFFS, BackOff
from embstore.words.endings.base import Ending, shown
from embstore.words.endings.table import DEFAULT, parse_ending, takes_rest, usages


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
    ending: Ending = DEFAULT

    def __post_init__(self) -> None:
        names = [name for name in self.backoffs if isinstance(name, str)]
        for name in names:
            if name not in BACK_OFFS:
                raise ValueError(f"oov: {name!r} is no back-off ({known_parts()})")
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
        ending = self.ending.bound(metadata)
        return self if ending is self.ending else replace(self, ending=ending)

    @property
    def named(self) -> bool:
        """Whether the text form is the whole of it: False with functions among the back-offs."""
        return all(isinstance(back_off, str) for back_off in self.backoffs)

    def __str__(self) -> str:
        return ",".join([*map(back_off_name, self.backoffs), str(self.ending)])


OovLike = str | Policy | Ending | BackOff | Sequence[str | Ending | BackOff] | None
"""What `Policy.parse` takes, and so whatever has an argument `oov`."""


def known_parts() -> str:
    """List the back-offs and endings that exist, for messages."""
    return f"back-offs: {', '.join(BACK_OFFS)}; endings: {', '.join(usages())}"


def back_off_name(back_off: str | BackOff) -> str:
    """Name of a back-off; that of a function stands in angle brackets."""
    return back_off if isinstance(back_off, str) else f"<{getattr(back_off, '__qualname__', repr(back_off))}>"


def _split(text: str) -> list[str]:
    """Part the text at commas, but not those in the argument of an ending that takes the rest of the text."""
    parts = []
    head, comma, rest = text.partition(",")
    while comma and not takes_rest(head.lstrip()):
        parts.append(head)
        head, comma, rest = rest.partition(",")
    return [*parts, head + comma + rest]


def _parse_parts(parts: Sequence[str | Ending | BackOff]) -> Policy:
    parsed = [_parse_part(part) if isinstance(part, str) else part for part in parts]
    *backoffs, last = parsed or [DEFAULT]
    if not isinstance(last, Ending):
        backoffs, last = [*backoffs, last], DEFAULT
    for part in backoffs:
        if isinstance(part, Ending):
            raise ValueError(f"oov: the ending {str(part)!r} must come last, and alone")
        if not isinstance(part, str) and not callable(part):
            raise ValueError(f"oov: {part!r} is no back-off, no ending and no function")
    return Policy(tuple(part for part in backoffs if not isinstance(part, Ending)), last)


def _parse_part(text: str) -> str | Ending:
    text = text.lstrip()
    if not takes_rest(text):
        text = text.rstrip()
    if text in BACK_OFFS:
        return text
    ending = parse_ending(text)
    if ending is None:
        raise ValueError(f"oov: {shown(text)!r} is neither back-off nor ending ({known_parts()})")
    return ending
