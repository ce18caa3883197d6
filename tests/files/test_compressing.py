"""Text written compressed where its suffix says so: the same bytes each time, and nothing half written."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zstandard
from support.running import run_code
from support.tables import in_memory, source

import embstore
from embstore.codecs.registry.table import CODECS
from embstore.core.errors import FormatError

ROWS = {"the": [0.5, -1.5], "frog": [2.25, 3.0]}
UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.decompress,
    "bz2": bz2.decompress,
    "xz": lzma.decompress,
    "zst": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}
TEXTS = ["t.txt", "t.vec", "t.csv", "t.json", "t.jsonl"]


@pytest.mark.parametrize("suffix", UNPACK)
@pytest.mark.parametrize("name", TEXTS)
def test_the_suffix_decides(name: str, suffix: str, tmp_path: Path) -> None:
    store = in_memory(ROWS)
    embstore.convert(store, tmp_path / name)
    packed = tmp_path / f"{name}.{suffix}"
    report = embstore.convert(store, packed)
    assert UNPACK[suffix](packed.read_bytes()) == (tmp_path / name).read_bytes()
    assert report.bytes == packed.stat().st_size
    assert {word: found.tolist() for word in ROWS if (found := embstore.open(packed)[word]) is not None} == ROWS
    first = packed.read_bytes()
    embstore.convert(store, packed, overwrite=True)
    embstore.convert(store, tmp_path / f"other.{name}.{suffix}")
    assert packed.read_bytes() == first == (tmp_path / f"other.{name}.{suffix}").read_bytes()
    assert len(list(tmp_path.iterdir())) == 3


def test_a_format_that_is_named_is_compressed_too(tmp_path: Path) -> None:
    embstore.convert(in_memory(ROWS), tmp_path / "t.gz", to="word2vec")
    assert gzip.decompress((tmp_path / "t.gz").read_bytes()) == b"2 2\nthe 0.5 -1.5\nfrog 2.25 3\n"
    embstore.convert(in_memory(ROWS), tmp_path / "t.GZ", to="word2vec")
    assert (tmp_path / "t.GZ").read_bytes() == (tmp_path / "t.gz").read_bytes()


@pytest.mark.parametrize("name", ["t.npy.gz", "t.safetensors.zst", "t.parquet.xz", "t.bin.bz2"])
def test_other_formats_are_refused_by_name(name: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError) as caught:
        embstore.convert(in_memory(ROWS), tmp_path / name)
    format_name = {"npy": "npy", "safetensors": "store", "parquet": "parquet", "bin": "word2vec-bin"}[
        name.split(".")[1]
    ]
    packed = "only glove, word2vec, csv, json, jsonl are"
    reason = f"{format_name} is not written compressed, {packed}: leave {Path(name).suffix} out"
    assert str(caught.value) == f"{tmp_path / name}: {reason}"
    assert not list(tmp_path.iterdir())


def test_what_would_be_read_as_another_format_is_refused(tmp_path: Path) -> None:
    """The text is checked, not its compressed bytes."""
    with pytest.raises(FormatError) as caught:
        CODECS["glove"].writer().write(tmp_path / "t.txt.gz", source([b"PAR1"], np.ones((1, 2), np.float32)))
    reason = "the first bytes, 'PAR1 1 1\\n', would be read as parquet; a store keeps them"
    assert str(caught.value) == f"{tmp_path / 't.txt.gz'}: {reason}"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", UNPACK)
def test_nothing_is_left_behind_by_an_error(suffix: str, tmp_path: Path) -> None:
    (tmp_path / "s.txt").write_text("the 1 2\n" * 10 + "of 1\n")
    with pytest.raises(FormatError) as caught:
        embstore.convert(tmp_path / "s.txt", tmp_path / f"t.vec.{suffix}")
    assert str(caught.value).startswith(f"{tmp_path / 's.txt'}:11: ")
    assert [path.name for path in tmp_path.iterdir()] == ["s.txt"]


WITHOUT = """
import sys
sys.modules["zstandard"] = None
import embstore
try:
    embstore.convert("missing.txt", "t.txt.zst")
except FileNotFoundError:
    pass
(__import__("pathlib").Path("s.txt")).write_text("the 1 2\\n")
try:
    embstore.convert("s.txt", "t.txt.zst")
except embstore.MissingDependencyError as error:
    print(error)
"""


def test_the_missing_package_is_named(tmp_path: Path) -> None:
    done = run_code(WITHOUT, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "a .zst file needs the package zstandard: `pip install zstandard`\n",
        "",
    )
    assert [path.name for path in tmp_path.iterdir()] == ["s.txt"]
