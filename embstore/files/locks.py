"""Locks of open files (flock): they end with the process that holds them, however it ends."""

from __future__ import annotations

import os
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: nothing is locked, so nothing that somebody may still write is ever removed
    fcntl = None  # type: ignore[assignment]


def lock(descriptor: int, *, wait: bool = False) -> bool:
    """Lock an open file or folder for this process; return whether it did.

    False too for file systems without locks, where nobody can know whether a writer lives.
    """
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def leads_to(path: Path, descriptor: int) -> bool:
    """Return whether a path still leads to an open file or folder."""
    try:
        return os.path.samestat(os.lstat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False
