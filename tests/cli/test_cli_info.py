"""`embstore info`: its output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from click.testing import CliRunner
from numpy.typing import NDArray

import embstore
from embstore.cli.info import info_command
from embstore.core.errors import FormatError

TEXT = "the 0.5 1\nfrog -1 2.25\ngrün 3e-05 0\n"


@pytest.fixture(autouse=True)
def _in_a_folder_with_a_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.txt").write_text(TEXT, encoding="utf-8")


def info(*arguments: str) -> str:
    done = CliRunner().invoke(info_command, arguments, catch_exceptions=False)
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout


def test_of_a_store() -> None:
    embstore.convert("t.txt", "t.safetensors", oov="lower,hash:4", padding=True)
    known = json.loads(info("t.safetensors", "--json"))
    assert {name: value for name, value in known.items() if not name.startswith("embstore.")} == {
        "path": "t.safetensors",
        "format": "store",
        "bytes": Path("t.safetensors").stat().st_size,
        "rows": 3,
        "special": 5,
        "dim": 2,
        "dtype": "float32",
        "tokens": ["the", "frog", "grün"],
    }
    assert known["embstore.source.name"] == "t.txt"
    assert known["embstore.oov"] == "lower,hash:4"
    assert known["embstore.hash"] == "xxh64"
    lines = info("t.safetensors").splitlines()
    assert lines[1].split() == ["format", "store"]
    assert len({line.index(line.split()[1], len(line.split()[0])) for line in lines[:5]}) == 1  # one column


def test_of_a_text() -> None:
    assert info("t.txt").splitlines() == [
        "path    t.txt",
        "format  glove",
        f"bytes   {len(TEXT.encode())}",
        "rows    unknown (`--count` reads the file to count them)",
        "dim     2",
        "dtype   float32",
        "tokens  the frog grün",
    ]
    assert info("t.txt", "--count").splitlines()[3] == "rows    3"
    assert json.loads(info("t.txt", "--count", "--json"))["rows"] == 3


def test_a_file_cannot_write_on_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "escape.txt").write_bytes(b"\x1b[2J\x07 1 2\nb\xe2\x80\xaec 1 2\n")
    assert info("escape.txt").splitlines()[-1] == r"tokens  \x1b[2J\x07 b\u202ec"


def test_bytes_that_are_not_utf8_come_out_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes(b"gr\xfcn 1 2\n")
    done = CliRunner().invoke(info_command, ["latin.txt"], catch_exceptions=False)
    assert done.stdout_bytes.endswith(b"tokens  gr\xfcn\n")


def test_whole_numbers_need_a_dtype(tmp_path: Path) -> None:
    np.save(tmp_path / "i.npy", np.zeros((1, 4), np.int64))
    (tmp_path / "i.vocab.txt").write_text("a\n")
    assert json.loads(info("i.npy", "--dtype", "float16", "--json"))["dtype"] == "float16"
    with pytest.raises(FormatError, match="`dtype='float32'` converts them"):
        info("i.npy")


def test_tensors_are_listed_if_the_table_is_ambiguous(tmp_path: Path) -> None:
    tensors: dict[str, NDArray[Any]] = {"a\x1b": np.zeros((3, 4), np.float32), "bc": np.zeros((5, 4), np.float16)}
    safetensors.numpy.save_file(tensors, tmp_path / "two.safetensors")
    size = (tmp_path / "two.safetensors").stat().st_size
    listed = json.loads(info("two.safetensors", "--json"))
    assert listed.pop("table").startswith("not determined: ")
    assert listed == {
        "path": "two.safetensors",
        "format": "safetensors",
        "bytes": size,
        "tensors": {"a\x1b": "F32 3 x 4", "bc": "F16 5 x 4"},
    }
    assert sorted(info("two.safetensors").splitlines()[-2:]) == [r"a\x1b  F32 3 x 4", "bc     F16 5 x 4"]
    with pytest.raises(FormatError, match="no tensor 'zz'"):
        info("two.safetensors", "--key", "zz")
