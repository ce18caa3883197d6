"""Runs workers, two at once, and counts what becomes of the mutations of each format."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from support.paths import ROOT, TESTS

WORKERS = 2
SILENCE = 90
"""Seconds without a report after which a worker is ended: for a hang that takes no processor time."""


@dataclass
class Tally:
    """What became of the mutations of one format."""

    outcomes: Counter[str] = field(default_factory=Counter)
    faults: dict[int, str] = field(default_factory=dict)

    def count(self, number: int, outcome: str, fault: str = "") -> None:
        """Count one mutation."""
        self.outcomes[outcome] += 1
        if fault:
            self.faults[number] = fault


def run_all(formats: Iterable[str], counts: Mapping[str, int], start: int = 0) -> dict[str, Tally]:
    """Judge the first mutations of each format, two formats at once."""
    tallies = {name: Tally() for name in formats}
    with ThreadPoolExecutor(WORKERS) as pool:
        futures = [pool.submit(run, name, start, start + counts[name], tally) for name, tally in tallies.items()]
        for future in futures:
            future.result()
    return tallies


def run(format_name: str, start: int, stop: int, tally: Tally) -> None:
    """Judge mutations of one format; a worker that dies is replaced, from the next mutation on."""
    while start < stop:
        with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
            start = watch(format_name, start, stop, tally, Path(folder))


def watch(format_name: str, start: int, stop: int, tally: Tally, folder: Path) -> int:
    """Read the reports of one worker to its end; return the number to go on with."""
    command = [sys.executable, "-m", "fuzz.worker", format_name, str(start), str(stop)]
    paths = os.pathsep.join([str(TESTS), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": paths, "TMPDIR": str(folder), "OMP_NUM_THREADS": "1"}
    begun = done = start - 1
    with (
        (folder / "stderr").open("w+") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment) as process,
    ):
        for line in reports(process):
            told = json.loads(line)
            if "begin" in told:
                begun = told["begin"]
            else:
                done = told["end"]
                tally.count(done, told["outcome"], told["fault"])
        code = process.wait()
        errors.seek(0)
        said = errors.read()[-3000:]
    if code == 0:
        return stop
    if begun == done:
        raise AssertionError(f"the worker of {format_name} ended with {code} outside of a mutation: {said}")
    tally.count(begun, "fault", f"{ending(code)}\n{said}")
    return begun + 1


def reports(process: subprocess.Popen[str]) -> Iterable[str]:
    """Yield the lines of a process; end it if it is silent for too long."""
    lines: queue.Queue[str] = queue.Queue()

    def pump() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put("")

    threading.Thread(target=pump, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=SILENCE)
        except queue.Empty:
            process.kill()
            line = lines.get()
        if not line:
            return
        yield line


def ending(code: int) -> str:
    """Say how a worker ended."""
    if code == -signal.SIGPROF:
        return "hang: more processor time than a mutation may take"
    return f"the process ended with {signal.Signals(-code).name if code < 0 else code}"
