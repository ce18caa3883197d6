"""Temporary files: private, with names that fit, exclusive when they get their names, removed when nobody owns them."""

from __future__ import annotations

import os
import stat
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.running import output_of, run_code

import embstore
from embstore.core.errors import EmbstoreError
from embstore.files import renaming
from embstore.files.atomic import replacing, replacing_together
from embstore.files.folder import new_folder, temporary_folder
from embstore.files.renaming import flush_folder

EXISTS = "exists already; `overwrite=True` replaces it"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def temporary_in(folder: Path) -> Path:
    (found,) = folder.glob(".*.tmp")
    return found


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_temporary_file_is_private_until_the_end(tmp_path: Path, overwrite: bool) -> None:
    path = tmp_path / "t"
    if overwrite:
        path.touch()
        path.chmod(0o644)
    with replacing(path, overwrite=overwrite) as file:
        file.write(b"new")
        assert mode(temporary_in(tmp_path)) == 0o600
    with temporary_folder(path) as folder:
        assert mode(folder) == 0o700


def test_a_link_in_place_of_the_temporary_file_is_not_followed(tmp_path: Path) -> None:
    secret, path = tmp_path / "secret", tmp_path / "t"
    secret.write_bytes(b"secret")
    secret.chmod(0o600)
    path.touch()
    path.chmod(0o4777)
    with replacing(path, overwrite=True):
        temporary = temporary_in(tmp_path)
        temporary.unlink()
        temporary.symlink_to(secret)
    assert (mode(secret), secret.read_bytes()) == (0o600, b"secret")


@pytest.mark.parametrize("old", [0o4755, 0o2755, 0o1777, 0o6777])
def test_setuid_and_its_kind_do_not_survive(tmp_path: Path, old: int) -> None:
    (tmp_path / "t").touch()
    (tmp_path / "t").chmod(old)
    with replacing(tmp_path / "t", overwrite=True):
        pass
    assert mode(tmp_path / "t") == old & 0o777


def test_the_mode_at_the_end_counts(tmp_path: Path) -> None:
    (tmp_path / "t").touch()
    with replacing(tmp_path / "t", overwrite=True):
        (tmp_path / "t").chmod(0o600)
    assert mode(tmp_path / "t") == 0o600


def test_the_owner_is_the_one_that_a_rewrite_leaves(tmp_path: Path) -> None:
    """Root leaves the owner and the group, as far as the machine lets it; anybody else owns what they replace."""
    path = tmp_path / "t"
    path.write_bytes(b"old")
    if os.getuid() == 0:
        os.chown(path, 65534, 12345)
    before = path.stat()
    with replacing(path, overwrite=True) as file:
        file.write(b"new")
    after = path.stat()
    assert (after.st_uid, after.st_gid, path.read_bytes()) == (before.st_uid, before.st_gid, b"new")


@pytest.mark.parametrize("name", ["\N{FROG FACE}" * 60, "\udcff" * 250, "n" * 99 + "\N{EURO SIGN}" * 50, "n" * 255])
def test_names_are_cut_by_bytes(tmp_path: Path, name: str) -> None:
    with replacing(tmp_path / name) as file:
        file.write(b"new")
        assert len(os.fsencode(temporary_in(tmp_path).name)) <= 255
    with new_folder(tmp_path / f"{name[:-1]}f") as folder:
        assert len(os.fsencode(folder.name)) <= 255
    assert names(tmp_path) == sorted([name, f"{name[:-1]}f"])


# ------------------------------------------------------------------------------------------------ never replaced


def write_file(path: Path, number: int, meet: Callable[[], object]) -> None:
    with replacing(path, overwrite=False) as file:
        file.write(b"%d" % number)
        meet()


def write_pair(path: Path, number: int, meet: Callable[[], object]) -> None:
    with replacing_together(overwrite=False) as group:
        group.new(path).write(b"%d" % number)
        group.new(path.with_suffix(".words")).write(b"%d" % number)
        meet()


