"""Memory use of this process (Linux)."""

from __future__ import annotations

from pathlib import Path


def anonymous_bytes() -> int:
    """Return the anonymous memory (not backed by files) of this process, with its share of shared pages."""
    lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith(("Pss_Anon:", "Pss_Shmem:")))
