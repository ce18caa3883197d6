"""Atomic writes: a file gets a temporary name, is flushed to disk, and is renamed only when it is complete.

Two files that belong together, such as a matrix and its words, cannot be renamed in one step. The old words are renamed
away first and the new words arrive last, so that no matrix is ever next to other words. Their temporary names contain
inode and time of their matrix: `codecs/shared/word_list` finds the words of a matrix whose writer was killed before.
"""

from __future__ import annotations

import contextlib
import io
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from embstore.core.cures import cure, option
from embstore.core.errors import EmbstoreError
from embstore.files.locks import lock
from embstore.files.renaming import flush_folder, rename_exclusively, settle
from embstore.files.signals import defer_signals, exit_on_sigterm
from embstore.files.temporary import create, owner_of, remove_remains, temporary_name

DESCRIPTORS = ("/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/self/fd/")
"""Paths of open descriptors; one may be a regular file, from which the shell's redirection would get nothing."""

PATIENCE = 2.0  # seconds; another writer holds the lock of a folder for some milliseconds


def check_target(path: str | Path, *, overwrite: bool) -> None:
    """Refuse, before any work is done, a target that cannot be written or may not be replaced."""
    path = Path(path)
    if _is_stream(path):
        raise EmbstoreError(
            f"{path}: a stream, expected the name of a file to write, as a file is written under a temporary name and "
            "renamed when it is complete"
        )
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent}: no such folder to write into")
    if path.is_dir():
        raise EmbstoreError(f"{path}: a folder, which is never replaced: name a file or folder that does not exist yet")
    if path.exists() and not overwrite:
        raise exists_already(path)


def _is_stream(path: Path) -> bool:
    """Return whether a path is ``-``, an open descriptor such as ``/dev/stdout``, or a pipe, socket or device."""
    is_descriptor = os.path.abspath(path).startswith(DESCRIPTORS)  # noqa: PTH100 - links are not resolved
    return str(path) == "-" or is_descriptor or (path.exists() and not path.is_file() and not path.is_dir())


def exists_already(path: str | Path) -> FileExistsError:
    """Return the error for a target that may not be replaced."""
    return FileExistsError(f"{path}: exists already; {cure('overwrite', f'{option(overwrite=True)} replaces it')}")


@contextlib.contextmanager
def replacing(path: str | Path, *, overwrite: bool = True) -> Iterator[IO[bytes]]:
    """Open a temporary file that becomes `path` when the block ends without an error.

    The temporary file is in the same folder, for this user alone. At the end it is flushed to disk and renamed; an
    error, Ctrl-C or SIGTERM removes it, and after a kill the next writer of `path`. Readers that have the old file
    mapped keep it. The new file has owner, group and permissions of the old one as far as this user may set them, else
    the permissions 0666 less the umask.

    Parameters
    ----------
    path
        The target; for a symbolic link, the target of the link is replaced.
    overwrite
        Whether to replace an existing file; if not, FileExistsError also for one that was created meanwhile.

    Yields
    ------
    A file open for reading and writing, unbuffered.
    """
    with replacing_together(overwrite=overwrite) as group:
        yield group.new(path)


@contextlib.contextmanager
def replacing_together(*, overwrite: bool = True) -> Iterator[FileGroup]:
    """Write several files that become their targets together, each as in `replacing`."""
    group = FileGroup(overwrite=overwrite)
    with exit_on_sigterm():
        try:
            yield group
            group.publish()
        finally:
            group.close()


@dataclass(frozen=True, slots=True)
class _New:
    """A file that is being written: its temporary path, its target, and the target as the caller named it."""

    file: io.FileIO
    temporary: Path
    path: Path
    named: str | Path


