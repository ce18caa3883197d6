"""Errors of the operating system, told of the file that the caller named."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

NO_ROOM = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}
"""Errors of writing alone, which name no file."""

NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextlib.contextmanager
def blaming(path: str | Path) -> Iterator[None]:
    """Write `path` in the block, and let an error name it, or the folder that takes no file.

    Where there is no room the system names no file; where a temporary one fails, it names that, which nobody knows.
    """
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno in NO_ROOM:
            error.filename = str(path)
        elif error.filename is not None and _is_temporary(error.filename, path):
            error.filename, error.filename2 = str(path), None
            if error.errno in NOT_ALLOWED:
                place = Path(path).resolve() if Path(path).is_symlink() else Path(path)
                error.filename = str(place.parent)
                error.strerror = f"{error.strerror}, no file can be written into this folder"
        raise


def _is_temporary(name: str | bytes | os.PathLike[str], path: str | Path) -> bool:
    """Tell a file or folder that is filled beside a path before it gets its name, and what is in it."""
    found = Path(os.fsdecode(name)).absolute()
    folders = Path(path).absolute().parent, Path(path).resolve().parent  # beside a link, and what it leads to
    inside = [found.relative_to(folder).parts[:1] for folder in folders if found.is_relative_to(folder)]
    return any(part.startswith(".") and part.endswith(".tmp") for parts in inside for part in parts)
