"""A process that judges mutations one after another and reports each: `python -m fuzz.worker FORMAT START STOP`."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import traceback
from pathlib import Path

from fuzz.case import make_case
from fuzz.oracle import judge
from fuzz.samples import samples

SECONDS = 10
"""Of processor time for one mutation; then the kernel ends the process."""

MEMORY = 2 << 30
"""Bytes of address space in addition to what the process has when it begins."""


def main(format_name: str, start: int, stop: int) -> None:
    """Judge the mutations of a format from one number to before another."""
    folder = Path(tempfile.gettempdir())
    known = samples(format_name)
    warm(format_name, folder, known[0].name)
    limit_memory()
    for number in range(start, stop):
        tell({"begin": number})
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        place = folder / "case"
        place.mkdir()
        before = set(folder.iterdir())
        case = make_case(format_name, number, known)
        try:
            outcome = judge(case, place)
            left = set(folder.iterdir()) - before
            fault = f"temporary files are left: {sorted(path.name for path in left)}" if left else ""
        except BaseException:  # whatever it is, it is what this process is there to report
            outcome, fault = "fault", traceback.format_exc()
        shutil.rmtree(place, ignore_errors=True)
        tell({"end": number, "outcome": "fault" if fault else outcome, "fault": fault})


def warm(format_name: str, folder: Path, name: str) -> None:
    """Import what a format needs before the memory is limited."""
    if format_name in ("torch", "store"):
        import torch

        torch.zeros(1)
    if format_name in ("parquet", "arrow"):
        import pyarrow.parquet

        pyarrow.set_cpu_count(1)


def limit_memory() -> None:
    """Limit the address space of this process and its children."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def tell(what: dict[str, object]) -> None:
    """Write a line to whoever started this process."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
