"""Beginning to write to the disk early changes nothing of what is written."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from embstore.files import writeback
from embstore.files.writeback import STEP, Writeback


@pytest.mark.parametrize("there", [True, False])
def test_the_file_and_its_position_stay_as_they_are(
    there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not there:  # as on a system without the call
        monkeypatch.setattr(writeback, "_sync_file_range", lambda: None)
    block, path = bytes(range(256)) * (STEP // 1024), tmp_path / "t"
    with path.open("xb", buffering=0) as file:
        early = Writeback(file)
        for count in range(1, 10):
            file.write(block)
            early.advance(file.tell())
            assert file.tell() == count * len(block)
    assert path.read_bytes() == 9 * block


def test_linux_has_the_call_and_takes_what_it_is_given(tmp_path: Path) -> None:
    call = writeback._sync_file_range()
    if not sys.platform.startswith("linux"):
        assert call is None
        return
    with (tmp_path / "t").open("xb", buffering=0) as file:
        file.write(b"x" * 10_000)
        assert call(file.fileno(), 0, 10_000, writeback.WRITE) == 0
        assert call(file.fileno(), 0, 10_000, 1 << 20) == -1  # no such flag: the arguments arrive
