"""Parsing JSON of others: whatever is in it, the result is JSON or a FormatError."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from embstore.core.errors import FormatError


def parse_json(data: bytes, path: str | Path, expected: str, name: str = "") -> object:
    """Return the value that JSON describes.

    Parameters
    ----------
    data
        The bytes of a file.
    path
        The file, for errors.
    expected
        What the file should be, for errors.
    name
        Name of the format, for errors.

    Raises
    ------
    FormatError
        For bytes that are not JSON, nesting too deep for Python, and keys that appear twice in one object.
    """

    def distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
        made = dict(pairs)
        if len(made) < len(pairs):
            key = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
            reason = f"the key {shown(key)} appears twice in one object, so its value is ambiguous: remove one"
            raise FormatError(path, reason, format=name)
        return made

    try:
        parsed: object = json.loads(data, object_pairs_hook=distinct)
    except FormatError:
        raise
    except RecursionError:
        raise FormatError(path, f"nested too deeply to be {expected}", format=name) from None
    except ValueError as error:
        if "integer string conversion" in str(error):  # advice of Python on its limit is for programs
            raise FormatError(path, f"a number of thousands of digits, expected {expected}", format=name) from None
        raise FormatError(path, f"not JSON, expected {expected}: {error}", format=name) from None
    return parsed


def shown(value: object) -> str:
    """Return a value of JSON for a message: on one line, and short."""
    if isinstance(value, str):
        return repr(value[:60]) if len(value) <= 60 else f"{value[:60]!r}..."
    return f"a {type(value).__name__}" if isinstance(value, list | dict) else f"{value!r:.60}"


def names_for_message(names: Iterable[str]) -> str:
    """Return the first 20 names for a message: on one line, each of 200 characters at most."""
    short = (name[:200] for name in islice(names, 20))
    return ", ".join(name if name.isprintable() else ascii(name)[1:-1] for name in short)
