"""Suggestions for names that were mistyped: commands, and files that do not exist."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

CUTOFF = 0.75  # similarity of two names, from 0 to 1
MOST_FILES = 2000  # of a folder that are compared
LONGEST = 100  # characters of a name that are compared


def similar_command(name: str, commands: Iterable[str]) -> str | None:
    """Return the command that a mistyped one is most similar to, None if none is."""
    return next(iter(difflib.get_close_matches(name.lower(), list(commands), 1, 0.6)), None)


def similar_file(path: Path) -> Path | None:
    """Return the file or folder next to a missing one that has the most similar name, None if none is similar.

    Names are compared without their suffix, which many names share; it decides between equally similar ones.
    """
    try:
        with os.scandir(path.parent) as entries:
            names = [entry.name for entry in islice(entries, MOST_FILES)]
    except OSError:
        return None
    stems: dict[str, list[str]] = {}
    for name in names:
        stems.setdefault(_stem(name), []).append(name)
    stem = next(iter(difflib.get_close_matches(_stem(path.name), stems, 1, CUTOFF)), None)
    if stem is None:
        return None
    return path.with_name(max(sorted(stems[stem]), key=lambda name: _similarity(name, path.name)))


def _stem(name: str) -> str:
    return Path(name).stem.lower()[:LONGEST]


def _similarity(a: str, b: str) -> float:
    return difflib.SequenceMatcher(None, a[-LONGEST:].lower(), b[-LONGEST:].lower()).ratio()
