"""Commands and Python code in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.paths import EXAMPLES, TESTS

EMBSTORE = [sys.executable, "-m", "embstore"]

Run = Callable[..., tuple[int, str, str]]
"""The type of the fixture `run`: arguments of the command in; exit code, stdout and stderr out."""


def run_code(code: str, *arguments: object, flags: tuple[str, ...] = (), **options: Any) -> Any:
    """Run Python code, which can import ``support``, and return what ended: returncode, stdout, stderr."""
    # -P: modules in the current folder are not imported
    command = [sys.executable, "-P", *flags, "-c", code, *map(str, arguments)]
    environment = {**os.environ, **options.pop("env", {})}
    environment["PYTHONPATH"] = os.pathsep.join([environment.get("PYTHONPATH", ""), str(TESTS)]).lstrip(os.pathsep)
    return subprocess.run(command, capture_output=True, text=True, env=environment, **options)


def output_of(code: str, *arguments: object, **options: Any) -> str:
    """Run Python code that must end well and print nothing on stderr, and return what it printed."""
    done = run_code(code, *arguments, **options)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return str(done.stdout)


def lines_of_example(name: str) -> list[str]:
    """Run a file of examples/, where a warning is an error, and return the lines that it printed."""
    command = [sys.executable, "-W", "error", str(EXAMPLES / name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout.splitlines()


def run_shell(folder: Path, command: str) -> tuple[int, str, str]:
    """Run ``embstore`` and what follows it in the shell: exit code, stdout, stderr."""
    line = f"{sys.executable} -m embstore {command}"
    done = subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr
