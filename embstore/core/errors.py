"""What embstore raises and warns with.

Every message says where, what was found, what was expected and how to mend it, on one line.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class EmbstoreError(Exception):
    """Base of every error that embstore raises on purpose."""


class EmbstoreWarning(UserWarning):
    """Something in the input was odd and was dealt with; the message says what and how often."""


class FormatError(EmbstoreError, ValueError):
    """A file that cannot be read, or a table that a format cannot hold.

    Parameters
    ----------
    path
        The file at fault.
    reason
        What was found, what was expected and the cure.
    where
        A line number, a byte offset or a key inside the file; empty if the whole file is meant.
    format
        Name of the format that was being read or written.

    Attributes
    ----------
    path, reason, where, format
        As given.
    """

    def __init__(self, path: str | Path, reason: str, *, where: str | int = "", format: str = "") -> None:  # noqa: A002
        self.path, self.reason, self.where, self.format = str(path), reason, str(where), format
        place = f"{self.path}:{self.where}" if self.where else self.path
        super().__init__(f"{place}: {reason}")

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.path, self.reason, self.where, self.format)


def _rebuild(kind: type[FormatError], path: str, reason: str, where: str, format: str) -> FormatError:  # noqa: A002
    return kind(path, reason, where=where, format=format)


class UnknownFormatError(FormatError):
    """A file whose format neither its first bytes nor its name tell."""


class UnsupportedVersionError(FormatError):
    """A store written by a later major version of the format."""


class UnknownTokenError(EmbstoreError, KeyError):
    """Words that the store does not have, where the policy is ``error``.

    Attributes
    ----------
    tokens
        The missing words, each once, in the order in which they were met.
    """

    def __init__(self, tokens: Sequence[str]) -> None:
        self.tokens = tuple(tokens)
        super().__init__(self.tokens)

    def __str__(self) -> str:
        shown = ", ".join(repr(token) for token in self.tokens[:5])
        more = f" and {len(self.tokens) - 5} more" if len(self.tokens) > 5 else ""
        return f"not in the vocabulary: {shown}{more}"


class MissingDependencyError(EmbstoreError, ImportError):
    """A format or compression that needs a package which is not installed."""

    def __init__(self, package: str, what: str) -> None:
        super().__init__(f"{what} needs the package {package}: pip install {package}")