class FileGroup:
    """Files that are written together, and files that are removed when the new ones are complete.

    Parameters
    ----------
    overwrite
        Whether to replace existing files.
    """

    def __init__(self, *, overwrite: bool = True) -> None:
        self.overwrite = overwrite
        self._new: list[_New] = []
        self._dropped: list[Path] = []

    def new(self, path: str | Path, *, follow: bool = True) -> IO[bytes]:
        """Create the temporary file for `path`, open for reading and writing, unbuffered.

        Create the main file first, such as the matrix before its words. With `follow` a symbolic link stays, and its
        target is replaced; without, the link is replaced.
        """
        real = Path(os.path.realpath(path)) if follow else Path(os.path.realpath(Path(path).parent)) / Path(path).name
        if not self._new:
            remove_remains(real)
        owner = owner_of(os.fstat(self._new[0].file.fileno())) if self._new else None
        with defer_signals():  # a signal in between would leave a file that nobody knows of
            file, temporary = create(real, owner)
            self._new.append(_New(file, temporary, real, path))
        return file

    def drop(self, path: Path) -> None:
        """Remove a file, if it exists, when the new files replace theirs."""
        self._dropped.append(path)

    def publish(self) -> None:
        """Flush all files to disk, then rename each to its target."""
        for new in self._new:
            settle(new.file.fileno(), new.path)
            _flush(new)
            if os.name == "nt":
                new.file.close()  # an open file cannot be renamed there
        if len(self._new) == 1:
            self._place(self._new[0])
        else:
            with _locked_folder(self._new[0].path.parent), defer_signals():
                self._place_together()
        for folder, new in {new.path.parent: new for new in self._new}.items():
            flush_folder(folder, new.named)
        complete = owner_of(self._new[0].path.stat())
        for new in self._new:
            remove_remains(new.path, complete)

    def _place(self, new: _New) -> None:
        if self.overwrite:
            new.temporary.replace(new.path)
            return
        try:
            rename_exclusively(new.temporary, new.path)
        except FileExistsError:
            raise exists_already(new.named) from None

    def _place_together(self) -> None:
        main, *others = self._new
        placed: list[Path] = []
        old = [*(new.path for new in others), *self._dropped] if self.overwrite else []
        with _renamed_away(main.path, old) as kept:
            try:
                for new in self._new:
                    self._place(new)
                    placed.append(new.path)
            except BaseException:
                for path in placed:
                    path.unlink()
                if kept is not None and not main.path.exists():
                    kept.replace(main.path)
                raise

    def close(self) -> None:
        """Close all files, and remove the temporary files that were not renamed."""
        for new in self._new:
            new.file.close()
            new.temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _renamed_away(main: Path, paths: list[Path]) -> Iterator[Path | None]:
    """Rename existing files of `main` to temporary names, and keep `main` under a second name.

    At the end of the block the old files are removed; after an error the renamed ones are renamed back.

    Yields
    ------
    The second name of `main`, None if it does not exist.
    """
    owner = owner_of(main.stat()) if main.exists() else "0-0"
    moved: list[tuple[Path, Path]] = []
    kept: Path | None = None
    with contextlib.ExitStack() as locks:
        try:
            for path in paths:
                if path.exists():
                    old = path.with_name(temporary_name(path.name, owner, ".old"))
                    locks.enter_context(_locked(path))
                    path.rename(old)
                    moved.append((old, path))
            if main.exists():
                kept = main.with_name(temporary_name(main.name, owner, ".old"))
                locks.enter_context(_locked(main))
                _link(main, kept)
            yield kept
        except BaseException:
            for old, path in reversed(moved):
                old.replace(path)
            raise
        finally:
            for old in [*(old for old, _ in moved), *([kept] if kept else [])]:
                old.unlink(missing_ok=True)


def _link(path: Path, second: Path) -> None:
    """Give a file a second name; on file systems without links, rename it."""
    try:
        os.link(path, second)
    except OSError:
        path.rename(second)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Lock a file that this user may read, so that nobody takes it for what a killed writer left."""
    descriptor = -1
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        lock(descriptor)
    try:
        yield
    finally:
        if descriptor >= 0:
            os.close(descriptor)


@contextlib.contextmanager
def _locked_folder(folder: Path) -> Iterator[None]:
    """Let one process at a time rename groups of files in a folder, where the system has locks of folders."""
    descriptor = -1
    if os.name != "nt":
        with contextlib.suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            until = time.monotonic() + PATIENCE
            while not lock(descriptor) and time.monotonic() < until:  # anybody may hold such a lock, for any time
                time.sleep(0.01)
    try:
        yield
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _flush(new: _New) -> None:
    try:
        os.fsync(new.file.fileno())
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(new.named)) from None


def write_all(file: IO[bytes], data: memoryview | bytes) -> None:
    """Write all bytes: one call of an unbuffered file may write fewer."""
    view = memoryview(data)
    while len(view):
        view = view[file.write(view) :]