def write_folder(path: Path, number: int, meet: Callable[[], object]) -> None:
    with new_folder(path) as folder:
        (folder / "inside").write_bytes(b"%d" % number)
        meet()


@pytest.mark.parametrize(
    ("write", "kind", "message"),
    [
        (write_file, FileExistsError, EXISTS),
        (write_pair, FileExistsError, EXISTS),
        (write_folder, EmbstoreError, "exists already, and a folder is never replaced: remove it first"),
    ],
)
@pytest.mark.parametrize("supported", [True, False])
def test_one_of_six_writers_wins(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    write: Callable[[Path, int, Callable[[], object]], None],
    kind: type[Exception],
    message: str,
    supported: bool,
) -> None:
    if not supported:  # as on a system without the call
        monkeypatch.setattr(renaming, "_renameat2", lambda: None)
    path, barrier, errors = tmp_path / "t", threading.Barrier(6), []

    def run(number: int) -> None:
        try:
            write(path, number, barrier.wait)
        except kind as error:
            errors.append(str(error))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == [f"{path}: {message}"] * 5
    written = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert len(set(written)) == 1
    expected = ["t", "t.words"] if write is write_pair else ["t"]
    assert names(tmp_path) == expected


@pytest.mark.parametrize("supported", [True, False])
def test_a_file_that_comes_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, supported: bool) -> None:
    if not supported:
        monkeypatch.setattr(renaming, "_renameat2", lambda: None)
    path = tmp_path / "t"
    with pytest.raises(FileExistsError) as caught, replacing(path, overwrite=False):
        path.write_bytes(b"other")
    assert str(caught.value) == f"{path}: {EXISTS}"
    assert (names(tmp_path), path.read_bytes()) == (["t"], b"other")
    with pytest.raises(FileExistsError), replacing(tmp_path / "link", overwrite=False):
        (tmp_path / "link").symlink_to("nowhere")
    assert names(tmp_path) == ["link", "t"]


def test_words_that_come_meanwhile_stay(tmp_path: Path) -> None:
    words = tmp_path / "t.words"
    with pytest.raises(FileExistsError) as caught, replacing_together(overwrite=False) as group:  # noqa: PT012
        group.new(tmp_path / "t").write(b"new")
        group.new(words).write(b"new")
        words.write_bytes(b"other")
    assert str(caught.value) == f"{words}: {EXISTS}"
    assert (names(tmp_path), words.read_bytes()) == (["t.words"], b"other")


@pytest.mark.parametrize("there", ["file", "full", "empty"])
def test_a_folder_that_comes_meanwhile_stays(tmp_path: Path, there: str) -> None:
    path = tmp_path / "t"
    with pytest.raises(EmbstoreError) as caught, new_folder(path):  # noqa: PT012
        if there == "file":
            path.touch()
        else:
            path.mkdir()
            (path / "inside").touch() if there == "full" else None
    assert str(caught.value) == f"{path}: exists already, and a folder is never replaced: remove it first"
    assert names(tmp_path) == ["t"]


