"""Kills conversions at random moments, and looks at what they left: ``python tests/faults/kills.py 1000``."""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from targets import NEW, OLD, TARGETS, Target

import embstore

SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
PATIENCE = 60.0  # seconds


def main(count: int, seed: int) -> None:
    """Kill `count` conversions, in turns over all formats; print what was found, one line for each format."""
    chance, outcomes = random.Random(seed), Counter[tuple[str, str]]()
    seconds = {target: duration(target) for target in TARGETS}
    for trial in range(count):
        target = TARGETS[trial % len(TARGETS)]
        number = SIGNALS[chance.randrange(len(SIGNALS))]
        delay, with_old = chance.uniform(0, 1.1 * seconds[target]), chance.random() < 0.6 and not target.folder
        try:
            outcomes[target.format, kill_one(target, number, delay, with_old)] += 1
        except BaseException:
            print(f"{target.format}: {number.name} after {1000 * delay:.1f} ms, with_old={with_old}, trial {trial}")
            raise
    for target in TARGETS:
        found = {outcome: times for (name, outcome), times in sorted(outcomes.items()) if name == target.format}
        print(f"{target.format}: {sum(found.values())} kills: {found}")
    print(f"{count} kills, no damage")


def duration(target: Target) -> float:
    """Seconds of a conversion; the second one, as the first imports what it needs."""
    for _ in range(2):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            target.write(NEW, Path(folder))
    return time.perf_counter() - start


def kill_one(target: Target, number: signal.Signals, delay: float, with_old: bool) -> str:
    """Kill one conversion, check what is left, and convert once more; return what was found first."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if with_old:
            target.write(OLD, folder)
        ended = convert_and_kill(target, folder, number, delay)
        if ended != signal.SIGKILL:
            assert set(os.listdir(folder)) <= target.names(), os.listdir(folder)
        found = state(target, folder)
        assert found in (("old" if with_old else "absent"), "new", "old words found", "new words found"), found
        assert ended != 0 or found == "new"
        if target.folder and found == "new":
            return found
        target.write(NEW, folder)
        assert set(os.listdir(folder)) == target.names(), os.listdir(folder)
        assert target.read(folder) == "new"
        return found


def convert_and_kill(target: Target, folder: Path, number: signal.Signals, delay: float) -> int:
    """Start a conversion in a process of its own and send it a signal; return the signal that ended it, 0 for none."""
    started, starting = os.pipe()
    process = os.fork()
    if process == 0:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        try:
            os.write(starting, b"!")
            target.write(NEW, folder)
        except KeyboardInterrupt:
            os._exit(signal.SIGINT)
        except SystemExit as end:
            os._exit(int(str(end.code)) - 128)
        except BaseException:
            os._exit(99)
        os._exit(0)
    os.close(starting)
    os.read(started, 1)
    os.close(started)
    time.sleep(delay)
    os.kill(process, number)
    return wait_for(process)


def wait_for(process: int) -> int:
    """Wait for a process; return the signal that ended it, 0 if it ended well."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found, status = os.waitpid(process, os.WNOHANG)
        if found:
            code = os.waitstatus_to_exitcode(status)
            assert code in (0, *(-n for n in SIGNALS), signal.SIGINT, signal.SIGTERM), code
            return abs(code)
        time.sleep(0.001)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    raise AssertionError("the process did not end after the signal")


def state(target: Target, folder: Path) -> str:
    """What is there: old, new, absent, or a matrix whose words were found as the message says."""
    try:
        return target.read(folder) or "absent"
    except embstore.FormatError as error:
        target.cure(folder, str(error))
        return f"{target.read(folder)} words found"


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 30))
