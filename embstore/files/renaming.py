"""What belongs to renaming a new file: its mode and owner, a rename that replaces nothing, flushing its folder."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

AT_FDCWD, RENAME_NOREPLACE = -100, 1
UNSUPPORTED = {errno.ENOSYS, errno.EINVAL, errno.EPERM, errno.EOPNOTSUPP}
NO_FLUSH = {errno.EINVAL, errno.ENOTSUP, errno.EPERM, errno.EBADF}
"""Errors of file systems that cannot flush a folder."""
ACCESS_LIST = "system.posix_acl_access"
PERMISSIONS = 0o777  # without the bits that give a program the rights of its owner


def rename_exclusively(source: Path, target: Path) -> None:
    """Rename a file or folder; raise FileExistsError if the target exists, also if it was created a moment ago."""
    if os.name == "nt":
        source.rename(target)
        return
    call = _renameat2()
    if call is not None:
        if call(AT_FDCWD, os.fsencode(source), AT_FDCWD, os.fsencode(target), RENAME_NOREPLACE) == 0:
            return
        number = ctypes.get_errno()
        if number not in UNSUPPORTED:
            raise OSError(number, os.strerror(number), str(source), None, str(target))
    if source.is_dir():
        target.mkdir()
        source.rename(target)
    else:
        os.link(source, target, follow_symlinks=False)
        source.unlink()


@cache
def _renameat2() -> Callable[[int, bytes, int, bytes, int], int] | None:
    """Return https://man7.org/linux/man-pages/man2/rename.2.html of the C library, or None."""
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):  # not Linux, or another C library
        return None
    call.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    return call


def flush_folder(folder: Path, named: str | Path) -> None:
    """Flush a folder to disk, so that the name of a new file is there too, where the system can do that.

    An error names the new file as the caller `named` it.
    """
    if os.name == "nt":  # Windows cannot open a folder, and a rename needs no flush
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:  # this user may only write into the folder
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NO_FLUSH:
            raise OSError(error.errno, error.strerror, str(named)) from None
    finally:
        os.close(descriptor)


def settle(descriptor: int, path: Path) -> None:
    """Give a new file the mode and owner that rewriting its target in place would leave.

    Parameters
    ----------
    descriptor
        The new file: a path could lead to another one, which somebody put there.
    path
        The target. If it exists, its owner, group and permissions are kept; the owner as far as this user may give
        files away. Bits such as setuid are not kept. If it does not exist: 0666 less the umask.
    """
    if os.name == "nt":
        return
    try:
        old = path.stat()
    except FileNotFoundError:
        os.fchmod(descriptor, 0o666 & ~umask())
        return
    new = os.fstat(descriptor)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        for owner, group in ((old.st_uid, -1), (-1, old.st_gid)):
            with contextlib.suppress(PermissionError):
                os.fchown(descriptor, owner, group)
    kept_group = os.fstat(descriptor).st_gid == old.st_gid
    os.fchmod(descriptor, old.st_mode & (PERMISSIONS if kept_group else PERMISSIONS & ~0o070))
    _copy_access_list(path, descriptor)


def _copy_access_list(path: Path, descriptor: int) -> None:
    """Give a file the access control list of another; if that is impossible, no rights to groups."""
    if sys.platform != "linux":
        return
    try:
        access = os.getxattr(path, ACCESS_LIST)
    except OSError:  # it has none
        return
    try:
        os.setxattr(descriptor, ACCESS_LIST, access)
    except OSError:
        os.fchmod(descriptor, os.fstat(descriptor).st_mode & PERMISSIONS & ~0o070)


def umask() -> int:
    """Return the umask; Linux tells it without changing it, which would change files of other threads."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
