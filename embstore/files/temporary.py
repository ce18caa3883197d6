"""Temporary files next to their targets: private, locked while their writer lives, removed if it was killed."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from embstore.files.locks import leads_to, lock

LONGEST = 255  # bytes of a file name, in nearly every file system
ENDING = 51  # bytes of the longest ending: .<12 digits>-<owner>.tmp
FLAGS = sum(getattr(os, name, 0) for name in ("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))


END = re.compile(r"[0-9a-f]{12}(-[0-9a-f]{1,16}-[0-9a-f]{1,16})?(\.tmp|\.old)")
"""The end of a temporary name, after the name of the target and a dot."""


def owner_of(status: os.stat_result) -> str:
    """Return what identifies a file with its content in a name: its inode, which may be used again, and its time."""
    return f"{status.st_ino:x}-{max(0, status.st_mtime_ns):x}"


def temporary_name(name: str, owner: str | None = None, suffix: str = ".tmp") -> str:
    """Return a new temporary name for a target.

    Parameters
    ----------
    name
        Name of the target.
    owner
        `owner_of` the file that this one belongs to, as words belong to a matrix; None for a file by itself.
    suffix
        ``.tmp`` for a file that is being written, ``.old`` for one that is being replaced.
    """
    note = "" if owner is None else f"-{owner}"
    return f".{_cut(name)}.{os.urandom(6).hex()}{note}{suffix}"


def _cut(name: str) -> str:
    """Shorten a name so that a temporary name fits; whole characters, since some file systems require UTF-8."""
    while len(os.fsencode(name)) > LONGEST - ENDING:
        name = name[:-1]
    return name


def create(path: Path, owner: str | None = None) -> tuple[io.FileIO, Path]:
    """Create and lock a temporary file for a target, readable by this user alone, open for reading and writing.

    The parameters are those of `temporary_name`. Returns the file, unbuffered, and its path.
    """
    while True:
        temporary = path.with_name(temporary_name(path.name, owner))
        file = io.FileIO(temporary, "x+b", opener=lambda name, flags: os.open(name, flags | FLAGS, 0o600))
        lock(file.fileno(), wait=True)
        if leads_to(temporary, file.fileno()):
            return file, temporary
        file.close()  # another process removed it before it was locked


def create_folder(path: Path) -> tuple[Path, int | None]:
    """Create and lock a temporary folder for a target, for this user alone; return its path and descriptor."""
    while True:
        temporary = path.with_name(temporary_name(path.name))
        temporary.mkdir(mode=0o700)
        if os.name == "nt":
            return temporary, None
        try:
            descriptor = os.open(temporary, os.O_RDONLY | FLAGS)
        except FileNotFoundError:  # another process removed it before it was locked
            continue
        lock(descriptor, wait=True)
        if leads_to(temporary, descriptor):
            return temporary, descriptor
        os.close(descriptor)


def remains(path: Path) -> Iterator[tuple[Path, str | None, str]]:
    """Yield the temporary files and folders of a target: path, owner and suffix, as in `temporary_name`."""
    prefix = f".{_cut(path.name)}."
    try:
        names = os.listdir(path.parent)  # noqa: PTH208 - of many names few match
    except OSError:  # a folder that this user may only write into
        return
    for name in sorted(names):
        found = END.fullmatch(name, len(prefix)) if name.startswith(prefix) else None
        if found:
            yield path.with_name(name), found[1][1:] if found[1] else None, found[2]


def is_abandoned(path: Path) -> bool:
    """Return whether the writer of a temporary file has ended, as far as can be known."""
    with _locked(path) as is_dead:
        return is_dead


def remove_remains(path: Path, complete: str | None = None) -> None:
    """Remove what killed writers left of a target; files of a writer that lives are locked, and stay.

    Files that belong to another one stay as long as that is in the folder: they could be put back next to it.

    Parameters
    ----------
    path
        The target.
    complete
        `owner_of` the file whose words have arrived, so that no others need to stay for it.
    """
    found = list(remains(path))
    if not found:
        return
    needed: set[str] = set()
    with os.scandir(path.parent) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                if not entry.name.startswith("."):
                    needed.add(owner_of(entry.stat(follow_symlinks=False)))
    for temporary, owner, _ in found:
        if owner not in needed or owner == complete:
            _remove_if_dead(temporary)


def _remove_if_dead(path: Path) -> None:
    with _locked(path) as is_dead:
        if is_dead and path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif is_dead:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Lock a temporary file or folder for the block, if nobody else has; False if it could not be locked."""
    try:
        descriptor = os.open(path, os.O_RDONLY | FLAGS)
    except OSError:
        yield False
        return
    try:
        mode = os.fstat(descriptor).st_mode
        is_ours = stat.S_ISREG(mode) or (stat.S_ISDIR(mode) and stat.S_IMODE(mode) == 0o700)
        yield is_ours and lock(descriptor) and leads_to(path, descriptor)
    finally:
        os.close(descriptor)
