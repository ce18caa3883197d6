"""Measure embstore and its peers: `python benchmarks/run.py`; `make bench` sets up the environment first.

Results are written to ``benchmarks/results.json`` and printed as tables. All other files are in ``benchmarks/work``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from measure import Part, measure
from parts import PARTS
from prepare import PEERS, Work, prepare
from table import render

RESULTS = Path(__file__).parent / "results.json"
OWN = ("embstore", "numpy", "torch")


def main() -> None:
    """Measure all parts, or those named on the command line; stored results of other parts are kept."""
    options = parse_arguments()
    work = prepare()
    results = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {"parts": {}}
    results["machine"] = machine(work)
    failed = []
    for name in options.only or PARTS:
        try:
            part = PARTS[name](work)
            results["parts"][name] = described(part, measure(part, options.rounds), options.rounds)
        except subprocess.CalledProcessError as error:  # go on with the other parts
            failed.append(f"{name}: {error}")
            continue
        options.out.write_text(as_json(results), encoding="utf-8")
    print(render(results))
    if failed:
        raise SystemExit("\n".join(failed))


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="number of measurements per case (5)")
    parser.add_argument("--only", action="append", choices=PARTS, help="measure this part; may be repeated")
    parser.add_argument("--out", type=Path, default=RESULTS, help="file for the results (benchmarks/results.json)")
    return parser.parse_args()


def described(part: Part, samples: dict[str, dict[str, list[float]]], rounds: int) -> dict[str, Any]:
    """Return a part's samples with the labels that the tables need."""
    columns = dict(part.columns)
    cases = {
        case: {metric: values for metric, values in metrics.items() if metric in columns}
        for case, metrics in samples.items()
    }
    return {"title": part.title, "baseline": part.baseline, "rounds": rounds, "columns": columns, "cases": cases}


def as_json(results: dict[str, Any]) -> str:
    """Return JSON with each list of numbers on one line."""
    text = json.dumps(results, indent=1)
    return re.sub(r"\[([^\[\]]*)\]", lambda found: f"[{' '.join(found[1].split())}]", text) + "\n"


def machine(work: Work) -> dict[str, Any]:
    """Describe the hardware and the versions, without anything that identifies the machine."""
    return {
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in OWN} | peer_versions(work),
    }


def cpu_name() -> str:
    """Return the processor's name on Linux, else ``unknown``."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="ascii", errors="replace").splitlines() if info.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def peer_versions(work: Work) -> dict[str, str]:
    """Return the versions of the packages in the peers' environment."""
    code = f"import json, importlib.metadata as m; print(json.dumps({{name: m.version(name) for name in {PEERS!r}}}))"
    found: dict[str, str] = json.loads(subprocess.run([work.peers, "-c", code], check=True, capture_output=True).stdout)
    return found


if __name__ == "__main__":
    main()
