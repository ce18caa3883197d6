"""The tables generated from stored benchmark results; nothing is measured here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.paths import ROOT

TABLE = ROOT / "benchmarks" / "table.py"
SAMPLE = {
    "machine": {
        "cpu": "A CPU",
        "cores": 2,
        "system": "Linux x86_64",
        "python": "3.11.7",
        "packages": {"embstore": "0.1.0", "gensim": "4.4.0"},
    },
    "parts": {
        "text": {
            "title": "Some text",
            "baseline": "embstore",
            "rounds": 3,
            "columns": {"process_seconds": "whole process", "peak_bytes": "peak memory", "text_rate": "text read"},
            "cases": {
                "gensim": {"process_seconds": [25.04, 24.1, 31.0], "peak_bytes": [500_000_000, 500_000_000, 1.5e9]},
                "embstore": {
                    "process_seconds": [0.5, 0.4, 0.612],
                    "peak_bytes": [100_000_000, 100_000_000, 100_000_000],
                    "text_rate": [0.9e9, 1.0e9, 1.11e9],
                },
            },
        },
        "opening": {
            "title": "Open",
            "baseline": "embstore",
            "rounds": 1,
            "columns": {"open_seconds": "open", "anonymous_bytes": "memory"},
            "cases": {
                "embstore": {"open_seconds": [0.0003], "anonymous_bytes": [4096]},
                "numpy": {"open_seconds": [0.12], "anonymous_bytes": [60_000_000]},
            },
        },
    },
}
SHOWN = """\
Medians (minimum to maximum); in bold the ratio to the first row (2x: twice as much). Measured interleaved on 2 cores \
(A CPU, Linux x86_64), Python 3.11.7, embstore 0.1.0, gensim 4.4.0.

| Some text, 3 rounds | whole process | peak memory | text read |
| --- | --- | --- | --- |
| embstore | 500 ms (400 to 612) | 100 MB (100 to 100) | 1 GB/s (0.9 to 1.11) |
| gensim | 25 s (24.1 to 31) **50.1x** | 500 MB (500 to 1,500) **5x** |  |

| Open, 1 round | open | memory |
| --- | --- | --- |
| embstore | 300 µs (300 to 300) | 4.1 kB (4.1 to 4.1) |
| numpy | 120 ms (120 to 120) **400x** | 60 MB (60 to 60) |
"""
HIGHLIGHTS = """\
| on 2 cores (A CPU) | embstore | times as long |
| --- | --- | --- |
| GloVe text, 171 MB, to a finished store; the others read it into memory | 500 ms | gensim **50.1x** |
| open, first vector | 300 µs | numpy **400x** |
"""


@pytest.fixture
def results(tmp_path: Path) -> Path:
    path = tmp_path / "results.json"
    path.write_text(json.dumps(SAMPLE), encoding="utf-8")
    return path


def run_table(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, TABLE, *arguments]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env={"PYTHONIOENCODING": "utf-8"})


def test_the_table_of_stored_results(results: Path) -> None:
    done = run_table(results)
    assert (done.stdout, done.stderr, done.returncode) == (SHOWN, "", 0)


def checkout(folder: Path, text: str) -> Path:
    (folder / "benchmarks").mkdir()
    for name in ("README.md", "benchmarks/README.md"):
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_the_tables_are_written_between_the_marks_of_the_readmes(results: Path, tmp_path: Path) -> None:
    folder = checkout(tmp_path, "above\n<!-- benchmark -->\nold\n<!-- benchmark -->\nbelow\n")
    for _ in range(2):
        assert run_table(results, "--write", folder).returncode == 0
        for name, shown in (("README.md", HIGHLIGHTS), ("benchmarks/README.md", SHOWN)):
            expected = f"above\n<!-- benchmark -->\n{shown}<!-- benchmark -->\nbelow\n"
            assert (folder / name).read_text(encoding="utf-8") == expected


def test_a_readme_without_marks_is_unchanged(results: Path, tmp_path: Path) -> None:
    folder = checkout(tmp_path, "above\n")
    done = run_table(results, "--write", folder)
    assert (done.stderr, done.returncode) == (f"{folder}/README.md: 0 lines <!-- benchmark -->, expected 2\n", 1)
    assert (folder / "README.md").read_text(encoding="utf-8") == "above\n"


def test_the_readmes_show_the_committed_results(tmp_path: Path) -> None:
    names = ("README.md", "benchmarks/README.md")
    folder = checkout(tmp_path, "")
    for name in names:
        (folder / name).write_bytes((ROOT / name).read_bytes())
    assert run_table(TABLE.with_name("results.json"), "--write", folder).returncode == 0
    for name in names:
        assert (folder / name).read_text(encoding="utf-8") == (ROOT / name).read_text(encoding="utf-8")
