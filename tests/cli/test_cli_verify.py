"""`embstore verify`: what is not a store is said to be none, with a command that makes one; damage is reported."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from support.running import Run, run_shell

import embstore

TABLE = {"the": [0.5, 1.0], "frog": [-1.0, 2.25]}


@pytest.fixture(autouse=True)
def _store(tmp_path: Path) -> None:
    embstore.save(tmp_path / "table.safetensors", list(TABLE), np.array(list(TABLE.values()), np.float32))


def write(folder: Path, name: str, to: str | None) -> None:
    """Write the table in another format, and nothing else."""
    embstore.convert(folder / "table.safetensors", folder / name, to=to)
    (folder / "table.safetensors").unlink()


@pytest.mark.parametrize(
    ("name", "to", "found", "made"),
    [
        ("x.txt", None, "glove", "x.safetensors"),
        ("x.npy", None, "npy", "x.safetensors"),
        ("x.npz", None, "npz", "x.safetensors"),
        ("a b.vec", None, "word2vec", "'a b.safetensors'"),
        ("plain.safetensors", "safetensors", "safetensors", "plain-2.safetensors"),
        ("model", "model2vec", "safetensors", "model.safetensors"),
    ],
)
def test_the_command_makes_a_store(run: Run, tmp_path: Path, name: str, to: str | None, found: str, made: str) -> None:
    write(tmp_path, name, to)
    command = f"embstore convert {repr(name) if ' ' in name else name} {made}"
    message = f"{name}: not a store ({found}): verify checks stores; `{command}` makes one of it"
    assert run("verify", name) == (1, "", f"error: {message}\n")
    code, out, err = run("verify", name, "--json")
    assert (code, json.loads(out), err) == (1, {"path": name, "ok": False, "error": message}, "")
    typed = re.findall("`embstore (.*)`", message)[0]
    assert run_shell(tmp_path, typed)[0] == 0
    path = made.strip("'")
    store = embstore.open(tmp_path / path)
    assert {word: store[word].tolist() for word in TABLE} == TABLE
    assert run("verify", path)[0] == 0


def test_a_store_that_exists_is_not_overwritten(run: Run, tmp_path: Path) -> None:
    embstore.convert(tmp_path / "table.safetensors", tmp_path / "table.txt")
    (tmp_path / "table-2.safetensors").touch()
    assert "`embstore convert table.txt table-3.safetensors`" in run("verify", "table.txt")[2]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "{path}: 0 bytes, too short for a safetensors file"),
        (bytes(100), "{path}:header: not the JSON of a safetensors header: Expecting value: line 1 column 1 (char 0)"),
    ],
)
def test_what_has_no_format_is_refused_as_before(run: Run, tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "x").write_bytes(data)
    assert run("verify", "x") == (1, "", f"error: {reason.format(path=tmp_path / 'x')}\n")


@pytest.mark.parametrize("position", [0, 20, 4090, -1])
def test_a_damaged_store_is_still_a_store(run: Run, tmp_path: Path, position: int) -> None:
    data = bytearray((tmp_path / "table.safetensors").read_bytes())
    data[position] ^= 1
    (tmp_path / "table.safetensors").write_bytes(data)
    code, out, err = run("verify", "table.safetensors")
    assert (code, out, "not a store (" in err) == (1, "", False)
    assert len(err.splitlines()) == 1
