"""Atomic writes: a file gets a temporary name, is flushed to disk, and is renamed only when it is complete."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import stat
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from embstore.core.errors import EmbstoreError


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
    """Open a temporary file that replaces `path` when the block ends without an error.

    The temporary file is in the same folder. At the end it is flushed to disk and renamed; an error, Ctrl-C or
    SIGTERM removes it. Readers that have the old file mapped keep it. The new file has the mode of the old one, or
    0666 less the umask.

    Yields
    ------
    A file open for reading and writing, unbuffered.
    """
    with replacing_together() as group:
        yield group.new(path)


@contextlib.contextmanager
def replacing_together() -> Iterator[FileGroup]:
    """Write several files that replace their targets together, each as in `replacing`.

    Nobody finds a new file next to an old one: all old files are renamed away before the first new one is renamed.
    """
    group = FileGroup()
    with exit_on_sigterm():
        try:
            yield group
            group.publish()
        except BaseException:
            group.discard()
            raise


class FileGroup:
    """Files that are written together, and files that are removed when the new ones are complete."""

    def __init__(self) -> None:
        self._new: list[tuple[io.FileIO, Path, Path]] = []
        self._dropped: list[Path] = []

    def new(self, path: str | Path) -> IO[bytes]:
        """Create the temporary file for `path`, open for reading and writing, unbuffered.

        Create the main file first, such as the matrix before its words: it is renamed last.
        """
        path = Path(os.path.realpath(path))  # replace the target of a symbolic link, not the link
        temporary = _temporary_path(path)
        file = io.FileIO(temporary, "x+b")
        self._new.append((file, temporary, path))
        if path.exists():
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))
        return file

    def drop(self, path: Path) -> None:
        """Remove a file, if it exists, when the new files replace theirs."""
        self._dropped.append(path)

    def publish(self) -> None:
        """Flush all files to disk, then rename each to its target, the first one last."""
        for file, _, _ in self._new:
            os.fsync(file.fileno())
            file.close()
        targets = [path for _, _, path in self._new]
        if len(targets) > 1:
            with defer_signals(), _renamed_away([*targets, *self._dropped]):
                self._rename_all()
        else:
            self._rename_all()
        for folder in {path.parent for path in targets}:
            _sync_folder(folder)

    def _rename_all(self) -> None:
        renamed: list[Path] = []
        try:
            while self._new:
                _, temporary, path = self._new[-1]
                temporary.replace(path)
                renamed.append(path)
                self._new.pop()
        except OSError:
            for path in renamed:
                path.unlink()
            raise

    def discard(self) -> None:
        """Remove the temporary files that were not renamed."""
        for file, temporary, _ in self._new:
            file.close()
            temporary.unlink(missing_ok=True)


def _temporary_path(path: Path) -> Path:
    return path.with_name(f".{path.name[:60]}.{os.urandom(6).hex()}.tmp")


@contextlib.contextmanager
def _renamed_away(paths: Iterable[Path]) -> Iterator[None]:
    """Rename existing files to temporary names; remove them at the end of the block, or restore them after an error."""
    old: list[tuple[Path, Path]] = []
    try:
        for path in paths:
            if path.exists():
                temporary = _temporary_path(path)
                path.rename(temporary)
                old.append((temporary, path))
        yield
    except BaseException:
        for temporary, path in reversed(old):
            temporary.replace(path)
        raise
    for temporary, _ in old:
        temporary.unlink()


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder, and a rename needs no flush
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def exit_on_sigterm() -> Iterator[None]:
    """Make SIGTERM raise SystemExit in the block, so that temporary files are removed; other handlers are kept."""
    is_default = (
        threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    )
    if not is_default:
        yield
        return

    def exit_process(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, exit_process)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextlib.contextmanager
def defer_signals() -> Iterator[None]:
    """Defer Ctrl-C and SIGTERM until the block ends; no effect outside the main thread, which handles signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    handlers = [(number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)]
    handlers = [
        (number, handler) for number, handler in handlers if handler is not None
    ]  # None: not installed by Python
    try:
        for number, _ in handlers:
            signal.signal(number, lambda number, _: received.append(number))
        yield
    finally:
        for number, handler in handlers:
            signal.signal(number, handler)
    for signalled in received:
        signal.raise_signal(signalled)


def write_all(file: IO[bytes], data: memoryview | bytes) -> None:
    """Write all bytes: one call of an unbuffered file may write fewer."""
    view = memoryview(data)
    while len(view):
        view = view[file.write(view) :]
