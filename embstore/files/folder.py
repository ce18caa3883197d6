"""Folders that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from embstore.core.errors import EmbstoreError
from embstore.files.atomic import unwinding


@contextlib.contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """Fill a folder beside `path` that takes its name only when the block ends well; an error removes it.

    Raises EmbstoreError where something of that name is there: a folder is never replaced.
    """
    path = Path(path).absolute()
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise EmbstoreError(f"{path}: exists already, and a folder is never replaced: remove it first")
    with unwinding():
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name[:100]}.", suffix=".tmp", dir=path.parent))
        try:
            yield temporary
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o777 & ~umask)
            temporary.replace(path)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
