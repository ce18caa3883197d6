"""Many writers of the same targets at once: none loses its temporary files to another, and pairs stay pairs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

WRITER = """
import os, sys
from pathlib import Path
from embstore.files.atomic import replacing, replacing_together
from embstore.files.folder import temporary_folder
folder = Path(sys.argv[1])
for _ in range(50):
    with replacing(folder / "file", overwrite=True) as file:
        file.write(b"whole")
    with temporary_folder(folder / "file") as inside:
        (inside / "inside").touch()
    with replacing_together(overwrite=True) as group:
        data = os.urandom(8)
        group.new(folder / "matrix").write(data)
        group.new(folder / "words").write(data)
"""


def test_six_processes_replace_the_same_files(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-c", WRITER, str(tmp_path)]
    writers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(6)]
    ended = [(writer.communicate(timeout=120)[1], writer.returncode) for writer in writers]
    assert ended == [("", 0)] * 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "matrix", "words"]
    assert (tmp_path / "matrix").read_bytes() == (tmp_path / "words").read_bytes()
