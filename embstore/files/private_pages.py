"""Which pages of a private file mapping were written to: asked of the Linux kernel.

A write to a page of a private mapping gives the process a copy of the page, which the kernel reports in
``/proc/self/pagemap`` (https://docs.kernel.org/admin-guide/mm/pagemap.html), with 64 bits for each page. So writes of
any code are found, without comparing the contents.
"""

from __future__ import annotations

import mmap

import numpy as np
from numpy.typing import NDArray

PAGEMAP = "/proc/self/pagemap"
PRESENT, SWAPPED, OF_FILE = (np.uint64(1 << bit) for bit in (63, 62, 61))
ENTRY = 8  # bytes of a page's entry

Range = tuple[int, int]
"""A half-open range of bytes."""


def private_ranges(array: NDArray[np.uint8]) -> list[Range]:
    """Return the ranges of an array over a private mapping that may differ from the file.

    Parameters
    ----------
    array
        Contiguous bytes of the mapping, of shape (bytes,).

    Returns
    -------
    Ranges of bytes in the array, in order: the pages that the process has copies of. All of it if the kernel does not
    say: on other systems than Linux, or without access to /proc.
    """
    if not len(array):
        return []
    start, page = array.ctypes.data, mmap.PAGESIZE
    first, last = start // page, (start + len(array) - 1) // page
    flags = _flags(first, last + 1)
    if flags is None:
        return [(0, len(array))]
    private = ((flags & (PRESENT | SWAPPED)) != 0) & ((flags & OF_FILE) == 0)
    edges = np.flatnonzero(np.diff(private, prepend=False, append=False)) + first
    bounds = np.clip(edges * page - start, 0, len(array)).tolist()
    return list(zip(bounds[::2], bounds[1::2], strict=True))


def _flags(first: int, stop: int) -> NDArray[np.uint64] | None:
    """Return the entries of pages by number; None if they cannot be read."""
    try:
        with open(PAGEMAP, "rb", buffering=0) as file:  # noqa: PTH123 - Path.open has the same cost and more code
            file.seek(first * ENTRY)
            data = file.read((stop - first) * ENTRY)
    except OSError:
        return None
    return np.frombuffer(data, np.uint64) if len(data) == (stop - first) * ENTRY else None
