"""Errors of the operating system, told of the file that the caller named."""

from __future__ import annotations

import contextlib
import errno
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
        elif error.filename is not None and _is_temporary(error.filename):
            error.filename, error.filename2 = str(path), None
            if error.errno in NOT_ALLOWED:
                error.filename = str(Path(path).parent)
                error.strerror = f"{error.strerror}, no file can be written into this folder"
        raise


def _is_temporary(name: object) -> bool:
    """Tell the files and folders that embstore fills before they get their names."""
    return any(part.startswith(".") and part.endswith(".tmp") for part in Path(str(name)).parts)
