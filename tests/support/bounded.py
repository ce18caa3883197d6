"""Children that may use only so much processor time or memory: one for many inputs, since starting one takes long."""

from __future__ import annotations

import json
import math
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from support.running import run_code

SECONDS = 5
SIZE = 1_000_000
UNITS = [
    "1", "0", "9.", ".", " ", "\t", " \t", "\n", "\r", "\r\n", " 1", "1 ", "1.5 ", "e", "1e", "1e+", "+", "-", "+-",
    "1-", ",", "1,", "1,000", "0,5 ", "0x", "0xf.", "_", "1_", "a", "a ", "a 1 ", "a 1\n", "x\r", "a 1\r", '"', "'",
    "\\", "[", "{", "(", "]", '["a",', '{"a":', "\0", "/", ":", ";", "%", "<", "<!", "nan ", "inf", "nan1", "infinity",
    "\x80", "é", "\u0661", "\u0301\u0323", "\U0001f600", "L", "1L", "embedding/", "/embeddings", "_1", "a.", "\n ",
    "gensim.models.",
]  # fmt: skip
"""What adversaries repeat."""


def adversaries(size: int = SIZE) -> Iterator[tuple[str, str]]:
    """Yield names and texts of about `size` characters: each unit repeated, and its runs before another character."""
    for unit in UNITS:
        yield ascii(unit), unit * (size // len(unit))
    for unit, last in ((unit, last) for unit in UNITS for last in ("x", "\n", "!\n") if len(unit) < 3):
        yield ascii(unit) + ascii(last), unit * (size // len(unit)) + last
    for first, second in (
        ("1", "."),
        ("1", "e"),
        ("1", " "),
        (" ", "1"),
        ("a", " "),
        ("\n", "a"),
        ("0", "1"),
        ("(", ")"),
    ):
        yield ascii(first + second), first * (size // 2) + second * (size // 2)


def each_in_time(inputs: Iterable[tuple[str, Callable[[], object]]]) -> int:
    """Call every function; this process ends by a signal if one takes more than `SECONDS` of processor time.

    The name of each is printed before its call. Returns how many there were.
    """
    count = 0
    for name, call in inputs:
        sys.stdout.write(f"{name}\n")
        sys.stdout.flush()
        start = time.process_time()
        limit_seconds(SECONDS)
        call()
        assert time.process_time() - start < SECONDS, f"{name}: {time.process_time() - start:.1f} s"
        count += 1
    return count


def limit_seconds(seconds: float) -> None:
    """Limit the processor time that this process may still use."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time() + seconds), hard))


def limit_memory(more: int) -> None:
    """Limit the memory that this process may still take, counted as addresses."""
    sizes = Path("/proc/self/statm").read_text().split()
    limit = int(sizes[0]) * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def run_bounded(code: str, *arguments: object, **options: Any) -> Any:
    """Run Python code, which prints JSON as its last line, and return that; fail with the last input if it ended."""
    done = run_code(code, *arguments, **options)
    last = done.stdout.rstrip().rpartition("\n")[2]
    assert (done.returncode, done.stderr) == (0, ""), (
        f"ended with {done.returncode} at {last[:200]}: {done.stderr[-3000:]}"
    )
    return json.loads(last)
