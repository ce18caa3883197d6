"""Tables that another process replaces all the time, by rename, are read as one version or not at all.

tests/ops/test_replaced_files.py replaces them before each step in turn; here two processes run freely.
A table of several files is replaced by renaming a link to its folder: renaming one file after the other would leave
files of two versions beside each other for a moment, which no reader can tell from a table.
"""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import zstandard
from support.codecs import codecs_that
from support.goldens import sidecars_of

import embstore
from embstore.codecs.registry.table import CODECS, Codec
from embstore.core.errors import FormatError

REPLACED = "was replaced or changed while it was read: read it again"
READS, MOST_READS = 40, 400
READS_OF_HDF5 = 6  # each starts a process
ROWS, DIM = 2000, 8

REPLACE = """
import itertools, os, sys
place, ready, *versions = sys.argv[1:]
make = os.symlink if os.path.islink(place) else os.link
print(flush=True)
for version in itertools.cycle(versions):
    make(version, ready)
    os.replace(ready, place)
"""

Content = tuple[tuple[str, ...], bytes]


@contextmanager
def replaced_all_the_time(place: Path, versions: list[Path]) -> Iterator[None]:
    """Let another process replace a file, or a link, by the versions in turn, as fast as it can."""
    command = [sys.executable, "-c", REPLACE, *map(str, (place, place.with_name("ready"), *versions))]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()
    place.with_name("ready").unlink(missing_ok=True)


def content(path: Path) -> Content:
    store = embstore.open(path)
    return tuple(store.itos), np.asarray(store.vectors).tobytes()


def check(folder: Path, name: str, *, file: bool) -> None:
    """Read a table of the folders a and b, through a link to them or as a file of its own, while it is replaced."""
    versions = [content(folder / version / name) for version in ("a", "b")]
    assert not set(versions[0][0]) & set(versions[1][0]) or versions[0][1] != versions[1][1]
    place = folder / "live" / name if file else folder / "live"
    if file:
        place.parent.mkdir()
        place.hardlink_to(folder / "a" / name)
    else:
        place.symlink_to(folder / "a")
    targets = [
        folder / version / name if file else folder / version for version in ("b", "a")
    ]  # not the one that is there
    seen: set[int] = set()
    with replaced_all_the_time(place, targets):
        for times in range(MOST_READS):
            if times >= (READS_OF_HDF5 if name.endswith(".h5") else READS) and len(seen) == 2:
                break
            try:
                found = content(folder / "live" / name)
            except FormatError as error:
                said = str(error)
            else:
                assert found in versions, "a mixture"
                seen.add(versions.index(found))
                continue
            assert said.endswith(REPLACED)
    assert seen == {0, 1}


def write_tables(folder: Path, write: Callable[[Path, Path], object]) -> None:
    """Write versions a and b, with other words and other vectors but equal sizes, each from a store."""
    for number, version in enumerate(("a", "b")):
        (folder / version).mkdir()
        rows = np.arange(ROWS * DIM, dtype=np.float32).reshape(ROWS, DIM) + number * 0.5
        embstore.save(folder / "t", [f"{version}{i}" for i in range(ROWS)], rows, overwrite=True)
        write(folder / "t", folder / version)


ALONE = [
    param
    for param in codecs_that(lambda codec: codec.reads and codec.writes)
    if param.id not in ("npy", "safetensors", "projector")
]


@pytest.mark.filterwarnings("ignore:rows not of length 1:embstore.EmbstoreWarning")
@pytest.mark.parametrize("codec", ALONE)
def test_files(codec: Codec, tmp_path: Path) -> None:
    name = f"t{codec.suffixes[0]}"
    write_tables(tmp_path, lambda store, folder: embstore.convert(store, folder / name, to=codec.name))
    check(tmp_path, name, file=True)


@pytest.mark.parametrize("name", ["t.h5", "t.npz", "t.txt"])
def test_files_of_a_folder_that_is_replaced(name: str, tmp_path: Path) -> None:
    write_tables(tmp_path, lambda store, folder: embstore.convert(store, folder / name))
    check(tmp_path, name, file=False)


def test_hdf5_that_is_mapped(tmp_path: Path) -> None:
    write_tables(tmp_path, lambda store, folder: embstore.convert(store, folder / "t.h5", layout="contiguous"))
    check(tmp_path, "t.h5", file=True)


