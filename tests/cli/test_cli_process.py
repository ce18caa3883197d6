"""The command line as a process: signals, pipes, and what it loads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import embstore

EMBSTORE = [sys.executable, "-m", "embstore"]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    (tmp_path / "t.txt").write_text("the 0.5 1\nfrog -1 2.25\n", encoding="utf-8")
    embstore.convert(tmp_path / "t.txt", tmp_path / "t.safetensors")
    return tmp_path / "t.safetensors"


@pytest.mark.parametrize("module", ["torch", "h5py", "safetensors", "pyarrow"])
def test_query_loads_nothing_heavy(store: Path, module: str) -> None:
    code = "import sys\nfrom embstore.cli.main import run\n"
    code += "run(['query', sys.argv[1], 'the'])\nprint(sys.argv[2] in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, str(store), module], capture_output=True, text=True)
    assert done.stdout == "the 0.5 1\nFalse\n"


def test_a_closed_pipe_is_quiet(store: Path) -> None:
    command = f"{sys.executable} -m embstore query {store} {'the ' * 20000} | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("the 0.5 1\n", "")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_conversion_that_is_stopped_leaves_nothing(
    real_glove_text: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    environment = {**os.environ, "EMBSTORE_PLAIN": "1"}  # slow enough to be met at work
    command = [*EMBSTORE, "convert", str(real_glove_text), str(tmp_path / "g.safetensors")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, text=True)
    deadline = time.monotonic() + 30
    while not any(file.stat().st_size > 100_000 for file in tmp_path.glob(".*.tmp")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == code
    assert stderr.strip() == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_blocks_that_wait_are_given_up(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """Of millions of lines that cannot be read, which take many seconds a block."""
    source = tmp_path / "t.txt"
    source.write_bytes(b"a 1 2\n" + b"x\n" * 10_000_000)
    command = [*EMBSTORE, "convert", str(source), str(tmp_path / "t.safetensors"), "--on-error", "skip"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 30
        while not list(tmp_path.glob(".*.tmp")):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(0.5)
        process.send_signal(number)
        try:
            process.communicate(timeout=10)
        finally:
            process.kill()
    assert process.returncode == code
    assert list(tmp_path.iterdir()) == [source]


def test_an_unexpected_error_is_one_line(store: Path) -> None:
    code = (
        "import sys, embstore.store.store, embstore.cli.main\n"
        "embstore.store.store.Store.rows = lambda *_: 1 / 0\n"
        "sys.exit(embstore.cli.main.run(['query', sys.argv[1], 'the']))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(store)], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    expected = (
        "error: internal error, please report it: ZeroDivisionError: division by zero (EMBSTORE_DEBUG=1 shows where)\n"
    )
    assert done.stderr == expected


def test_the_script_and_the_module_are_one(store: Path) -> None:
    script = Path(sys.executable).parent / "embstore"
    for command in ([str(script)], EMBSTORE):
        done = subprocess.run([*command, "query", str(store), "frog"], capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, "frog -1 2.25\n", "")
