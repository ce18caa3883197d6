"""The command line at a terminal, with closed or full streams, and shell completion."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path

import numpy as np
import pytest
from support.running import EMBSTORE, output_of, run_code, run_shell

import embstore


@pytest.fixture
def folder_of_tables(tmp_path: Path) -> Path:
    (tmp_path / "odd.txt").write_bytes(b"the 0.5 1\nthe 3 4\n\nfrog -1 2.25\n")
    embstore.save(tmp_path / "t.safetensors", ["the"], [[0.5, 1.0]])
    return tmp_path


def at_terminal(folder: Path, *arguments: str) -> str:
    """Run `embstore` with a terminal as stdout and stderr; return the text that the terminal received."""
    reader, writer = pty.openpty()
    process = subprocess.Popen([*EMBSTORE, *arguments], cwd=folder, stdout=writer, stderr=writer)
    os.close(writer)
    got = b""
    try:
        while block := os.read(reader, 65536):
            got += block
    except OSError:  # Linux raises it once the other end is closed
        pass
    os.close(reader)
    assert process.wait(timeout=60) == 0
    return got.decode()


def test_warnings_and_the_report_come_below_the_progress_bar(folder_of_tables: Path) -> None:
    lines = at_terminal(folder_of_tables, "convert", "odd.txt", "u.safetensors").split("\r\n")
    assert "100%" in lines[0]
    assert sorted(lines[1:3]) == [
        "warning: empty lines left out: 1, the first line 3",
        "warning: repeated tokens: 1, the first 'the'",
    ]
    assert lines[3].startswith("u.safetensors: 2 x 2 float32, 4.2 kB in 0.")
    assert lines[3].endswith(" s; 1 repeated")
    assert lines[4:] == [""]


def test_quiet_draws_nothing(folder_of_tables: Path) -> None:
    assert at_terminal(folder_of_tables, "convert", "t.safetensors", "u.txt", "--quiet") == ""


def test_query_escapes_words_only_at_a_terminal(folder_of_tables: Path) -> None:
    embstore.save(folder_of_tables / "evil.safetensors", ["\x1b[2J", "a\nb"], [[0.5, 1.0], [2.0, 3.0]])
    asked = ["query", "evil.safetensors", "\x1b[2J", "a\nb"]
    assert at_terminal(folder_of_tables, *asked) == "\\x1b[2J 0.5 1\r\na\\nb 2 3\r\n"
    assert run_shell(folder_of_tables, "query evil.safetensors $'\\x1b[2J'") == (0, "\x1b[2J 0.5 1\n", "")
    asked_again = "query evil.safetensors $'a\\nb'"
    message = "error: the word 'a\\nb' contains a line break: `--json` and `--format npy` print its vector\n"
    assert run_shell(folder_of_tables, asked_again) == (1, "", message)
    assert run_shell(folder_of_tables, f"{asked_again} --json > object") == (0, "", "")
    assert json.loads((folder_of_tables / "object").read_text())["vectors"] == {"a\nb": [2, 3]}
    assert run_shell(folder_of_tables, f"{asked_again} --format npy > array") == (0, "", "")
    assert np.load(folder_of_tables / "array").tolist() == [[2, 3]]
    assert (
        run_shell(folder_of_tables, "query evil.safetensors $'a\\nb' --json")[1]
        == '{"vectors": {"a\\nb": [2.0, 3.0]}, "unknown": []}\n'
    )


def test_no_progress_off_a_terminal(folder_of_tables: Path) -> None:
    code, out, err = run_shell(folder_of_tables, "info odd.txt --count")
    assert (code, err) == (0, "")
    assert "rows    3\n" in out


def test_a_full_disk_is_one_line(folder_of_tables: Path) -> None:
    full = (1, "", "error: standard output: No space left on device\n")
    assert run_shell(folder_of_tables, "formats > /dev/full") == full
    assert run_shell(folder_of_tables, "query t.safetensors the > /dev/full") == full


def test_closed_streams_are_empty_and_closed_output_is_an_error(folder_of_tables: Path) -> None:
    error = "error: standard output: Bad file descriptor\n"
    assert run_shell(folder_of_tables, "query t.safetensors the >&-") == (1, "", error)
    assert run_shell(folder_of_tables, "query t.safetensors the - <&-") == (0, "the 0.5 1\n", "")
    assert run_shell(folder_of_tables, "query t.safetensors qzxv 2>&-") == (3, "", "")
    assert run_shell(folder_of_tables, "convert odd.txt u.safetensors 2>&-") == (0, "", "")
    assert list(embstore.open(folder_of_tables / "u.safetensors").itos) == ["the", "frog"]
    assert run_shell(folder_of_tables, "info t.safetensors --count --json <&- 2>&- | head -c 8") == (0, '{"path":', "")
    assert run_shell(folder_of_tables, "verify none 2>&-") == (1, "", "")


def test_a_pipe_that_closes_early_is_quiet(folder_of_tables: Path) -> None:
    code, out, err = run_shell(folder_of_tables, "formats | head -1; exit ${PIPESTATUS[1]}")
    assert (code, len(out.splitlines()), err) == (0, 1, "")


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("embstore ver", ["verify"]),
        ("embstore convert --dtype ", ["float32", "float16", "bfloat16", "int8"]),
        ("embstore convert --from gl", ["glove"]),
        ("embstore query --form", ["--format"]),
    ],
)
def test_the_shell_completes(words: str, offered: list[str]) -> None:
    environment = {
        **os.environ,
        "_EMBSTORE_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    done = subprocess.run(EMBSTORE, env=environment, capture_output=True, text=True)
    assert done.stdout.splitlines() == [f"plain,{word}" for word in offered]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_and_version_load_little(arguments: list[str]) -> None:
    code = "import sys\nfrom embstore.cli.main import run\n"
    code += "run(sys.argv[1:])\nprint(sorted({'numpy', 'torch'} & set(sys.modules)))"
    assert output_of(code, *arguments).splitlines()[-1] == ("[]" if arguments == ["--help"] else "['numpy']")


def test_an_unexpected_end_of_file_is_not_reported_as_ctrl_c(folder_of_tables: Path) -> None:
    code = (
        "import sys, embstore.store.store, embstore.cli.main\n"
        "embstore.store.store.Store.rows = lambda *_: (_ for _ in ()).throw(EOFError('cut'))\n"
        "sys.exit(embstore.cli.main.run(['query', 't.safetensors', 'the']))"
    )
    done = run_code(code, cwd=folder_of_tables)
    assert (done.returncode, done.stdout) == (1, "")
    expected = "error: internal error, please report it: EOFError: cut (`EMBSTORE_DEBUG=1` shows where)\n"
    assert done.stderr.lstrip("\n") == expected


def test_debugging_shows_the_traceback(folder_of_tables: Path) -> None:
    environment = {**os.environ, "EMBSTORE_DEBUG": "1"}
    command = [*EMBSTORE, "query", "none", "the"]
    done = subprocess.run(command, cwd=folder_of_tables, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback (most recent call last):\n")
    assert done.stderr.endswith("FileNotFoundError: [Errno 2] No such file or directory: 'none'\n")
