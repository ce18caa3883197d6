"""The child process that reads HDF5: it ends with its parent, is given up in time, and runs no code that lies about."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from support.running import output_of

import embstore
from embstore.codecs.hdf5.layout import find_table
from embstore.codecs.hdf5.process import module_path
from embstore.codecs.hdf5.reading import read_hdf5
from embstore.codecs.hdf5.request import Limits, Request
from embstore.core.options import ReadOptions
from embstore.files.input import Input

LONG = Limits(processor=100, waiting=100)


def write_table(path: Path, rows: int = 3, **chunked: object) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("v", data=np.arange(rows * 32, dtype=np.float32).reshape(rows, 32), **chunked)
        file.create_dataset("w", data=[f"w{i}" for i in range(rows)], dtype=h5py.string_dtype())


def write_endless(path: Path) -> None:
    """Write a file whose strings libhdf5 reads for ever: one of two bytes leads it to an entry of no bytes."""
    write_table(path)
    data = bytearray(path.read_bytes())
    size = data.index(b"\x02" + bytes(7) + b"w1")
    data[size + 1] = 1  # 258 bytes, which reach into the free space
    path.write_bytes(data)


def refusal(path: Path, limits: Limits) -> str:
    with pytest.raises(embstore.FormatError) as caught:
        list(read_hdf5(Input(path), ReadOptions(), None, limits).batches)
    return str(caught.value)


def test_a_loop_in_libhdf5_ends_with_its_processor_time(tmp_path: Path) -> None:
    path = tmp_path / "t.h5"
    write_endless(path)
    reason = "given up after 0.3 s of processor time without the next rows: the file is damaged"
    assert refusal(path, Limits(processor=0.3, waiting=100)) == f"{path}: {reason}"


def test_the_time_also_ends_where_the_parent_ignores_its_signal(tmp_path: Path) -> None:
    path = tmp_path / "t.h5"
    write_endless(path)
    before = signal.signal(signal.SIGPROF, signal.SIG_IGN)
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPROF})
    try:
        said = refusal(path, Limits(processor=0.3, waiting=100))
    finally:
        signal.signal(signal.SIGPROF, before)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    assert said == f"{path}: given up after 0.3 s of processor time without the next rows: the file is damaged"


def test_waiting_ends(tmp_path: Path) -> None:
    path, before = tmp_path / "t.h5", threading.active_count()
    write_endless(path)
    reason = "given up after 0.5 s of waiting for the next rows: the file is damaged, or its disk does not answer"
    assert refusal(path, Limits(processor=100, waiting=0.5)) == f"{path}: {reason}"
    assert threading.active_count() == before


READER = """
import sys
from embstore.codecs.hdf5.reading import read_hdf5
from embstore.codecs.hdf5.request import Limits, Request
from embstore.core.options import ReadOptions
from embstore.files.input import Input
source = read_hdf5(Input(sys.argv[1]), ReadOptions(), None, Limits(100, 100))
print("reading", flush=True)
list(source.batches)
"""


def children_of(parent: int) -> list[int]:
    tasks = Path(f"/proc/{parent}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def is_running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"  # nobody waits for an orphan in a container without an init process


def test_the_child_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    write_endless(tmp_path / "t.h5")
    with subprocess.Popen([sys.executable, "-c", READER, tmp_path / "t.h5"], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"reading\n"
        (child,) = children_of(parent.pid)
        assert is_running(child)
        parent.kill()
    for _ in range(1000):
        if not is_running(child):
            return
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    raise AssertionError("the child outlived its parent")


def test_the_child_outlives_the_thread_that_began_to_read(tmp_path: Path) -> None:
    """Linux tells a child of the end of the thread that started it, not of the process."""
    write_table(tmp_path / "t.h5", 100_000, chunks=(1000, 32))
    sources = []
    begin = threading.Thread(
        target=lambda: sources.append(read_hdf5(Input(tmp_path / "t.h5"), ReadOptions(), None, LONG))
    )
    begin.start()
    begin.join()
    assert sum(len(batch.tokens) for batch in sources[0].batches) == 100_000


IN_A_FOLDER = """
import os, sys
import embstore, numpy
import embstore.codecs.hdf5.reading, embstore.ops.read
sys.path[:0] = ["", ".", os.getcwd()]
os.environ["PYTHONPATH"] = os.pathsep + os.getcwd()
print(list(embstore.open(sys.argv[1]).itos))
"""


def test_nothing_in_the_current_folder_is_run(tmp_path: Path) -> None:
    write_table(tmp_path / "t.h5")
    here = tmp_path / "here"
    for name in ("h5py", "numpy", "embstore", "json", "sitecustomize", "usercustomize", "ctypes"):
        (here / name).mkdir(parents=True)
        (here / name / "__init__.py").write_text(f"open({str(tmp_path / 'was run')!r}, 'a').write({name!r})")
    assert output_of(IN_A_FOLDER, tmp_path / "t.h5", cwd=here) == "['w0', 'w1', 'w2']\n"
    assert not (tmp_path / "was run").exists()


def test_the_path_of_modules_has_no_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = str(Path(embstore.__file__).parent.parent)
    (tmp_path / "link").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", ".", str(tmp_path), "link", "below", "/a:b", home])
    assert module_path() == [str(tmp_path / "below"), "/a:b", home]
    monkeypatch.chdir(home)  # embstore itself lies here
    assert module_path()[-1] == home


def test_a_program_whose_current_folder_was_removed_reads_it(tmp_path: Path) -> None:
    write_table(tmp_path / "t.h5")
    code = "import os, sys\nos.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')\n"
    code += "import embstore\nprint(len(embstore.open(sys.argv[1])))"
    assert output_of(code, tmp_path / "t.h5", cwd=tmp_path) == "3\n"


CURE = "set sys.executable to the path of a Python with embstore, or convert the file to a store beforehand"


@pytest.mark.parametrize(
    ("executable", "found"),
    [
        ("", "sys.executable is ''"),
        (None, "sys.executable is None"),
        ("/no/python", "/no/python cannot be started (No such file or directory)"),
    ],
)
def test_a_program_without_a_python(
    executable: str | None, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_table(tmp_path / "t.h5")
    monkeypatch.setattr(sys, "executable", executable)
    said = refusal(tmp_path / "t.h5", LONG)
    assert said == f"{tmp_path / 't.h5'}: HDF5 is read by a second Python process, but {found}: {CURE}"


def test_a_frozen_program_does_not_start_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_table(tmp_path / "t.h5")
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    said = refusal(tmp_path / "t.h5", LONG)
    found = "HDF5 is read by a second Python process, but this is a frozen program"
    assert said == f"{tmp_path / 't.h5'}: {found}: {CURE}"


def test_a_row_wider_than_a_block_is_sent_alone_up_to_a_bound(tmp_path: Path) -> None:
    for name, dim in (("wide", 1 << 21), ("wider", (1 << 24) + 1)):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file.create_dataset("v", (2, dim), "f4", fillvalue=0.5, chunks=(1, dim), compression="gzip")[:] = 1.5
            file.create_dataset("w", data=["a", "b"], dtype=h5py.string_dtype())
    source = read_hdf5(Input(tmp_path / "wide.h5"), ReadOptions(), None, LONG)
    assert [batch.vectors.shape for batch in source.batches] == [(1, 1 << 21)] * 2
    said = refusal(tmp_path / "wider.h5", LONG)
    assert said == f"{tmp_path / 'wider.h5'}:/v: rows of 67,108,868 bytes, expected at most 67,108,864".replace(
        "/v", "v"
    )


def test_words_beyond_the_bound_of_a_block_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.h5"
    with h5py.File(path, "w") as file:
        file["v"] = np.ones((70, 2), np.float32)
        file.create_dataset("w", data=["x" * (1 << 20)] * 70, dtype=h5py.string_dtype())
    assert refusal(path, LONG) == f"{path}:w: 70 words of 73,400,320 bytes, expected at most 67,108,864"


def test_a_block_has_at_most_ten_thousand_words(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["v"] = np.ones((25_000, 1), np.float32)
        file["w"] = np.array([f"{i}" for i in range(25_000)], "S5")
    batches = read_hdf5(Input(tmp_path / "t.h5"), ReadOptions(), None, LONG).batches
    assert [len(batch.tokens) for batch in batches] == [10_000, 10_000, 5_000]


def test_an_error_longer_than_a_pipe_holds_arrives(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "t.h5", "w") as file:
        for letter in "abcdefgh":
            file[letter * 20_000] = np.ones((3, 2), np.float32)
    said = refusal(tmp_path / "t.h5", LONG)
    assert said.startswith(f"{tmp_path / 't.h5'}: 8 matrices may be the table: name one with `key=` (aaa")


def test_a_chunk_for_each_column_is_given_the_time_of_all_of_them(tmp_path: Path) -> None:
    """Reading a block of rows unpacks the chunks of all columns."""
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file.create_dataset("v", data=np.zeros((1000, 40), np.float32), chunks=(500, 1), compression="gzip")
        file.create_dataset("w", data=[f"w{i}" for i in range(1000)], dtype=h5py.string_dtype())
        table = find_table(file, Request(None, "", None, None, words=True, integers=False))
        assert table.chunk_bytes == 500 * 40 * 4
    assert embstore.open(tmp_path / "t.h5").shape == (1000, 40)
