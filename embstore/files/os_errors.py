"""Errors of the operating system, changed to name the file that the caller named."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

DISK_FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}
"""Errors of writing, for which the system names no file."""

DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextlib.contextmanager
def errors_naming(path: str | Path) -> Iterator[None]:
    """Make an OSError raised while `path` is written name `path`, or its folder if that cannot be written.

    Disk-full errors name no file, others name the temporary one; report the caller's path.
    """
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno in DISK_FULL:
            error.filename = str(path)
        elif error.filename is not None and _is_temporary(error.filename, path):
            error.filename, error.filename2 = str(path), None
            if error.errno in DENIED:
                target = Path(os.path.realpath(path)) if Path(path).is_symlink() else Path(path)
                error.filename = str(target.parent)
                error.strerror = f"{error.strerror}, no file can be written into this folder"
        raise


def _is_temporary(name: str | bytes | os.PathLike[str], path: str | Path) -> bool:
    """Whether a name is a temporary file or folder next to `path`, or a file in such a folder."""
    found = Path(os.fsdecode(name)).absolute()
    folders = Path(path).absolute().parent, Path(os.path.realpath(path)).parent  # of a link, and of its target
    inside = [found.relative_to(folder).parts[:1] for folder in folders if found.is_relative_to(folder)]
    return any(part.startswith(".") and part.endswith((".tmp", ".old")) for parts in inside for part in parts)
