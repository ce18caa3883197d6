"""The files of one table, opened relative to descriptors of their folders.

While files of one folder are opened, a link to the folder may be changed so that it leads to another version. So the
folder is opened once, and its files are opened and checked relative to its descriptor, where the system can do that.
"""

from __future__ import annotations

import os
import weakref
from pathlib import Path
from typing import NamedTuple, Protocol

STANDARD_STREAMS = 3  # descriptors below are replaced in child processes
FOLDER_FLAGS = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_PATH", 0)  # O_PATH asks no permission
FILE_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # a FIFO must not block
HAS_RELATIVE_OPEN = os.open in os.supports_dir_fd and os.stat in os.supports_dir_fd


class Identity(NamedTuple):
    """Identifies a file with its content; `modified` is the time of modification in nanoseconds."""

    device: int
    inode: int
    size: int
    modified: int

    @classmethod
    def of(cls, status: os.stat_result) -> Identity:
        """Return the identity in a result of ``os.stat`` or ``os.fstat``."""
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


class Place(NamedTuple):
    """A path, relative to an open folder or absolute in the sense of the current folder."""

    path: Path
    folder: int | None

    def status(self) -> os.stat_result:
        """Return the status of the file that the path leads to now."""
        return os.stat(self.path, dir_fd=self.folder)

    def identity(self) -> Identity | None:
        """Return the identity of the file that the path leads to now; None if there is none."""
        try:
            return Identity.of(self.status())
        except OSError:
            return None


class Member(Protocol):
    """An input, as its group sees it."""

    path: Path
    identity: Identity

    def fileno(self) -> int:
        """Return the descriptor; -1 once it is closed."""


class InputGroup:
    """The files of one table.

    Attributes
    ----------
    opened
        Path, place and identity of each file when it was opened.
    members
        The inputs that are still in use.
    by_path
        Whether a library opened one of the files by its path.
    """

    def __init__(self) -> None:
        self.opened: list[tuple[Path, Place, Identity]] = []
        self.members: list[weakref.ref[Member]] = []
        self.by_path = False
        self._folders: dict[Path, int] = {}
        self._own: list[int] = []

    def open(self, path: Path) -> tuple[int, Place]:
        """Open a file or folder; return its descriptor, -1 for a folder on a system that opens none, and its place."""
        place = self._place_of(path)
        try:
            return _above_standard_streams(os.open(place.path, FILE_FLAGS, dir_fd=place.folder)), place
        except OSError as error:
            if os.name == "nt" and path.is_dir():
                return -1, place
            error.filename = str(path)
            raise

    def add_file(self, member: Member, place: Place) -> None:
        """Take a file that was opened as a member of the table."""
        self.members.append(weakref.ref(member))
        self.opened.append((member.path, place, member.identity))

    def written(self) -> Path | None:
        """Return the path of an open file that was written to since it was opened."""
        self.members = [reference for reference in self.members if _is_open(reference())]
        for reference in self.members:
            member = reference()
            if member is not None and Identity.of(os.fstat(member.fileno())) != member.identity:
                return member.path
        return None

    def replaced(self) -> Path | None:
        """Return a path that leads to another file than the one that was opened, or to none."""
        return next((path for path, place, identity in self.opened if place.identity() != identity), None)

    def add_folder(self, path: Path, descriptor: int) -> None:
        """Open files in a folder relative to its descriptor, which stays the caller's."""
        if HAS_RELATIVE_OPEN:
            self._folders[path] = descriptor

    def _place_of(self, path: Path) -> Place:
        for folder, descriptor in self._folders.items():
            if path.is_relative_to(folder) and ".." not in path.relative_to(folder).parts:
                return Place(path.relative_to(folder), descriptor)
        if not HAS_RELATIVE_OPEN or path.name in ("", ".."):
            return Place(path, None)
        try:
            descriptor = _above_standard_streams(os.open(path.parent, FOLDER_FLAGS))
        except OSError:
            return Place(path, None)  # opening the file itself gives the error that names it
        self._folders[path.parent] = descriptor
        self._own.append(descriptor)
        return Place(Path(path.name), descriptor)

    def __del__(self) -> None:
        for descriptor in self._own:
            os.close(descriptor)


def _is_open(member: Member | None) -> bool:
    return member is not None and member.fileno() >= 0


def _above_standard_streams(descriptor: int) -> int:
    """Move a descriptor that stands where a closed standard stream was: child processes get other files there."""
    if descriptor >= STANDARD_STREAMS or os.name == "nt":
        return descriptor
    import fcntl

    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, STANDARD_STREAMS)
    finally:
        os.close(descriptor)