def test_an_empty_folder_is_filled_if_it_is_still_empty(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.mkdir()
    with new_folder(path) as folder:
        (folder / "inside").touch()
    assert names(path) == ["inside"]
    path = tmp_path / "u"
    path.mkdir()
    with pytest.raises(EmbstoreError), new_folder(path):
        (path / "other").touch()
    assert names(path) == ["other"]


# ------------------------------------------------------------------------------------------------------ left over

ABANDON = """
import os, signal, sys
from pathlib import Path
from embstore.files.atomic import replacing
from embstore.files.folder import new_folder
path = Path(sys.argv[1])
with replacing(path) as file, new_folder(path) as folder:
    (folder / "inside").touch()
    if sys.argv[2] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    print(flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("write", [write_file, write_folder])
def test_what_a_kill_left_is_removed_by_the_next_writer_of_the_same_target(
    tmp_path: Path, write: Callable[[Path, int, Callable[[], object]], None]
) -> None:
    assert run_code(ABANDON, tmp_path / "t", "kill").returncode == -9
    assert run_code(ABANDON, tmp_path / "t2", "kill").returncode == -9
    other = sorted(path.name for path in tmp_path.glob(".t2.*"))
    assert (len(names(tmp_path)), len(other)) == (4, 2)
    write(tmp_path / "t", 1, lambda: None)
    assert names(tmp_path) == [*other, "t"]


def test_temporary_files_of_a_living_writer_are_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "t"
    with replacing(path, overwrite=True) as file, temporary_folder(path) as folder:
        file.write(b"first")
        (folder / "inside").touch()
        before = names(tmp_path)
        output_of("import sys, embstore; embstore.save(sys.argv[1], ['a'], [[1.0]])", path)
        assert names(tmp_path) == [*before, "t"]
        assert names(folder) == ["inside"]
    assert (names(tmp_path), path.read_bytes()) == (["t"], b"first")


def test_files_of_users_are_not_taken_for_temporary_ones(tmp_path: Path) -> None:
    kept = [".t.0123456789ab.tmp.txt", ".t.0123456789AB.tmp", ".t.tmp", ".u.0123456789ab.tmp", ".t.x.0123456789ab.tmp"]
    for name in kept:
        (tmp_path / name).touch()
    os.mkfifo(tmp_path / ".t.0123456789ab.tmp")
    (tmp_path / ".t.0123456789cd.tmp").symlink_to("nowhere")
    write_file(tmp_path / "t", 1, lambda: None)
    assert names(tmp_path) == sorted([*kept, ".t.0123456789ab.tmp", ".t.0123456789cd.tmp", "t"])


# ---------------------------------------------------------------------------------------------------------- folders


def test_folders_that_cannot_be_flushed_are_no_failure(tmp_path: Path) -> None:
    flush_folder(Path("/proc"), "t")  # refuses fsync
    code = (
        "import os, sys\nfrom pathlib import Path\nimport embstore.files.atomic as atomic\n"
        "if os.getuid() == 0:\n    os.setgid(65534)\n    os.setuid(65534)\n"
        "with atomic.replacing(Path(sys.argv[1])) as file:\n    file.write(b'new')\n"
    )
    folder = tmp_path / "folder"
    folder.mkdir()
    for parent in (folder, *folder.parents):
        if parent == Path("/tmp"):
            break
        parent.chmod(0o777)
    folder.chmod(0o333)  # it may be written, and not read
    output_of(code, folder / "t")
    folder.chmod(0o777)
    assert [path.read_bytes() for path in folder.iterdir()] == [b"new"]


def test_embstore_never_replaces_without_being_told(tmp_path: Path) -> None:
    path = tmp_path / "s.safetensors"
    embstore.save(path, ["a"], np.zeros((1, 2)))
    with pytest.raises(FileExistsError) as caught:
        embstore.merge([path], path)
    assert str(caught.value) == f"{path}: {EXISTS}"


def test_a_folder_of_somebody_with_a_temporary_name_stays(tmp_path: Path) -> None:
    folder = tmp_path / ".t.0123456789ab.tmp"
    folder.mkdir(mode=0o755)
    (folder / "precious").touch()
    write_file(tmp_path / "t", 1, lambda: None)
    assert (folder / "precious").exists()


def test_an_access_control_list_is_kept(tmp_path: Path) -> None:
    """Version 2; entries of tag, permissions and id: owner rw, user 65534 rw, group none, mask rw, others none."""
    path = tmp_path / "t"
    path.touch()
    entries = [(1, 6, -1), (2, 6, 65534), (4, 0, -1), (16, 6, -1), (32, 0, -1)]
    access = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    os.setxattr(path, "system.posix_acl_access", access)
    with replacing(path) as file:
        file.write(b"new")
    assert os.getxattr(path, "system.posix_acl_access") == access
