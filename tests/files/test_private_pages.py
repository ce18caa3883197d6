"""Which bytes of a private mapping may differ from the file."""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from embstore.files import private_pages
from embstore.files.private_pages import private_ranges

PAGE = mmap.PAGESIZE
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux says which pages were written to")


@pytest.fixture
def mapped(tmp_path: Path) -> NDArray[np.uint8]:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * (PAGE // 256) * 8 + b"tail")
    with path.open("rb") as file:
        return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY), np.uint8)


@LINUX
def test_pages_that_were_only_read_are_the_files(mapped: NDArray[np.uint8]) -> None:
    assert private_ranges(mapped) == []
    assert int(mapped.sum(dtype=np.int64)) > 0
    assert private_ranges(mapped) == []
    assert private_ranges(mapped[:0]) == []


@LINUX
def test_written_pages_are_found_wherever_an_array_begins(mapped: NDArray[np.uint8]) -> None:
    mapped[2 * PAGE + 5] = 1
    mapped[3 * PAGE] = 1
    mapped[-1] = 1
    assert private_ranges(mapped) == [(2 * PAGE, 4 * PAGE), (8 * PAGE, 8 * PAGE + 4)]
    assert private_ranges(mapped[2 * PAGE + 100 : 3 * PAGE - 100]) == [(0, PAGE - 200)]
    assert private_ranges(mapped[PAGE + 7 : 2 * PAGE + 1]) == [(PAGE - 7, PAGE - 6)]
    assert private_ranges(mapped[: 2 * PAGE]) == []


@LINUX
def test_writes_of_other_code_are_found(mapped: NDArray[np.uint8]) -> None:
    read_only = mapped.view()
    read_only.flags.writeable = False
    ctypes.memset(read_only.ctypes.data + PAGE, 7, 1)
    assert private_ranges(read_only) == [(PAGE, 2 * PAGE)]


@LINUX
def test_a_child_process_sees_what_its_parent_wrote(mapped: NDArray[np.uint8]) -> None:
    mapped[0] = 1
    child = os.fork()
    if not child:
        os._exit(0 if private_ranges(mapped) == [(0, PAGE)] else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("there", [True, False])
def test_without_the_kernels_answer_all_bytes_may_differ(
    mapped: NDArray[np.uint8], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    if there:
        (tmp_path / "pagemap").write_bytes(b"short")
    monkeypatch.setattr(private_pages, "PAGEMAP", str(tmp_path / "pagemap"))
    assert private_ranges(mapped) == [(0, 8 * PAGE + 4)]
