"""Atomic writes: a file is complete or absent, also after an error or a signal."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.running import run_code

import embstore
from embstore.core.errors import EmbstoreError
from embstore.files.atomic import check_target, replacing


@pytest.fixture
def umask() -> Iterator[None]:
    old = os.umask(0o027)
    yield
    os.umask(old)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def test_the_file_appears_at_the_end_of_the_block(tmp_path: Path) -> None:
    path = tmp_path / "t"
    with replacing(path) as file:
        file.write(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError])
def test_an_error_leaves_the_old_file_alone(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "t"
    path.write_bytes(b"old")
    with pytest.raises(error), replacing(path) as file:  # noqa: PT012
        file.write(b"new")
        raise error
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_open_reader_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "s.safetensors"
    embstore.save(path, ["a"], np.zeros((1, 2)))
    old = embstore.open(path)
    embstore.save(path, ["b"], np.ones((1, 3)), overwrite=True)
    assert old["a"].tolist() == [0, 0]
    assert embstore.open(path)["b"].tolist() == [1, 1, 1]


@pytest.mark.usefixtures("umask")
def test_a_new_file_has_the_mode_that_the_umask_leaves(tmp_path: Path) -> None:
    with replacing(tmp_path / "t"):
        pass
    assert mode(tmp_path / "t") == 0o640


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("old", [0o600, 0o604, 0o666, 0o755])
def test_a_replaced_file_keeps_its_mode(tmp_path: Path, old: int) -> None:
    (tmp_path / "t").touch()
    (tmp_path / "t").chmod(old)
    with replacing(tmp_path / "t"):
        pass
    assert mode(tmp_path / "t") == old


def test_the_target_of_a_symbolic_link_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    target, link = tmp_path / "folder" / "t", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to("folder/t")
    with replacing(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert [*tmp_path.iterdir(), *target.parent.iterdir()] == [*tmp_path.iterdir(), target]


def test_a_dangling_link_creates_its_target(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "t")
    with replacing(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "t").read_bytes() == b"new"


def test_the_longest_name_of_the_file_system(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    with replacing(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new"
    wide = tmp_path / ("\N{EURO SIGN}" * 85)
    with replacing(wide) as file:
        file.write(b"new")
    assert wide.read_bytes() == b"new"


def test_another_signal_handler_is_kept(tmp_path: Path) -> None:
    def handler(*_: object) -> None: ...

    before = signal.signal(signal.SIGTERM, handler)
    try:
        with replacing(tmp_path / "t"):
            assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        signal.signal(signal.SIGTERM, before)


def test_the_default_handler_is_restored(tmp_path: Path) -> None:
    with replacing(tmp_path / "t"):
        assert callable(signal.getsignal(signal.SIGTERM))
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


WRITING = """
import os, signal, sys, numpy as np
from pathlib import Path
from embstore.core.batch import Batch, Source, Tokens
from embstore.store.writer import write_store
path = Path(sys.argv[1])
def batches():
    for i in range(20):
        yield Batch(Tokens.pack([f"w{i}"]), np.zeros((1, 100_000), np.float32))
    print(len(list(path.parent.iterdir())), flush=True)
    os.kill(os.getpid(), int(sys.argv[2]))
    yield Batch(Tokens.pack(["last"]), np.zeros((1, 100_000), np.float32))
write_store(path, Source(dim=100_000, batches=batches()))
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT)])
def test_a_signal_while_writing_leaves_no_file(tmp_path: Path, number: signal.Signals, code: int) -> None:
    done = run_code(WRITING, tmp_path / "s.safetensors", int(number))
    assert (done.returncode, done.stdout) == (code, "1\n")
    assert list(tmp_path.iterdir()) == []


AT_THE_RENAME = """
import os, signal, sys
from pathlib import Path
from embstore.files.atomic import replacing
def hook(event, _):
    if event == "os.rename":
        os.kill(os.getpid(), signal.SIGTERM)
sys.addaudithook(hook)
with replacing(Path(sys.argv[1])) as file:
    file.write(b"new")
"""


def test_a_signal_at_the_rename_leaves_no_file(tmp_path: Path) -> None:
    done = run_code(AT_THE_RENAME, tmp_path / "t")
    assert (done.returncode, list(tmp_path.iterdir())) == (143, [])


TOGETHER = """
import os, signal, sys
from pathlib import Path
from embstore.files.atomic import replacing_together
folder, at, what = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
renames = 0
def hook(event, _):
    global renames
    if event == "os.rename" or (event == "os.link" and what != "error"):
        renames += 1
        if renames == at and what == "error":
            raise OSError("no renaming")
        if renames == at:
            os.kill(os.getpid(), getattr(signal, what))
sys.addaudithook(hook)
try:
    with replacing_together() as group:
        group.new(folder / "matrix").write(b"new")
        group.new(folder / "words").write(b"new")
        group.drop(folder / "other")
except OSError:
    sys.exit(1)
"""
NEW = {"matrix": b"new", "words": b"new"}


@pytest.mark.parametrize("old", [{}, {"matrix": b"old", "other": b"old"}, {"matrix": b"old", "words": b"old"}])
@pytest.mark.parametrize(("what", "code"), [("SIGTERM", 143), ("SIGINT", -signal.SIGINT), ("error", 1)])
def test_files_that_belong_together_are_all_old_or_all_new(
    tmp_path: Path, what: str, code: int, old: dict[str, bytes]
) -> None:
    # renames: each old file to a temporary name, but the matrix gets a second one; each new file to its target
    steps = len(old) + 2 - ("matrix" in old and what == "error")
    for at in range(1, steps + 2):
        for path in tmp_path.iterdir():
            path.unlink()
        for name, data in old.items():
            (tmp_path / name).write_bytes(data)
        done = run_code(TOGETHER, tmp_path, at, what)
        found = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        if at > steps:
            assert (done.returncode, found) == (0, NEW)
        else:
            assert (done.returncode, found) == (code, old if what == "error" else NEW)


FOLDER = "a folder, which is never replaced: name a file or folder that does not exist yet"
STREAM = (
    "a stream, expected the name of a file to write, as a file is written under a temporary name and renamed when it "
    "is complete"
)
STREAMS = ("-", "/dev/stdout", "/dev/stderr", "/dev/fd/1", "/proc/self/fd/1", "/dev/null")


def test_targets_that_cannot_be_written_are_refused_before_any_work(tmp_path: Path) -> None:
    missing, existing, pipe = tmp_path / "no" / "t", tmp_path / "t", tmp_path / "pipe"
    existing.touch()
    os.mkfifo(pipe)
    cases: list[tuple[Path, bool, type[Exception], str]] = [
        (missing, True, FileNotFoundError, f"{tmp_path / 'no'}: no such folder to write into"),
        (tmp_path, True, EmbstoreError, f"{tmp_path}: {FOLDER}"),
        *((Path(stream), True, EmbstoreError, f"{stream}: {STREAM}") for stream in (pipe, *STREAMS)),
        (existing, False, FileExistsError, f"{existing}: exists already; `overwrite=True` replaces it"),
    ]
    for path, overwrite, kind, message in cases:
        with pytest.raises(kind) as caught:
            check_target(path, overwrite=overwrite)
        assert str(caught.value) == message
    check_target(existing, overwrite=True)
    check_target(tmp_path / "new", overwrite=False)
