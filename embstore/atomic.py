"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from embstore.errors import EmbstoreError


def check_target(path: str | Path, *, overwrite: bool) -> None:
    """Refuse, before any work is done, a target that cannot be written or may not be replaced."""
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent}: no such folder to write into")
    if path.is_dir() or (path.exists() and not path.is_file()):
        raise EmbstoreError(f"{path}: not a regular file, cannot be replaced")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path}: exists already; --overwrite (overwrite=True) replaces it")


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[IO[bytes]]:
    """Write a file that takes the place of `path` only when the block ends well.

    The bytes go to a temporary file in the same folder, which is flushed to the disk and renamed; an error,
    Ctrl-C or SIGTERM removes it. Readers that have the old file mapped keep it. The mode is the old file's,
    or what the umask leaves of 0666.

    Yields
    ------
    A file open for reading and writing, unbuffered.
    """
    path = Path(os.path.realpath(path))  # behind a symbolic link, the file is replaced, not the link
    temporary = path.with_name(f".{path.name[:60]}.{os.urandom(6).hex()}.tmp")
    with _sigterm_as_exception():
        try:
            with io.FileIO(temporary, "x+b") as file:
                if path.exists():
                    temporary.chmod(stat.S_IMODE(path.stat().st_mode))
                yield file
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # a folder cannot be opened there, and a rename needs no flush
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _sigterm_as_exception() -> Iterator[None]:
    """Let SIGTERM unwind the stack, so that the temporary file goes; only where nobody else handles it."""
    handled = (
        threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    )
    if not handled:
        yield
        return

    def leave(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def write_all(file: IO[bytes], data: memoryview | bytes) -> None:
    """Write all of it: an unbuffered file may take less at a time."""
    view = memoryview(data)
    while len(view):
        view = view[file.write(view) :]
