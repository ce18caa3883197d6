"""Names of columns by patterns of the shell: ``*``, ``?``, and ``[0-9]`` for one character of some.

Python's fnmatch makes a regular expression of a pattern; this takes no more than the product of both lengths.
"""

from __future__ import annotations

import re

PART = re.compile(r"\[[^\[\]]{1,40}+\]|.", re.DOTALL)
RANGE = re.compile(r"(.)-(.)|(.)", re.DOTALL)


def matches(name: str, pattern: str) -> bool:
    """Return whether a pattern matches a whole name."""
    parts: list[str] = PART.findall(pattern)
    at = place = 0
    star, resume = -1, 0
    while at < len(name):
        if place < len(parts) and parts[place] == "*":
            star, resume, place = place, at, place + 1
        elif place < len(parts) and _fits(name[at], parts[place]):
            at, place = at + 1, place + 1
        elif star >= 0:  # let the last star take one character more
            resume += 1
            at, place = resume, star + 1
        else:
            return False
    return all(part == "*" for part in parts[place:])


def literally(name: str) -> str:
    """Return a pattern without commas that matches a name; characters with a meaning become ``?``."""
    return re.sub(r"[*?\[\],]", "?", name)


def _fits(character: str, part: str) -> bool:
    if len(part) == 1:
        return part in ("?", character)
    return any(
        first <= character <= last if first else character == single
        for first, last, single in RANGE.findall(part[1:-1])
    )
