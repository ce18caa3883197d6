"""Run measurements: the cases interleaved (A B C A B C ...), each in a separate process.

Only the standard library is imported here: on Linux the peak memory of a child includes that of its parent at the
fork, some 25 MB.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Metrics = dict[str, float]
CHILDREN = Path(__file__).parent / "children"


@dataclass(frozen=True)
class Run:
    """A process to measure. If it prints a JSON object on stdout, that contains its own metrics.

    Attributes
    ----------
    command
        Program and arguments.
    case
        The row for its wall time and peak memory; None if the process measures several cases and prints
        ``{case: metrics}``.
    environment
        Environment variables to add.
    figures
        Which metrics to use of the printed object: its name there -> metric here. Empty uses all.
    output
        A file that it writes, removed beforehand, so that freeing the old one is not measured.
    """

    command: Sequence[str | Path]
    case: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, str] = field(default_factory=dict)
    output: Path | None = None


@dataclass(frozen=True)
class Part:
    """Cases that are measured interleaved, and how to show them.

    Attributes
    ----------
    name, title
        Value for ``--only``, and heading of the table.
    baseline
        The case that the ratios of the others refer to.
    columns
        Metric and heading; the metric's last word is its unit: seconds, bytes or rate (bytes per second).
    runs
        The processes of each round.
    """

    name: str
    title: str
    baseline: str
    columns: Mapping[str, str]
    runs: Sequence[Run]


def child(python: Path, script: str, *arguments: str | Path | int) -> list[str | Path]:
    """Return the command that runs one of the scripts in ``children/``."""
    return [python, CHILDREN / script, *(str(argument) for argument in arguments)]


def measure(part: Part, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Run each of the part's processes once per round.

    Returns
    -------
    ``{case: {metric: values}}``, one value per round.
    """
    samples: dict[str, dict[str, list[float]]] = {}
    for number in range(rounds):
        for run in part.runs:
            print(f"{part.name}: round {number + 1} of {rounds}: {run.case or Path(run.command[1]).name}", flush=True)
            for case, metrics in run_once(run, number).items():
                for metric, value in metrics.items():
                    samples.setdefault(case, {}).setdefault(metric, []).append(float(f"{value:.4g}"))
    return samples


def run_once(run: Run, number: int) -> dict[str, Metrics]:
    """Run a process to its end and return ``{case: metrics}``; CalledProcessError if it fails."""
    environment = {**os.environ, **run.environment, "BENCHMARK_ROUND": str(number)}
    if run.output is not None:
        run.output.unlink(missing_ok=True)
    start = time.perf_counter()
    process = subprocess.Popen(run.command, stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(run.command))
    if run.case is None:
        cases: dict[str, Metrics] = json.loads(printed)
        return cases
    return {run.case: {"process_seconds": seconds, "peak_bytes": peak_bytes(usage), **_figures(run, printed)}}


def _figures(run: Run, printed: bytes) -> Metrics:
    found: Metrics = json.loads(printed) if printed.startswith(b"{") else {}
    return {metric: found[name] for name, metric in run.figures.items()} if run.figures else found


def peak_bytes(usage: resource.struct_rusage) -> int:
    """Return the peak resident size in bytes; macOS reports bytes, other systems KiB."""
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
