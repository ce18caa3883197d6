"""Atomic creation of folders: filled under a temporary name and renamed when complete."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from embstore.core.errors import EmbstoreError
from embstore.files.atomic import exit_on_sigterm


@contextlib.contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """Create a temporary folder next to `path` that is renamed when the block ends; an error removes it.

    Raises EmbstoreError if `path` exists, unless it is an empty folder: a folder with files is never replaced.
    """
    path = Path(path).absolute()
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise EmbstoreError(f"{path}: exists already, and a folder is never replaced: remove it first")
    with exit_on_sigterm():
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
