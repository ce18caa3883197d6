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
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024
