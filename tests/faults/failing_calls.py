"""Lets each write, fsync and rename of a conversion fail in turn, then kills it there; ``fault.c`` is preloaded."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import io
import json
import os
import signal
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from kills import state
from targets import NEW, OLD, TARGETS, Target

import embstore
from embstore.cli.main import run

FAULTS = ctypes.CDLL(None)
KINDS = {"write": (0, errno.ENOSPC), "fsync": (1, errno.EIO), "rename": (2, errno.EIO)}
MOST = 500  # calls of one kind


def main(formats: list[str]) -> None:
    """Test formats; print how many calls of each kind failed, as JSON."""
    warnings.simplefilter("ignore", embstore.EmbstoreWarning)  # of rows whose length is not 1
    counts: dict[str, dict[str, int]] = {}
    for target in TARGETS:
        if target.format in formats:
            counts[target.format] = {kind: fail_each(target, kind) for kind in KINDS}
            counts[target.format] |= kill_each(target)
    print(json.dumps(counts))


def fail_each(target: Target, kind: str) -> int:
    """Let the n-th call fail for n = 1, 2 ... until a conversion makes fewer calls; return how many it makes."""
    for number in range(1, MOST):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name).resolve()
            embstore.save(folder / "source.safetensors", list(NEW.itos), NEW.vectors)
            if not target.folder:
                target.write(OLD, folder)
            code, message, failed = convert(target, folder, kind, number)
            if not failed:
                assert (code, message) == (0, ""), message
                assert target.read(folder) == "new"
                return number - 1
            check(target, folder, kind, code, message)
            if not (target.folder and target.read(folder)):
                target.write(NEW, folder)
            assert target.read(folder) == "new"
    raise AssertionError(f"{target.format}: {MOST} calls of {kind}")


def kill_each(target: Target) -> dict[str, int]:
    """Kill a conversion at its n-th call of each kind, for every n; return how often each state was found."""
    found: Counter[str] = Counter()
    for which, _ in KINDS.values():
        for number in range(1, MOST):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name).resolve()
                if not target.folder:
                    target.write(OLD, folder)
                process = os.fork()
                if process == 0:
                    FAULTS.fault_arm(os.fsencode(folder), which, number, 0, int(signal.SIGKILL))
                    target.write(NEW, folder)
                    os._exit(0)
                _, status = os.waitpid(process, 0)
                if os.WIFEXITED(status):
                    assert (os.WEXITSTATUS(status), target.read(folder)) == (0, "new")
                    break
                found[state(target, folder)] += 1
                if not (target.folder and target.read(folder)):
                    target.write(NEW, folder)
                assert set(os.listdir(folder)) == target.names(), os.listdir(folder)
                assert target.read(folder) == "new"
    return {f"killed: {outcome}": times for outcome, times in sorted(found.items())}


def convert(target: Target, folder: Path, kind: str, number: int) -> tuple[int, str, bool]:
    """Convert by the command; return its exit code, what it printed on stderr, and whether the call was made."""
    arguments = ["convert", folder / "source.safetensors", folder / target.file, "--to", target.format, "--quiet"]
    arguments += [] if target.folder else ["--overwrite"]
    which, error = KINDS[kind]
    printed = io.BytesIO()
    stderr = io.TextIOWrapper(printed, write_through=True)
    with contextlib.redirect_stderr(stderr):
        FAULTS.fault_arm(os.fsencode(folder), which, number, error, 0)
        try:
            code = run(list(map(str, arguments)))
        finally:
            calls = FAULTS.fault_disarm()
    return code, printed.getvalue().decode(), calls >= number


def check(target: Target, folder: Path, kind: str, code: int, message: str) -> None:
    """Check what a conversion with a failed call says and leaves.

    A second name for the old file may be impossible, and a folder may be flushed no more after everything was renamed:
    then the conversion succeeds, or says so and leaves the new table.
    """
    _, error = KINDS[kind]
    state = target.read(folder)
    if code == 0:
        assert (kind, message, state) == ("rename", "", "new"), (kind, message, state)
    else:
        reason = f"{os.strerror(error)}\n"
        names = {folder / target.file, folder / target.words, folder}
        assert message in {f"error: {path}: {reason}" for path in names}, message
        assert state == (None if target.folder else "old") or kind == "fsync", state
    expected = target.names() | {"source.safetensors"} if state else {"source.safetensors"}
    assert set(os.listdir(folder)) == expected, os.listdir(folder)


if __name__ == "__main__":
    main(sys.argv[1:])
