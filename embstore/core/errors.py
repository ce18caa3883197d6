"""The errors and warnings of embstore.

Every message is one line: the place, what was found, what was expected, and what to do about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class EmbstoreError(Exception):
    """Base class of the errors that embstore raises on purpose.

    Examples
    --------
    >>> try:
    ...     embstore.Encoder(embstore.Vocabulary(["the"]), oov="unk")
    ... except embstore.EmbstoreError as error:
    ...     print(error)
    oov 'unk': <Vocabulary of 1 words> has no token '<unk>' or 'unk' or '[UNK]';
    use 'unk:TOKEN' for another token, or 'zero' or 'mean'
    """


class EmbstoreWarning(UserWarning):
    r"""Something in the input was odd, and was handled; the message says what and how often.

    Examples
    --------
    >>> import pathlib, warnings
    >>> _ = pathlib.Path("twice.txt").write_text("frog 1 2\nfrog 3 4\n")
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always", embstore.EmbstoreWarning)
    ...     len(embstore.open("twice.txt"))
    1
    >>> print(caught[0].message)
    repeated tokens: 1, the first 'frog'
    """


class FormatError(EmbstoreError, ValueError):
    r"""A file that cannot be read, or a table that a format cannot store.

    Parameters
    ----------
    path
        The file that caused the error.
    reason
        What was found, what was expected, and what to do about it.
    where
        A line number, byte offset or key in the file; empty for the whole file.
    format
        Name of the format that was being read or written.

    Attributes
    ----------
    path, reason, where, format
        The parameters; path and where as str.

    Examples
    --------
    >>> import pathlib
    >>> _ = pathlib.Path("short.txt").write_text("the 1 2\nfrog 3\n")
    >>> try:
    ...     embstore.open("short.txt")
    ... except embstore.FormatError as error:
    ...     print(error.path, error.where, error.format)
    short.txt 2 glove
    """

    def __init__(self, path: str | Path, reason: str, *, where: str | int = "", format: str = "") -> None:  # noqa: A002
        self.path, self.reason, self.where, self.format = str(path), reason, str(where), format
        place = f"{self.path}:{self.where}" if self.where else self.path
        super().__init__(_on_one_line(f"{place}: {reason}"))

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.path, self.reason, self.where, self.format)


CONTROL = {code: ascii(chr(code))[1:-1] for code in (*range(32), *range(127, 160), 0x2028, 0x2029)}


def _on_one_line(text: str) -> str:
    """Escape control characters, such as a line break in the name of a tensor."""
    return text if text.isprintable() else text.translate(CONTROL)


def _rebuild(kind: type[FormatError], path: str, reason: str, where: str, format: str) -> FormatError:  # noqa: A002
    return kind(path, reason, where=where, format=format)


class UnknownFormatError(FormatError):
    """A file whose format cannot be detected from its first bytes or its name.

    Examples
    --------
    >>> import pathlib
    >>> _ = pathlib.Path("table.xyz").write_bytes(bytes(16))
    >>> try:
    ...     embstore.open("table.xyz")
    ... except embstore.UnknownFormatError as error:
    ...     print(error.path)
    table.xyz
    """


class UnsupportedVersionError(FormatError):
    """A store of a later major version of the format.

    Examples
    --------
    >>> import pathlib
    >>> embstore.save("new.safetensors", ["the"], [[1.0, 2.0]])
    >>> raw = pathlib.Path("new.safetensors").read_bytes().replace(b'version":"1.0"', b'version":"2.0"')
    >>> _ = pathlib.Path("later.safetensors").write_bytes(raw)
    >>> try:
    ...     embstore.open("later.safetensors")
    ... except embstore.UnsupportedVersionError as error:
    ...     print(error)
    later.safetensors: a store of version 2.0; this embstore reads version 1: upgrade embstore
    """


class UnknownTokenError(EmbstoreError, KeyError):
    """Words that are not in the vocabulary, if no policy replaces them.

    Attributes
    ----------
    tokens
        The distinct unknown words, in the order of their first occurrence.

    Examples
    --------
    >>> glove = embstore.open("glove.6B.50d.safetensors")
    >>> try:
    ...     glove[["frog", "qzxv", "xvzq"]]
    ... except embstore.UnknownTokenError as error:
    ...     print(error)
    not in the vocabulary: 'qzxv', 'xvzq'
    """

    def __init__(self, tokens: Sequence[str]) -> None:
        self.tokens = tuple(map(str, tokens))  # str: the repr of NumPy's strings names their type
        super().__init__(self.tokens)

    def __str__(self) -> str:
        shown = ", ".join(repr(token) for token in self.tokens[:5])
        more = f" and {len(self.tokens) - 5} more" if len(self.tokens) > 5 else ""
        return f"not in the vocabulary: {shown}{more}"


class MissingDependencyError(EmbstoreError, ImportError):
    """A package that a format or compression needs is not installed; it is also an ImportError.

    Examples
    --------
    >>> print(embstore.MissingDependencyError("zstandard", "reading glove.txt.zst"))
    reading glove.txt.zst needs the package zstandard: `pip install zstandard`
    """

    def __init__(self, package: str, feature: str, failure: str = "") -> None:
        found = f", which cannot be imported ({_on_one_line(failure)})" if failure else ""
        super().__init__(f"{feature} needs the package {package}{found}: `pip install {package}`")
