"""How much memory a call takes, or a process."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path


def peak_of(call: Callable[[], object]) -> int:
    """Return the most bytes that Python and NumPy held at once during a call."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def peak_of_process() -> int:
    """Return the most bytes that this process ever held: VmHWM, as getrusage inherits its parent's peak."""
    return _status("VmHWM")


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) * 1024


def private_memory() -> int:
    """Return the bytes of memory that this process shares with no file: RssAnon."""
    return _status("RssAnon")


def address_space() -> int:
    """Return the bytes of addresses that this process has mapped: VmSize, which RLIMIT_AS limits."""
    return _status("VmSize")


def private_of_file(path: Path) -> int:
    """Return the bytes of a mapped file that this process has copies of: Private_Dirty of its mappings."""
    found, within = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first, _, rest = line.partition(" ")
        if not first.endswith(":"):  # the head of a mapping, which ends with its path
            within = rest.endswith(f" {path}")
        elif within and first == "Private_Dirty:":
            found += int(rest.split()[0]) * 1024
    return found
