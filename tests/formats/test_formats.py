"""The contract: what formats/ says must be read is read, what it says must be refused is refused, word for word."""

from __future__ import annotations

import json
import runpy
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest
from support.goldens import bits_of, read_golden, sidecars
from support.paths import FORMATS

import embstore
from embstore.files.input import Input
from embstore.files.stream import Stream

FOLDERS = sorted(path for path in FORMATS.iterdir() if path.is_dir() and path.name not in ("makers", "__pycache__"))
PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")
BY_LIBRARY = (
    ".h5",
    ".hdf5",
    ".h5ad",
    ".parquet",
    ".arrow",
    ".feather",
    ".magnitude",
)  # other versions of it write other bytes


def test_there_are_formats() -> None:
    assert {"glove", "hash", "store"} <= {folder.name for folder in FOLDERS}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_format_has_its_spec_and_goldens(folder: Path) -> None:
    assert (folder / "SPEC.md").read_text().startswith("# ")
    assert list((folder / "valid").iterdir())
    if folder.name != "hash":  # every string of bytes has a hash: nothing is invalid
        assert list((folder / "invalid").iterdir())


@pytest.mark.parametrize("kind", ["valid", "invalid"])
def test_every_golden_has_one_sidecar_and_is_small(kind: str) -> None:
    described: list[Path] = []
    for path in FORMATS.glob(f"*/{kind}/*.json"):
        sidecar = json.loads(path.read_text())
        if isinstance(sidecar, dict) and (sidecar.keys() & {"file", "sample"}):
            described.append(path.parent / (sidecar.get("file") or sidecar["sample"]))
    files = [path for path in FORMATS.glob(f"*/{kind}/*") if path.suffix != ".json"]
    assert sorted(described) == sorted(files)
    assert [path.name for path in files if path.stat().st_size > 8192] == (
        ["glove.6B.50d.sample.txt"] if kind == "valid" else []
    )


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize(("folder", "sidecar"), sidecars("valid"))
def test_valid_files_are_read(folder: Path, sidecar: Any) -> None:
    store, messages = read_golden(folder / sidecar["file"], sidecar)
    assert list(store.itos) == sidecar["tokens"]
    assert bits_of(store.vectors) == sidecar["bits"]
    assert messages == sidecar["warnings"]
    assert store.rows(sidecar["tokens"]).tolist() == list(range(len(store)))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        store.verify()
    found = [str(warning.message).removeprefix(f"{store.path}: ") for warning in caught]
    assert found == sidecar.get("when_verified", [])


def read_and_verify(path: Path, sidecar: Any) -> None:
    store, _ = read_golden(path, sidecar)
    assert sidecar.get("at") == "verify", "a file that must not open was opened"
    words = ["the", "frog", "toad", "", "nobody", "x" * 100]
    assert all(-1 <= row < len(store) for row in store.rows(words).tolist())  # wrong perhaps, but an answer
    store.verify()


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize(("folder", "sidecar"), sidecars("invalid"))
def test_invalid_files_are_refused(folder: Path, sidecar: Any) -> None:
    path = folder / sidecar["file"]
    with pytest.raises(embstore.FormatError) as caught:
        read_and_verify(path, sidecar)
    assert type(caught.value).__name__ == sidecar["error"]
    assert str(caught.value) == sidecar["message"].replace("{path}", str(path)).replace("{folder}", str(folder))
    assert "\n" not in str(caught.value)


def test_generate_writes_these_bytes_without_embstore(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "embstore"]:
        monkeypatch.setitem(sys.modules, name, None)  # importing it raises
    monkeypatch.syspath_prepend(str(FORMATS))
    monkeypatch.setattr(sys, "argv", ["generate.py", str(tmp_path)])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    runpy.run_path(str(FORMATS / "generate.py"), run_name="__main__")
    monkeypatch.undo()
    written = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    kept = {path.relative_to(FORMATS) for kind in ("valid", "invalid") for path in FORMATS.glob(f"*/{kind}/**/*")}
    kept = {path for path in kept if (FORMATS / path).is_file()}  # some are folders of files
    assert written == kept
    for golden in sorted(written):
        if golden.suffix not in BY_LIBRARY:
            assert content_of(tmp_path / golden) == content_of(FORMATS / golden), golden


def content_of(path: Path) -> Any:
    """What is in a file: compressors of other versions write other bytes."""
    if path.suffix not in PACKED or path.parent.name == "invalid":
        return path.read_bytes()
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    buffer = bytearray(4096)
    with Stream(Input(path)) as stream:
        return bytes(buffer[: stream.fill(memoryview(buffer))])
