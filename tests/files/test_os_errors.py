"""Errors of the operating system name the file that the user named, in one line, for every command."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.running import output_of

from embstore.files.os_errors import errors_naming

FILES = ["safetensors", "txt", "vec", "bin", "npy", "npz", "h5", "parquet", "arrow", "fifu"]
NAMED = ["projector", "static-embedding", "model2vec", "safetensors"]
WRITERS = [
    *((f"out.{suffix}", "") for suffix in FILES),
    pytest.param("out.pt", "", marks=pytest.mark.torch),
    *(("out", f"--to {name}") for name in NAMED),
]


def with_texts(folder: Path) -> Path:
    """Write a table as text, and a second one that only root may read."""
    folder.chmod(0o755)  # for a user who is not root
    rows = "".join(f"word{i} {' '.join(str(i * j + 0.1) for j in range(1, 60))}\n" for i in range(300))
    (folder / "t.txt").write_text(rows)
    (folder / "m.txt").write_text(rows)
    (folder / "m.txt").chmod(0)
    (folder / "w.txt").write_text("".join(f"word{i}\n" for i in reversed(range(300))))
    return folder


@pytest.fixture
def folder_of_texts(tmp_path: Path) -> Path:
    return with_texts(tmp_path)


@pytest.mark.parametrize(("name", "option"), WRITERS)
def test_a_disk_full_error_names_the_target(folder_of_texts: Path, name: str, option: str) -> None:
    before = set(folder_of_texts.iterdir())
    line = f"ulimit -f 4; {sys.executable} -m embstore convert t.txt {name} {option} --quiet"
    done = subprocess.run(["bash", "-c", line], cwd=folder_of_texts, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"error: {name}: File too large\n")
    assert set(folder_of_texts.iterdir()) == before


@pytest.mark.parametrize(
    "command",
    [
        "convert t.txt u.safetensors --report-loss",
        "convert t.txt u.safetensors --vocab-only w.txt --order words",
        "merge t.txt t.txt u.safetensors",
    ],
    ids=["loss", "order", "merge"],
)
def test_other_writers_name_the_target_too(folder_of_texts: Path, command: str) -> None:
    line = f"ulimit -f 4; {sys.executable} -m embstore {command}"
    done = subprocess.run(["bash", "-c", line], cwd=folder_of_texts, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "error: u.safetensors: File too large\n")
    assert not list(folder_of_texts.glob(".*"))


def test_save_names_the_target(tmp_path: Path) -> None:
    code = (
        "import resource, sys, numpy as np, embstore\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))\n"
        "try:\n    embstore.save(sys.argv[1], ['a'], np.zeros((1, 9999), np.float32))\n"
        "except OSError as error:\n    print(error)"
    )
    path = tmp_path / "s.safetensors"
    assert output_of(code, path) == f"[Errno {errno.EFBIG}] File too large: {str(path)!r}\n"


READING = [
    "info m.txt",
    "query m.txt the",
    "similar m.txt the",
    "analogy m.txt a b c",
    "coverage m.txt t.txt",
    "coverage t.txt m.txt",
    "convert m.txt v.safetensors",
    "convert t.txt v.safetensors --vocab-only m.txt",
    "diff m.txt t.txt",
    "diff t.txt m.txt",
    "merge t.txt m.txt v.safetensors",
]
WRITING = [
    "convert t.txt v.safetensors",
    "convert t.txt t.safetensors --overwrite",
    "convert t.txt v.safetensors --report-loss",
    "convert t.txt v.npy",
    "convert t.txt v.h5 --layout contiguous",
    "merge t.txt t.txt v.safetensors",
]
AS_ANOTHER = """
import contextlib, io, json, os, sys
from embstore.cli import main
for name in ("t.safetensors", "u.npy", "u.h5", "u.folder"):  # import everything now: the other user may not read it
    main.run(["convert", "t.txt", name, "--overwrite", "--quiet", *["--to", "projector"] * ("fol" in name)])
main.run(["convert", "t.txt", "t.safetensors", "--overwrite", "--quiet", "--json", "--report-loss"])
for name in ("diff", "merge", "verify", "query", "similar", "analogy", "coverage", "info"):
    main.run([name, "--help"])
if os.getuid() == 0:
    os.setuid(65534)
answers = {}
for command in sys.argv[1:]:
    printed = io.TextIOWrapper(io.BytesIO(), write_through=True)
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        code = main.run(command.split())
    answers[command] = [code, printed.buffer.getvalue().decode()]
print()
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[object]]:
    """Exit code and output of each command for a user who is not root; all run in one process."""
    folder = with_texts(tmp_path_factory.mktemp("another"))
    printed = output_of(AS_ANOTHER, *READING, *WRITING, "verify m.txt", cwd=folder)
    found: dict[str, list[object]] = json.loads(printed.splitlines()[-1])
    found["verify m.txt"][1] = str(found["verify m.txt"][1]).replace(str(folder), "FOLDER")
    return found


@pytest.mark.parametrize("command", READING)
def test_an_unreadable_file_gives_one_line(answers: dict[str, list[object]], command: str) -> None:
    assert answers[command] == [1, "error: m.txt: Permission denied\n"]


def test_verify_names_the_whole_path(answers: dict[str, list[object]]) -> None:
    assert answers["verify m.txt"] == [1, "error: FOLDER/m.txt: Permission denied\n"]


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to change to a user who may not write the folder")
@pytest.mark.parametrize("command", WRITING)
def test_an_unwritable_folder_is_named(answers: dict[str, list[object]], command: str) -> None:
    error = "error: .: Permission denied, no file can be written into this folder\n"
    assert answers[command] == [1, error]


def test_temporary_files_of_a_link_are_those_next_to_it_or_its_target(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real/t")
    for name, expected in (
        (tmp_path / "real" / ".t.ab.tmp", str(tmp_path / "link")),
        (tmp_path / ".t.ab.tmp" / "inside", str(tmp_path / "link")),
        (tmp_path / "real" / "t.tmp", str(tmp_path / "real" / "t.tmp")),
        (tmp_path.parent / ".other.tmp", str(tmp_path.parent / ".other.tmp")),
    ):
        with pytest.raises(OSError) as caught, errors_naming(tmp_path / "link"):
            raise OSError(errno.EIO, "Input/output error", str(name))
        assert caught.value.filename == expected
    with pytest.raises(PermissionError) as denied, errors_naming(tmp_path / "link"):
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "real" / ".t.ab.tmp"))
    assert denied.value.filename == str(tmp_path / "real")


def test_a_read_error_does_not_name_the_target(tmp_path: Path) -> None:
    with pytest.raises(OSError) as caught, errors_naming(tmp_path / "t"):
        raise OSError(errno.EIO, "Input/output error")
    assert caught.value.filename is None
