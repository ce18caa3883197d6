"""What this process holds in memory (Linux)."""

from __future__ import annotations

from pathlib import Path


def anonymous_bytes() -> int:
    """Return this process's memory that no file backs: its own, and its share of what it shares with others."""
    lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith(("Pss_Anon:", "Pss_Shmem:")))
