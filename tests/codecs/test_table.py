"""What `embstore formats` says of each format, proved by doing it."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
from support.archives import PACKERS, zipped
from support.codecs import codecs_that
from support.goldens import copy_golden
from support.running import Run
from support.tables import saved

import embstore
from embstore.codecs.registry.detection import sniff
from embstore.codecs.registry.table import CODECS, Codec
from embstore.core.errors import EmbstoreError, FormatError
from embstore.files.input import Input

ALL = codecs_that(lambda codec: True)
FILES = codecs_that(lambda codec: codec.reads and codec.suffixes)
COLUMNS = ("reads", "writes", "mapped", "compressed")
pytestmark = pytest.mark.filterwarnings("ignore:rows not of length 1:embstore.EmbstoreWarning")


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    return saved(tmp_path / "source.safetensors", ["the", "frog"], np.array([[1, 2], [3, 4]], np.float32))


def sample(codec: Codec, store_path: Path, folder: Path) -> Path:
    """Make a file of a format: write it, or take a golden one of a format that is read only."""
    path = folder / f"table{codec.suffixes[0] if codec.suffixes else ''}"
    if codec.writes:
        embstore.convert(store_path, path, to=codec.name)
    else:
        copy_golden(codec, path)
    return path


UNPACK = {
    "gz": "`gunzip -c {packed} > {path}` unpacks it",
    "bz2": "`bunzip2 -c {packed} > {path}` unpacks it",
    "xz": "`xz -d -c {packed} > {path}` unpacks it",
    "zst": "unpack it first",
    "zip": "`import zipfile; zipfile.ZipFile('{packed}').extract('{path.name}')` unpacks it",
}


@pytest.mark.parametrize("codec", ALL)
def test_modules_have_what_the_table_says(codec: Codec) -> None:
    module = importlib.import_module(f"embstore.codecs.{codec.module}")
    assert (hasattr(module, "read"), hasattr(module, "write")) == (codec.reads, codec.writes)
    assert codec.reads or not (codec.mapped or codec.compressed or codec.options or codec.magic or codec.folder)
    assert not (codec.folder and codec.compressed)


@pytest.mark.parametrize("codec", ALL)
def test_writes(codec: Codec, store_path: Path, tmp_path: Path) -> None:
    if codec.writes:
        embstore.convert(store_path, tmp_path / "out", to=codec.name)
        assert (tmp_path / "out").exists()
        return
    with pytest.raises(EmbstoreError) as caught:
        embstore.convert(store_path, tmp_path / "out", to=codec.name)
    assert str(caught.value) == f"the format {codec.name} is read only"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("codec", ALL)
def test_reads_and_mapped(codec: Codec, store_path: Path, tmp_path: Path) -> None:
    path = sample(codec, store_path, tmp_path)
    if not codec.reads:
        with pytest.raises(EmbstoreError) as caught:
            embstore.open(path, format=codec.name)
        assert str(caught.value) == f"{path}: the format {codec.name} can be written but not read"
        return
    table = embstore.open(path, format=codec.name)
    assert table.mapped is codec.mapped
    if codec.writes:
        assert list(table.itos) == ["the", "frog"]
        assert table.vectors.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("suffix", [*PACKERS, "zip"])
@pytest.mark.parametrize("codec", FILES)
def test_compressed(codec: Codec, suffix: str, store_path: Path, tmp_path: Path) -> None:
    path = sample(codec, store_path, tmp_path)
    packed, whole = path.with_name(f"{path.name}.{suffix}"), path.read_bytes()
    packed.write_bytes(zipped({path.name: whole}) if suffix == "zip" else PACKERS[suffix](whole))
    if codec.compressed:
        table = embstore.open(packed)
        assert sniff(Input(packed)) is codec
        assert (list(table.itos), table.vectors.tolist()) == (["the", "frog"], [[1, 2], [3, 4]])
        return
    if (codec.name, suffix) == ("npy", "zip"):  # which is an .npz
        assert sniff(Input(packed)).name == "npz"
        return
    with pytest.raises(FormatError) as caught:
        embstore.open(packed)
    readable = ", ".join(other.name for other in CODECS.values() if other.compressed)
    reason = f"{codec.name} in a compressed file, expected one of {readable}: "
    assert str(caught.value).startswith(f"{packed}: {reason}")
    assert str(caught.value).removeprefix(f"{packed}: {reason}") == UNPACK[suffix].format(path=path, packed=packed)
    with pytest.raises(FormatError):
        embstore.open(packed, format=codec.name)


def test_the_printed_table_says_the_same(run: Run) -> None:
    header, *lines = [line.split() for line in run("formats")[1].splitlines()]
    assert header[1:5] == list(COLUMNS)
    printed = {line[0]: dict(zip(COLUMNS, line[1:5], strict=True)) for line in lines}
    flags = {True: "yes", False: "-"}
    assert printed == {codec.name: {name: flags[getattr(codec, name)] for name in COLUMNS} for codec in CODECS.values()}
