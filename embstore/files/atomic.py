"""Files that appear whole or not at all."""

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
    """Write a file that takes the place of `path` only when the block ends well.

    The bytes go to a temporary file in the same folder, which is flushed to the disk and renamed; an error,
    Ctrl-C or SIGTERM removes it. Readers that have the old file mapped keep it. The mode is the old file's,
    or what the umask leaves of 0666.

    Yields
    ------
    A file open for reading and writing, unbuffered.
    """
    with replacing_together() as together:
        yield together.new(path)


@contextlib.contextmanager
def replacing_together() -> Iterator[Together]:
    """Write several files that take their places together, each as `replacing` has it, when the block ends well.

    No one finds a new file beside an old one: where there are old ones, all of them go before the first new one comes.
    """
    together = Together()
    with unwinding():
        try:
            yield together
            together.publish()
        except BaseException:
            together.discard()
            raise


class Together:
    """Files that are being written, and files that go once these are there."""

    def __init__(self) -> None:
        self._new: list[tuple[io.FileIO, Path, Path]] = []
        self._dropped: list[Path] = []

    def new(self, path: str | Path) -> IO[bytes]:
        """Begin a file, open for reading and writing, unbuffered. The one that makes others complete comes first."""
        path = Path(os.path.realpath(path))  # behind a symbolic link, the file is replaced, not the link
        temporary = _beside(path)
        file = io.FileIO(temporary, "x+b")
        self._new.append((file, temporary, path))
        if path.exists():
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))
        return file

    def drop(self, path: Path) -> None:
        """Remove a file, if it is there, once the new ones are."""
        self._dropped.append(path)

    def publish(self) -> None:
        """Flush all to the disk, then put each in its place, the first one last."""
        for file, _, _ in self._new:
            os.fsync(file.fileno())
            file.close()
        places = [path for _, _, path in self._new]
        if len(places) > 1:
            with undisturbed(), _aside([*places, *self._dropped]):
                self._take_places()
        else:
            self._take_places()
        for folder in {path.parent for path in places}:
            _sync_folder(folder)

    def _take_places(self) -> None:
        placed: list[Path] = []
        try:
            while self._new:
                _, temporary, path = self._new[-1]
                temporary.replace(path)
                placed.append(path)
                self._new.pop()
        except OSError:
            for path in placed:
                path.unlink()
            raise

    def discard(self) -> None:
        """Remove what is not in its place."""
        for file, temporary, _ in self._new:
            file.close()
            temporary.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name[:60]}.{os.urandom(6).hex()}.tmp")


@contextlib.contextmanager
def _aside(paths: Iterable[Path]) -> Iterator[None]:
    """Put files out of the way, and remove them when the block ends well; an error brings them back."""
    old: list[tuple[Path, Path]] = []
    try:
        for path in paths:
            if path.exists():
                place = _beside(path)
                path.rename(place)
                old.append((place, path))
        yield
    except BaseException:
        for place, path in reversed(old):
            place.replace(path)
        raise
    for place, _ in old:
        place.unlink()


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # a folder cannot be opened there, and a rename needs no flush
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def unwinding() -> Iterator[None]:
    """Let SIGTERM unwind the stack, so that what is temporary goes; only where nobody else handles it."""
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


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait for the end of the block; they come to the main thread alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    handlers = [(number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)]
    handlers = [(number, handler) for number, handler in handlers if handler is not None]  # None: not Python's
    try:
        for number, _ in handlers:
            signal.signal(number, lambda number, _: came.append(number))
        yield
    finally:
        for number, handler in handlers:
            signal.signal(number, handler)
    for signalled in came:
        signal.raise_signal(signalled)


def write_all(file: IO[bytes], data: memoryview | bytes) -> None:
    """Write all of it: an unbuffered file may take less at a time."""
    view = memoryview(data)
    while len(view):
        view = view[file.write(view) :]
