"""The child process that reads HDF5: how it ends, what it imports, and how much it sends at once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from support.paths import FORMATS

import embstore
from embstore.codecs import hdf5 as codec
from embstore.codecs.hdf5 import reading
from embstore.core.batch import Source
from embstore.core.options import ReadOptions
from embstore.files.input import Input

TEXT = h5py.string_dtype()
PROGRAM = "import embstore, sys; print(len(embstore.open(sys.argv[1])))"


def plain_file(path: Path) -> Path:
    """A matrix of three rows and its words."""
    with h5py.File(path, "w") as file:
        file["vectors"] = np.ones((3, 2), np.float32)
        file.create_dataset("words", data=["the", "frog", "toad"], dtype=TEXT)
    return path


def hanging(path: Path) -> Path:
    """A file whose strings libhdf5 never finishes reading: an object of the heap is followed by itself."""
    raw = bytearray((FORMATS / "hdf5" / "valid" / "variable.h5").read_bytes())
    size = raw.index(b"GCOL") + 16 + 8
    raw[size : size + 8] = (2**64 - 16).to_bytes(8, "little")
    path.write_bytes(raw)
    return path


def test_a_file_that_is_never_read_to_its_end_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "SECONDS", 1.0)
    path = hanging(tmp_path / "t.h5")
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(path)
    assert str(caught.value) == f"{path}: no progress in 1 s of processor time: the file is damaged"


PARENT = """
import os, signal, sys, time
from pathlib import Path
from embstore.codecs.hdf5 import process
from embstore.codecs.hdf5.request import Request
from embstore.files.input import Input
for number in (signal.SIGIO, signal.SIGPROF):
    signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [number])
file = Input(sys.argv[1])
request = Request(file.fileno(), str(file.path), None, None, words=True, integers=False, seconds=100)
child = process.Child(file, request, "hdf5")
child.read(8)
print(child._process.pid, flush=True)
time.sleep(100)
"""


def test_the_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(hanging(tmp_path / "t.h5"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_running(pid)
        parent.kill()
    until = time.monotonic() + 10
    while is_running(pid) and time.monotonic() < until:
        time.sleep(0.01)
    assert not is_running(pid)


def is_running(pid: int) -> bool:
    """Whether a process exists and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_thread_that_ends_leaves_the_child_to_others(tmp_path: Path) -> None:
    plain_file(tmp_path / "t.h5")
    found: list[Source] = []
    thread = threading.Thread(target=lambda: found.append(codec.read(Input(tmp_path / "t.h5"), ReadOptions())))
    thread.start()
    thread.join()
    assert sum(len(batch.tokens) for batch in found[0].batches) == 3


@pytest.mark.parametrize("flags", [["-c", PROGRAM], ["-m", "main"], ["main.py"]])
@pytest.mark.parametrize("path", [None, "", ":", "."])
def test_a_module_of_the_current_folder_is_not_run(tmp_path: Path, flags: list[str], path: str | None) -> None:
    file = plain_file(tmp_path / "t.h5")
    (tmp_path / "h5py.py").write_text("open('was_run', 'w')\n")
    (tmp_path / "main.py").write_text(PROGRAM)
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    if path is not None:
        environment["PYTHONPATH"] = path
    command = [sys.executable, *flags, str(file)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("3\n", "")
    assert not (tmp_path / "was_run").exists()


@pytest.mark.parametrize("executable", ["", None])
def test_without_an_interpreter_the_error_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executable: str | None
) -> None:
    plain_file(tmp_path / "t.h5")
    message = (
        "HDF5 files are read in a process of their own, and this program has no Python interpreter to start "
        "(sys.executable), as frozen programs have none: convert the file with the command embstore first"
    )
    monkeypatch.setattr(sys, "executable", executable)
    with pytest.raises(embstore.EmbstoreError) as caught:
        embstore.open(tmp_path / "t.h5")
    assert str(caught.value) == message
    monkeypatch.undo()
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    with pytest.raises(embstore.EmbstoreError) as caught:
        embstore.open(tmp_path / "t.h5")
    assert str(caught.value) == message


@pytest.mark.parametrize(("dim", "words", "most"), [(1, 25_000, 10_000), (4096, 600, 64)])
def test_blocks_are_bounded(tmp_path: Path, dim: int, words: int, most: int) -> None:
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file.create_dataset("v", data=np.ones((words, dim), np.float32), chunks=(min(words, 1000), dim))
        file.create_dataset("w", data=[f"w{i}" for i in range(words)], dtype=TEXT)
    sizes = [len(batch.tokens) for batch in codec.read(Input(tmp_path / "t.h5"), ReadOptions()).batches]
    assert max(sizes) == most
    assert sum(sizes) == words
