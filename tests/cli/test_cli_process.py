"""The command line as a process: signals, pipes, and imported modules."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.running import EMBSTORE, output_of, run_code, run_shell
from support.tables import saved


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    return saved(tmp_path / "t.safetensors", ["the", "frog"], [[0.5, 1.0], [-1.0, 2.25]])


@pytest.mark.parametrize("module", ["torch", "h5py", "safetensors", "pyarrow"])
def test_query_loads_nothing_heavy(store_path: Path, module: str) -> None:
    code = "import sys\nfrom embstore.cli.main import run\n"
    code += "run(['query', sys.argv[1], 'the'])\nprint(sys.argv[2] in sys.modules)"
    assert output_of(code, store_path, module) == "the 0.5 1\nFalse\n"


def test_a_closed_pipe_is_quiet(store_path: Path) -> None:
    command = f"query t.safetensors {'the ' * 20000} | head -1"
    assert run_shell(store_path.parent, command) == (0, "the 0.5 1\n", "")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_conversion_that_is_stopped_leaves_nothing(
    real_glove_text: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    environment = {**os.environ, "EMBSTORE_PLAIN": "1"}  # slow enough to be interrupted
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
def test_pending_blocks_are_abandoned(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """Interrupt a conversion of millions of malformed lines, whose blocks take many seconds each."""
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


def test_an_unexpected_error_is_one_line(store_path: Path) -> None:
    code = (
        "import sys, embstore.store.store, embstore.cli.main\n"
        "embstore.store.store.Store.rows = lambda *_: 1 / 0\n"
        "sys.exit(embstore.cli.main.run(['query', sys.argv[1], 'the']))"
    )
    done = run_code(code, store_path)
    assert (done.returncode, done.stdout) == (1, "")
    found = "ZeroDivisionError: division by zero (`EMBSTORE_DEBUG=1` shows where)"
    assert done.stderr == f"error: internal error, please report it: {found}\n"


def test_the_script_and_the_module_are_one(store_path: Path) -> None:
    script = Path(sys.executable).parent / "embstore"
    for command in ([str(script)], EMBSTORE):
        done = subprocess.run([*command, "query", str(store_path), "frog"], capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, "frog -1 2.25\n", "")


@pytest.mark.parametrize(
    ("arguments", "spared"),
    [
        (["query", "{store}", "the"], ["embstore.words", "embstore.ops.convert", "embstore.files.checksum"]),
        (["convert", "{store}.txt", "{store}.made", "--to", "npy", "--quiet"], ["embstore.words", "embstore.search"]),
    ],
    ids=["query", "convert"],
)
def test_a_command_loads_only_what_it_uses(store_path: Path, arguments: list[str], spared: list[str]) -> None:
    """Each module costs a part of a millisecond at every start."""
    Path(f"{store_path}.txt").write_text("the 0.5 1\nfrog 2 3\n")
    code = "import sys\nfrom embstore.cli.main import run\nassert run(sys.argv[2:]) == 0\n"
    code += "print([name for name in sys.modules if name.startswith(tuple(sys.argv[1].split()))])"
    command = [argument.format(store=store_path) for argument in arguments]
    done = subprocess.run([sys.executable, "-c", code, " ".join(spared), *command], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
