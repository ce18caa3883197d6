"""Atomic creation of folders: filled under a temporary name and renamed when complete."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from embstore.core.errors import EmbstoreError
from embstore.files.renaming import PERMISSIONS, flush_folder, rename_exclusively, umask
from embstore.files.signals import defer_signals, exit_on_sigterm
from embstore.files.temporary import create_folder, remove_remains


@contextlib.contextmanager
def temporary_folder(path: str | Path) -> Iterator[Path]:
    """Create a temporary folder next to `path`, for this user alone, that is removed when the block ends."""
    with _locked_folder(Path(path)) as (temporary, _):
        yield temporary


@contextlib.contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """Create a temporary folder next to `path` that is renamed when the block ends; an error removes it.

    Raises EmbstoreError if `path` exists, also if it was created meanwhile, unless it is an empty folder: a folder
    with files is never replaced.
    """
    path = Path(path).absolute()
    if path.exists() and not _is_empty(path):
        raise _exists_already(path)
    was_empty = path.exists()
    mode = path.stat().st_mode & PERMISSIONS if was_empty else PERMISSIONS & ~umask()
    with exit_on_sigterm(), _locked_folder(path) as (temporary, descriptor):
        yield temporary
        _place(temporary, path, was_empty)
        if descriptor is not None:
            os.fchmod(descriptor, mode)  # only now: a temporary folder that others may read is not taken for ours
        flush_folder(path.parent, path)


@contextlib.contextmanager
def _locked_folder(path: Path) -> Iterator[tuple[Path, int | None]]:
    """Create a temporary folder next to `path`, locked for the block; at the end it is removed, unless renamed."""
    remove_remains(path)
    with contextlib.ExitStack() as stack:
        with defer_signals():  # a signal in between would leave a folder that nobody knows of
            temporary, descriptor = create_folder(path)
            if descriptor is not None:
                stack.callback(os.close, descriptor)
            stack.callback(_remove, temporary)
        yield temporary, descriptor


def _remove(folder: Path) -> None:
    with defer_signals():
        shutil.rmtree(folder, ignore_errors=True)


def _place(temporary: Path, path: Path, was_empty: bool) -> None:
    try:
        if was_empty:
            path.rmdir()
        rename_exclusively(temporary, path)
    except OSError:
        if path.exists() or path.is_symlink():
            raise _exists_already(path) from None
        raise


def _is_empty(path: Path) -> bool:
    """Return whether a path leads to an empty folder."""
    return path.is_dir() and not any(path.iterdir())


def _exists_already(path: Path) -> EmbstoreError:
    return EmbstoreError(f"{path}: exists already, and a folder is never replaced: remove it first")
