"""The command line: `make fuzz N=20000`, or `PYTHONPATH=tests python -m fuzz --formats npy --reproduce 17`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fuzz.runner import Tally, run_all
from fuzz.samples import FORMATS_READ


def main() -> int:
    """Run a campaign, or one mutation in this process; return the exit code."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--formats", nargs="+", choices=FORMATS_READ, default=list(FORMATS_READ))
    parser.add_argument("-n", type=int, default=500, help="mutations of each format; of HDF5, one in ten")
    parser.add_argument("--start", type=int, default=0, help="number of the first one")
    parser.add_argument("--reproduce", type=int, help="judge this mutation alone, of one format")
    parser.add_argument("--keep", type=Path, help="with --reproduce: the folder to write its files to")
    options = parser.parse_args()
    if options.reproduce is not None:
        return reproduce(options.formats[0], options.reproduce, options.keep)
    counts = {name: max(1, options.n // 10) if name == "hdf5" else options.n for name in options.formats}
    tallies = run_all(options.formats, counts, options.start)
    for name, tally in tallies.items():
        print_tally(name, tally)
    faults = sum(len(tally.faults) for tally in tallies.values())
    say(f"{sum(tally.outcomes.total() for tally in tallies.values()):,} mutations, {faults} faults")
    return 1 if faults else 0


def print_tally(name: str, tally: Tally) -> None:
    """Print the counts of a format, and each fault with what reproduces it."""
    say(f"{name}: {', '.join(f'{count} {outcome}' for outcome, count in tally.outcomes.most_common())}")
    for number, fault in sorted(tally.faults.items()):
        say(
            f"  reproduce with --formats {name} --reproduce {number}\n    {fault.strip()[-1500:]}".replace(
                "\n", "\n    "
            )
        )


def reproduce(name: str, number: int, keep: Path | None) -> int:
    """Judge one mutation in this process, and let its error show."""
    import tempfile

    from fuzz.case import make_case
    from fuzz.oracle import judge
    from fuzz.samples import samples

    case = make_case(name, number, samples(name))
    say(f"{case.sample.name}, read with {case.reading}{', converted' if case.converts else ''}")
    if keep:
        case.sample.write(keep)
    with tempfile.TemporaryDirectory() as folder:
        say(judge(case, Path(folder)))
    return 0


def say(line: str) -> None:
    """Print a line."""
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
