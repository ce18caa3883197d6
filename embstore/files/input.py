"""Input files, each opened once and then inspected, read and memory-mapped through one descriptor.

A path may lead to another file from one moment to the next. So each input is opened once, and everything that is read
afterwards (first bytes, size, rows, words) comes from that descriptor. If a table consists of several files, each is
an `Input`: those in one folder are opened through one descriptor of that folder, so that a link to the folder may
change meanwhile. After the last one was opened, `check_unchanged` checks that all paths still lead to the opened
files; while rows are consumed, `check_not_written` checks that nobody writes into them.
"""

from __future__ import annotations

import io
import mmap
import os
import stat
import sys
from pathlib import Path

from embstore.core.errors import FormatError
from embstore.files.input_group import Identity, InputGroup

DESCRIPTORS = Path("/proc/self/fd")
"""Folder in which Linux lists the open descriptors of a process; opening an entry opens the same file again."""

CHANGED = "was replaced or changed while it was read: read it again"

NO_RESERVE = 0x4000
"""MAP_NORESERVE of Linux, which Python names from 3.13 on (https://man7.org/linux/man-pages/man2/mmap.2.html)."""

HEAD = 1 << 16
"""Number of first bytes that `Input.head` reads at once and caches."""


class Input:
    """A regular file or a folder, opened once for reading.

    The descriptor is closed by `close`, at the end of a ``with`` block, or when the object is deleted. Memory maps stay
    valid after that; file objects of `open` keep the object alive, but cannot be read after `close`.

    Parameters
    ----------
    path
        A regular file or a folder. FIFOs and devices are refused: reading them could block or never end.

    Attributes
    ----------
    path
        As given.
    size
        Size of the file in bytes when it was opened.
    is_folder
        Whether it is a folder. A folder cannot be read; its files are opened with `open_companion`.

    Raises
    ------
    FormatError
        For a pipe, socket or device.
    OSError
        If the path cannot be opened.
    """

    _descriptor = -1

    def __init__(self, path: str | Path, *, _group: InputGroup | None = None) -> None:
        self.path, self._group = Path(path), _group or InputGroup()
        self._descriptor, place = self._group.open(self.path)
        try:
            status = place.status() if self._descriptor < 0 else os.fstat(self._descriptor)
            self.is_folder = stat.S_ISDIR(status.st_mode)
            if not self.is_folder and not stat.S_ISREG(status.st_mode):
                raise FormatError(path, "a pipe, socket or device, expected a regular file")
        except BaseException:
            self.close()
            raise
        self.size, self.identity = status.st_size, Identity.of(status)
        self._head: bytes | None = None
        if self.is_folder:
            self._group.add_folder(self.path, self._descriptor)
        else:
            self._group.add_file(self, place)

    def open_companion(self, path: str | Path) -> Input:
        """Open another file of the same table; `check_unchanged` then checks both files."""
        return Input(path, _group=self._group)

    def real_path(self) -> Path:
        """Return the path of the opened file without symbolic links; the path as given if it has been removed."""
        link = DESCRIPTORS / str(self._descriptor)
        found = link.readlink() if link.is_symlink() else Path(os.path.realpath(self.path))
        return found if found.exists() else self.path

    def require_file(self) -> Input:
        """Return the input itself; raise FormatError for a folder."""
        if self.is_folder:
            raise FormatError(self.path, "a folder, expected a regular file")
        return self

    def head(self, size: int = 4096) -> bytes:
        """Return the first `size` bytes of the file, `HEAD` at most; every call returns the same bytes."""
        if self._head is None:
            self._head = self.read_at(0, HEAD)
        return self._head[:size]

    def read_at(self, position: int, size: int) -> bytes:
        """Return `size` bytes from a position on; fewer only at the end of the file."""
        self.require_file()
        parts, left = [], min(size, max(0, self.size - position))
        while left > 0 and (part := _read_at(self._descriptor, left, position)):
            parts.append(part)
            left, position = left - len(part), position + len(part)
        return b"".join(parts)

    def read(self) -> bytes:
        """Return all bytes of the file, also of one in /proc, whose size is 0."""
        return self.open().readall() or b""

    def open(self) -> PositionedFile:
        """Return an unbuffered file object at the beginning of the file; each has its own position."""
        return PositionedFile(self.require_file())

    def map(self, *, copy_on_write: bool = False) -> mmap.mmap:
        """Memory-map the file, read-only or copy-on-write; writes to the map never reach the file.

        Raises FormatError for an empty file.
        """
        if not self.require_file().size:
            raise FormatError(self.path, "an empty file")
        mapped = _map_copy_on_write(self._descriptor) if copy_on_write else _map_to_read(self._descriptor)
        if len(mapped) != self.size:
            raise FormatError(self.path, CHANGED)
        return mapped

    def fileno(self) -> int:
        """Return the descriptor, for a child process to inherit."""
        return self._descriptor

    def path_for_library(self) -> str:
        """Return a path for a library that opens files by path; on Linux it leads to this descriptor.

        On other systems it is the path as given, and `check_unchanged` checks that it still leads to the same file.
        """
        self.require_file()
        if DESCRIPTORS.is_dir():
            return f"{DESCRIPTORS}/{self._descriptor}"
        return self.given_path()

    def given_path(self) -> str:
        """Return the path as given, for a library that resolves links itself; `check_unchanged` then checks it."""
        self._group.by_path = True
        return str(self.path)

    def check_unchanged(self) -> None:
        """Check that all files of a table are the ones that were opened; call it after the last one was opened.

        A single file that is read through its own descriptor may be replaced: it is read to its end as it was.

        Raises
        ------
        FormatError
            If a path leads to another file or to none, or a file was written to.
        """
        self.check_not_written()
        if len(self._group.opened) > 1 or self._group.by_path:
            replaced = self._group.replaced()
            if replaced is not None:
                raise FormatError(replaced, CHANGED)

    def check_not_written(self) -> None:
        """Check that no open file of the table was written to since it was opened; raise FormatError otherwise."""
        written = self._group.written()
        if written is not None:
            raise FormatError(written, CHANGED)

    def close(self) -> None:
        """Close the descriptor; further calls do nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __del__(self) -> None:
        self.close()  # may run before the `with` block of a generator in the same reference cycle ends

    def __enter__(self) -> Input:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Input({str(self.path)!r})"


def _map_to_read(descriptor: int) -> mmap.mmap:
    return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)


def _map_copy_on_write(descriptor: int) -> mmap.mmap:
    """Map a file copy-on-write, on Linux without reserving memory for copies: so it may be larger than the memory."""
    if sys.platform != "linux":
        return mmap.mmap(descriptor, 0, access=mmap.ACCESS_COPY)
    flags, protection = mmap.MAP_PRIVATE | NO_RESERVE, mmap.PROT_READ | mmap.PROT_WRITE
    return mmap.mmap(descriptor, 0, flags=flags, prot=protection)


class PositionedFile(io.RawIOBase):
    """An `Input` as a file object with its own position."""

    def __init__(self, source: Input) -> None:
        super().__init__()
        self._source, self._position = source, 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read into a buffer from the position on; return the number of bytes, 0 at the end of the file."""
        count = _read_into(self._source.fileno(), buffer, self._position)
        self._position += count
        return count

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Set the position."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._source.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position


def _read_at(descriptor: int, size: int, position: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(descriptor, size, position)
    os.lseek(descriptor, position, os.SEEK_SET)  # Windows: one thread at a time reads an input
    return os.read(descriptor, size)


def _read_into(descriptor: int, buffer: memoryview, position: int) -> int:
    if hasattr(os, "preadv"):
        return os.preadv(descriptor, [buffer], position)
    data = _read_at(descriptor, len(buffer), position)
    buffer[: len(data)] = data
    return len(data)
