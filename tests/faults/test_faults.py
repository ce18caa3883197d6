"""Kills, failing calls of the system and full disks leave the old table, the new one, or a cure that works."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.paths import TESTS

FOLDER = TESTS / "faults"
FORMATS = [
    *(
        "store",
        "glove",
        "word2vec",
        "csv",
        "json",
        "jsonl",
        "word2vec-bin",
        "npy",
        "npz",
        "hdf5",
        "parquet",
        "arrow",
        "finalfusion",
    ),
    *("torch", "safetensors", "projector", "static-embedding", "model2vec"),
]


def run(program: str, *arguments: object, before: Sequence[str] = (), **environment: str) -> str:
    """Run a program of this folder that must end well and print nothing on stderr; return what it printed."""
    command = [*before, sys.executable, str(FOLDER / program), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=300)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


@pytest.mark.torch
def test_the_formats_are_all_that_are_written() -> None:
    from embstore.codecs.registry.table import CODECS

    assert sorted(FORMATS) == sorted(name for name, codec in CODECS.items() if codec.writes)


@pytest.mark.torch
def test_kills_at_random_moments() -> None:
    assert run("kills.py", 60).splitlines()[-1] == "60 kills, no damage"


@pytest.fixture(scope="module")
def preloaded(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of the library that lets calls fail, built for this test."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    assert compiler, "this test needs a C compiler"
    library = tmp_path_factory.mktemp("faults") / "fault.so"
    source = FOLDER / "fault.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-Wall", "-Werror", "-o", library, source, "-ldl"], check=True)
    return str(library)


@pytest.mark.torch
def test_every_write_fsync_and_rename_fails_and_is_killed(preloaded: str) -> None:
    counts = json.loads(run("failing_calls.py", *FORMATS, LD_PRELOAD=preloaded))
    assert list(counts) == FORMATS
    for name, found in counts.items():
        assert min(found["write"], found["fsync"], found["rename"]) > 0, name
        states = {state: times for state, times in found.items() if state.startswith("killed: ")}
        assert sum(states.values()) == found["write"] + found["fsync"] + found["rename"], name
        paired = {"killed: old words found", "killed: new words found"} <= set(states)
        assert paired == (name in ("npy", "safetensors")), name


@pytest.mark.torch
def test_a_full_disk(tmp_path: Path) -> None:
    """A file system of 16 kB in memory; where that cannot be mounted, a limit of the size of files."""
    folder = tmp_path / "full"
    folder.mkdir()
    mount = f'mount -t tmpfs -o size=16k none "{folder}"'
    can_mount = subprocess.run(["unshare", "-m", "sh", "-c", mount], capture_output=True).returncode == 0
    if can_mount:
        before, reason = ["unshare", "-m", "sh", "-c", f'{mount} && exec "$@"', "sh"], "No space left on device"
    else:
        before, reason = ["sh", "-c", 'ulimit -f 16; exec "$@"', "sh"], "File too large"
    assert run("full_disk.py", folder, reason, *FORMATS, before=before).split() == FORMATS


def test_readers_of_a_store_that_is_replaced(tmp_path: Path) -> None:
    assert run("readers.py", tmp_path, 32, 100_000, 100) == "32 readers, 100 versions, 0 failed\n"