def zipped(data: bytes, path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("t.txt", data)


COMPRESSED: dict[str, Callable[[bytes, Path], object]] = {
    "gz": lambda data, path: path.write_bytes(gzip.compress(data)),
    "bz2": lambda data, path: path.write_bytes(bz2.compress(data)),
    "xz": lambda data, path: path.write_bytes(lzma.compress(data)),
    "zst": lambda data, path: path.write_bytes(zstandard.compress(data)),
    "zip": zipped,
}


@pytest.mark.parametrize("suffix", COMPRESSED)
def test_compressed_text(suffix: str, tmp_path: Path) -> None:
    def write(store: Path, folder: Path) -> None:
        embstore.convert(store, folder / "t.txt")
        COMPRESSED[suffix]((folder / "t.txt").read_bytes(), folder / f"t.txt.{suffix}")

    write_tables(tmp_path, write)
    check(tmp_path, f"t.txt.{suffix}", file=True)


@pytest.mark.parametrize(
    ("name", "to"),
    [
        ("t.npy", "npy"),
        ("t.safetensors", "safetensors"),
        ("model", "model2vec"),
        ("model", "static-embedding"),
        ("folder", "projector"),
    ],
)
def test_a_matrix_and_its_words(name: str, to: str, tmp_path: Path) -> None:
    write_tables(tmp_path, lambda store, folder: embstore.convert(store, folder / name, to=to))
    check(tmp_path, name, file=False)


def test_shards_their_index_and_a_tokenizer(tmp_path: Path) -> None:
    def write(store: Path, folder: Path) -> None:
        model = folder / "model"
        embstore.convert(store, model, to="model2vec")
        (model / "model.safetensors").rename(model / "part.safetensors")
        index = {"weight_map": {"embeddings": "part.safetensors"}}
        (model / "model.safetensors.index.json").write_text(json.dumps(index))

    write_tables(tmp_path, write)
    check(tmp_path, "model", file=False)


@pytest.mark.parametrize("words", ["t.vocab.json", "tokenizer.json", "entity_names_user_0.json"])
def test_hdf5_whose_words_are_beside_it(words: str, tmp_path: Path) -> None:
    name = "embeddings_user_0.h5" if words.startswith("entity") else "t.h5"

    def write(store: Path, folder: Path) -> None:
        import h5py

        table = embstore.open(store)
        with h5py.File(folder / name, "w") as file:
            file["embeddings"] = table.vectors
        listed: object = list(table.itos)
        if words == "tokenizer.json":
            listed = {"model": {"vocab": {word: row for row, word in enumerate(table.itos)}}}
        (folder / words).write_text(json.dumps(listed))

    write_tables(tmp_path, write)
    check(tmp_path, name, file=False)


def golden_pair(codec: Codec, folder: Path) -> str:
    """Copy two golden files of a format that differ to one name in the folders a and b."""
    found = [(param.values[0], param.values[1]) for param in sidecars_of(codec.name, "valid")]
    plain = [(place, sidecar) for place, sidecar in found if not sidecar["warnings"] and not sidecar.get("read")]
    (place, one), *others = plain
    other = next(
        sidecar for _, sidecar in others if (sidecar["tokens"], sidecar["bits"]) != (one["tokens"], one["bits"])
    )
    name = f"t{Path(one['file']).suffix}"
    for version, sidecar in (("a", one), ("b", other)):
        (folder / version).mkdir()
        file = place / sidecar["file"]
        (shutil.copytree if file.is_dir() else shutil.copy)(file, folder / version / name)
    return name


READ_ONLY = codecs_that(lambda codec: codec.reads and not codec.writes)


@pytest.mark.parametrize("codec", READ_ONLY)
def test_formats_that_are_read_only(codec: Codec, tmp_path: Path) -> None:
    name = golden_pair(codec, tmp_path)
    check(tmp_path, name, file=(tmp_path / "a" / name).is_file())


def test_every_format_is_here() -> None:
    here = {str(param.id) for param in (*ALONE, *READ_ONLY)} | {"npy", "safetensors", "projector"}
    assert here == {name for name, codec in CODECS.items() if codec.reads}
