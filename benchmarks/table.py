"""Show the results as Markdown: `python benchmarks/table.py [results.json] [--write]`.

``--write`` replaces the text between the two ``<!-- benchmark -->`` lines: in benchmarks/README.md by all tables, in
README.md by a table of the main results.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import median
from typing import Any

FOLDER = Path(__file__).parent
MARK = "<!-- benchmark -->"
UNITS = {
    "seconds": ((1, "s"), (1e-3, "ms"), (1e-6, "µs")),
    "bytes": ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")),
    "rate": ((1e9, "GB/s"), (1e6, "MB/s")),
}
SMALLEST_BASELINE = {"seconds": 1e-9, "bytes": 1e6}
# Rows of the table in README.md: part, description, and the metric to show.
HIGHLIGHTS = {
    "text": ("GloVe text, 171 MB, to a finished store; the others read it into memory", "process_seconds"),
    "word2vec-bin": ("word2vec binary to a finished store", "inside_seconds"),
    "npy": ("NumPy .npy to a finished store", "inside_seconds"),
    "hdf5": ("HDF5 to a finished store", "inside_seconds"),
    "opening": ("open, first vector", "open_seconds"),
    "zipf": ("1,000,000 words to rows, distributed as in text", "lookup_seconds"),
    "uniform": ("1,000,000 words to rows, uniformly distributed", "lookup_seconds"),
    "ready": ("a layer from its file", "ready_seconds"),
    "pooling": ("8,192 bags of 50 words to their summed vectors", "seconds"),
    "epoch": ("one epoch of a linear model, strings to loss", "seconds"),
}


def main() -> None:
    """Print the tables, or write them into the READMEs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("results", type=Path, nargs="?", default=FOLDER / "results.json")
    parser.add_argument(
        "--write", type=Path, nargs="?", const=FOLDER.parent, help="write the tables into the READMEs of this checkout"
    )
    options = parser.parse_args()
    results = json.loads(options.results.read_text(encoding="utf-8"))
    if options.write is None:
        print(render(results))
        return
    for path, shown in (("README.md", highlights(results)), ("benchmarks/README.md", render(results))):
        readme = options.write / path
        try:
            text = replaced(readme.read_text(encoding="utf-8"), shown)
        except ValueError as error:
            parser.exit(1, f"{readme}: {error}\n")
        readme.write_text(text, encoding="utf-8")


def replaced(text: str, shown: str) -> str:
    """Return the text with the part between its two marks replaced."""
    pieces = text.split(MARK)
    if len(pieces) != 3:
        raise ValueError(f"{len(pieces) - 1} lines {MARK}, expected 2")
    return f"{pieces[0]}{MARK}\n{shown}\n{MARK}{pieces[2]}"


def render(results: dict[str, Any]) -> str:
    """Return a line about the machine and the versions, then one table per part."""
    machine = results["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    head = (
        f"Medians (minimum to maximum); in bold the ratio to the first row (2x: twice as much). Measured interleaved "
        f"on {machine['cores']} cores ({machine['cpu']}, {machine['system']}), Python {machine['python']}, {packages}."
    )
    return "\n\n".join([head, *map(part_table, results["parts"].values())])


def highlights(results: dict[str, Any]) -> str:
    """Return one table: per part, embstore's time and how many times as long the others take."""
    machine = results["machine"]
    rows = [(f"on {machine['cores']} cores ({machine['cpu']})", "embstore", "times as long"), ("---", "---", "---")]
    for part, (done, metric) in HIGHLIGHTS.items():
        if part in results["parts"]:
            rows.append((done, *_compared(results["parts"][part], metric)))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _compared(part: dict[str, Any], metric: str) -> tuple[str, str]:
    """Return the baseline's median, and the ratios of all cases that are not embstore."""
    medians = {case: median(values[metric]) for case, values in part["cases"].items() if values.get(metric)}
    own = medians[part["baseline"]]
    others = sorted((value / own, case) for case, value in medians.items() if not case.startswith("embstore"))
    return quantity(own, metric.rpartition("_")[2]), "; ".join(
        f"{case.partition(',')[0]} **{digits(times)}x**" for times, case in others
    )


def part_table(part: dict[str, Any]) -> str:
    """Return the table of one part: one row per case, the baseline first."""
    columns, cases, base = part["columns"], part["cases"], part["cases"][part["baseline"]]
    names = sorted(cases, key=lambda name: name != part["baseline"])
    rows = [[name, *(cell(metric, cases[name], base) for metric in columns)] for name in names]
    head = [f"{part['title']}, {part['rounds']} round{'s' * (part['rounds'] > 1)}", *columns.values()]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def cell(metric: str, case: dict[str, list[float]], base: dict[str, list[float]]) -> str:
    """Return median, range and ratio; no ratio if the baseline is tiny, nor for rates, whose times already have one."""
    values = case.get(metric)
    if not values:
        return ""
    middle, unit = median(values), metric.rpartition("_")[2]
    shown = f"{quantity(middle, unit)} ({bare(min(values), middle, unit)} to {bare(max(values), middle, unit)})"
    usual = median(base.get(metric, [0]))
    if case is base or unit == "rate" or usual < SMALLEST_BASELINE[unit]:
        return shown
    return f"{shown} **{digits(middle / usual)}x**"


def scale(value: float, unit: str) -> tuple[float, str]:
    """Return the size and the name of the largest unit that is not larger than the value."""
    return next((step for step in UNITS[unit] if abs(value) >= step[0]), UNITS[unit][-1])


def quantity(value: float, unit: str) -> str:
    """Return a value with its unit: 0.0213 seconds is ``21.3 ms``."""
    size, name = scale(value, unit)
    return f"{digits(value / size)} {name}"


def bare(value: float, like: float, unit: str) -> str:
    """Return a value without its unit, in the unit chosen for `like`."""
    return digits(value / scale(like, unit)[0])


def digits(value: float) -> str:
    """Return three significant digits, no exponent."""
    return f"{float(f'{value:.3g}'):,.15g}"


if __name__ == "__main__":
    main()
