"""Starting to write to disk early does not change the data."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from embstore.files import writeback
from embstore.files.writeback import STEP, Writeback


@pytest.mark.parametrize("supported", [True, False])
def test_file_and_position_are_unchanged(supported: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not supported:  # as on a system without the call
        monkeypatch.setattr(writeback, "_sync_file_range", lambda: None)
    block, path = bytes(range(256)) * (STEP // 1024), tmp_path / "t"
    with path.open("xb", buffering=0) as file:
        writes = Writeback(file)
        for count in range(1, 10):
            file.write(block)
            writes.advance(file.tell())
            assert file.tell() == count * len(block)
    assert path.read_bytes() == 9 * block


def test_linux_has_the_call_and_gets_the_arguments(tmp_path: Path) -> None:
    call = writeback._sync_file_range()
    if not sys.platform.startswith("linux"):
        assert call is None
        return
    assert call is not None
    with (tmp_path / "t").open("xb", buffering=0) as file:
        file.write(b"x" * 10_000)
        assert call(file.fileno(), 0, 10_000, writeback.WRITE) == 0
        assert call(file.fileno(), 0, 10_000, 1 << 20) == -1  # no such flag: the arguments arrive
