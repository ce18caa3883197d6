"""The commands: their exact output on stdout and stderr, and their exit codes."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from support.running import Run

import embstore
from embstore.cli.main import COMMANDS, main

TEXT = "the 0.5 1\nfrog -1 2.25\ngrün 3e-05 0\n"


@pytest.fixture(autouse=True)
def _tables(tmp_path: Path) -> None:
    """Write a table as text and as a store."""
    (tmp_path / "t.txt").write_text(TEXT, encoding="utf-8")
    embstore.convert(tmp_path / "t.txt", tmp_path / "t.safetensors")


def test_convert_reports_on_stderr(run: Run) -> None:
    code, out, err = run("convert", "t.txt", "u.safetensors")
    assert (code, out) == (0, "")
    assert re.fullmatch(r"u\.safetensors: 3 x 2 float32, 4\.2 kB in 0\.\d\d s\n", err)
    assert run("convert", "t.txt", "u.safetensors", "--overwrite", "--quiet") == (0, "", "")


def test_convert_prints_one_object(run: Run, tmp_path: Path) -> None:
    code, out, err = run("convert", "t.txt", "u.safetensors", "--json", "--dtype", "float16", "--limit", "2")
    report = json.loads(out)
    assert 0 < report.pop("seconds") < 60
    assert (code, err) == (0, "")
    assert report == {
        "source": "t.txt",
        "target": "u.safetensors",
        "rows": 2,
        "dim": 2,
        "dtype": "float16",
        "duplicates": 0,
        "skipped": 0,
        "nonfinite": 0,
        "bytes": (tmp_path / "u.safetensors").stat().st_size,
        "findings": [],
        "requested": None,
        "found": None,
        "missing": [],
        "missing_count": 0,
        "filled": {},
    }


def test_convert_prints_one_line_per_warning(run: Run, tmp_path: Path) -> None:
    (tmp_path / "odd.txt").write_text("a 1 2\na 3 4\n\nb nan 1\nc 1\n", encoding="utf-8")
    code, out, err = run("convert", "odd.txt", "u.safetensors", "--on-error", "skip", "--json")
    assert (code, json.loads(out)["rows"], json.loads(out)["skipped"], json.loads(out)["duplicates"]) == (0, 2, 1, 1)
    assert sorted(err.splitlines()) == sorted(f"warning: {message}" for message in json.loads(out)["findings"])
    assert len(err.splitlines()) == 4


def test_convert_writes_the_rows_of_a_policy(run: Run) -> None:
    assert run("convert", "t.txt", "u.safetensors", "--quiet", "--oov", "lower,hash:5", "--padding") == (0, "", "")
    with embstore.open("u.safetensors") as store:
        assert (len(store), store.weight.shape, store.metadata["embstore.oov"]) == (3, (9, 2), "lower,hash:5")


def test_convert_keeps_only_the_words_of_vocab_only(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("frog\nqzxv\n", encoding="utf-8")
    assert run("convert", "t.txt", "u.safetensors", "--quiet", "--vocab-only", "mine", "--normalize")[0] == 0
    with embstore.open("u.safetensors") as store:
        assert list(store.itos) == ["frog"]
        assert np.linalg.norm(store["frog"].astype(np.float64)) == pytest.approx(1, abs=1e-7)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["convert", "t.txt", "t.safetensors"],
            "t.safetensors: exists already; `--overwrite` replaces it",
        ),
        (["convert", "none.txt", "u.safetensors"], "none.txt: No such file or directory"),
        (
            ["convert", ".", "u.safetensors"],
            ".: a folder that is not known as a table: name one of its files (t.safetensors, t.txt)",
        ),
        (["query", "none", "the"], "none: No such file or directory"),
        (["convert", "t.txt", "no/u.safetensors"], "no: no such folder to write into"),
    ],
)
def test_errors_are_one_line(run: Run, arguments: list[str], message: str) -> None:
    assert run(*arguments) == (1, "", f"error: {message}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["convert", "t.txt", "-"],
        ["convert", "t.txt", "-", "--to", "glove"],
        ["convert", "t.txt", "/dev/stdout", "--to", "glove", "--overwrite"],
        ["convert", "t.txt", "-", "--report-loss"],
        ["merge", "t.txt", "t.safetensors", "-", "--to", "npz"],
    ],
)
def test_output_is_written_to_a_named_file_only(run: Run, tmp_path: Path, arguments: list[str]) -> None:
    before = sorted(tmp_path.iterdir())
    target = next(word for word in arguments if word in ("-", "/dev/stdout"))
    message = (
        "a stream, expected the name of a file to write, as a file is written under a temporary name and renamed when "
        "it is complete"
    )
    assert run(*arguments) == (1, "", f"error: {target}: {message}\n")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["query"],
        ["query", "t.safetensors"],
        ["query", "t.safetensors", "the", "--json", "--format", "npy"],
        ["convert", "t.txt"],
        ["convert", "-", "u.safetensors"],
        ["convert", "t.txt", "u.safetensors", "--limit", "0"],
        ["convert", "t.txt", "u.safetensors", "--dtype", "int3"],
        ["convert", "t.txt", "u.safetensors", "--oov", "nonsense"],
        ["convert", "t.txt", "u.safetensors", "--from", "nonsense"],
    ],
)
def test_wrong_usage_is_exit_code_2(run: Run, arguments: list[str], tmp_path: Path) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert "Error: " in err
    assert "Traceback" not in err
    assert not (tmp_path / "u.safetensors").exists()


def test_query_prints_lines_of_glove(run: Run) -> None:
    assert run("query", "t.safetensors", "grün", "the") == (0, "grün 3e-05 0\nthe 0.5 1\n", "")
    assert run("query", "t.txt", "frog") == (0, "frog -1 2.25\n", "")


def test_query_names_unknown_words(run: Run) -> None:
    expected = "the 0.5 1\n", "unknown: qzxv\nunknown: Frog\n"
    assert run("query", "t.safetensors", "qzxv", "the", "Frog", "qzxv") == (3, *expected)


def test_query_prints_json(run: Run) -> None:
    code, out, err = run("query", "t.safetensors", "the", "qzxv", "grün", "--json")
    assert (code, err) == (3, "unknown: qzxv\n")
    assert json.loads(out) == {"vectors": {"the": [0.5, 1.0], "grün": [3e-05, 0.0]}, "unknown": ["qzxv"]}


def test_query_prints_null_for_nan(run: Run, tmp_path: Path) -> None:
    (tmp_path / "nan.txt").write_text("a nan 1\nb inf 2\n", encoding="utf-8")
    assert json.loads(run("query", "nan.txt", "a", "b", "--json")[1])["vectors"] == {"a": [None, 1.0], "b": [None, 2.0]}


def test_query_reads_words_from_stdin(run: Run, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run("query", "t.safetensors", "-", stdin=b"frog\r\n\nthe\n") == (0, "frog -1 2.25\nthe 0.5 1\n", "")
    with pytest.raises(SystemExit):
        main(["query", "t.safetensors", "frog", "the", "--format", "npy"])
    array = np.load(io.BytesIO(capfdbinary.readouterr().out))
    assert array.tolist() == [[-1.0, 2.25], [0.5, 1.0]]
    assert array.dtype == np.float32


def test_similar_and_analogy(run: Run) -> None:
    assert run("similar", "t.safetensors", "the", "-k", "1") == (0, "0.6357  frog\n", "")
    assert run("similar", "t.safetensors", "qzxv") == (3, "", "error: not in the vocabulary: 'qzxv'\n")
    found = json.loads(run("analogy", "t.safetensors", "the", "frog", "grün", "--json")[1])
    assert found == {"a": "the", "b": "frog", "c": "grün", "similar": []}


def test_verify(run: Run, tmp_path: Path) -> None:
    assert run("verify", "t.safetensors") == (0, "t.safetensors: 3 x 2 float32, all in order\n", "")
    data = bytearray((tmp_path / "t.safetensors").read_bytes())
    data[4096] ^= 1
    (tmp_path / "bad.safetensors").write_bytes(data)
    code, out, err = run("verify", "bad.safetensors")
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert "embedding.weight" in err
    code, out, err = run("verify", "bad.safetensors", "--json")
    assert (code, json.loads(out)["ok"], err) == (1, False, "")


def test_formats_lists_the_table(run: Run) -> None:
    lines = run("formats")[1].splitlines()
    assert lines[0].split() == ["name", "reads", "writes", "mapped", "compressed", "suffixes"]
    assert lines[1].split()[:6] == ["store", "yes", "yes", "yes", "-", ".safetensors"]
    listed = json.loads(run("formats", "--json")[1])["formats"]
    assert [entry["name"] for entry in listed] == [line.split()[0] for line in lines[1:]]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_usage_and_examples(run: Run, command: str) -> None:
    code, out, err = run(command, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"Usage: embstore {command} ")
    assert out.index("\n  Example") < out.index(f"\n    embstore {command}") < out.index("\nOptions:\n")
    assert command in run("--help")[1]


def test_version_says_which_functions_are_active(run: Run) -> None:
    assert run("--version") == (0, f"embstore {embstore.__version__} (compiled functions active)\n", "")
