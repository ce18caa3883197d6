"""Folders: those of one table are read, of others the files are listed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import ipc, parquet
from safetensors.numpy import save_file
from support.paths import descriptors_of
from support.refusals import short_refusal
from support.tables import words_and_rows

import embstore
from embstore.codecs.arrow import part_files
from embstore.codecs.registry import folders

WORDS = ["the", "frog", "toad", "newt", "eft"]
MATRIX = np.arange(10, dtype=np.float32).reshape(5, 2) / 4
SCHEMA = pa.schema([("w", pa.string()), ("v", pa.list_(pa.float32()))])
CUTS = [(0, 2), (2, 2), (2, 5)]


def table(start: int, stop: int) -> pa.Table:
    return pa.table({"w": WORDS[start:stop], "v": MATRIX[start:stop].tolist()}, SCHEMA)


def save_parts(folder: Path, names: list[str], cuts: list[tuple[int, int]] = CUTS) -> Path:
    """Write rows to Parquet files; a cut may have none, as files of Spark may."""
    folder.mkdir(exist_ok=True)
    for name, cut in zip(names, cuts, strict=True):
        parquet.write_table(table(*cut), folder / name)
    return folder


SPARK = "part-{}-0f8fad5b-d9cb-469f-a165-70867728950e-c000.snappy.parquet"
SERIES = {
    "Spark": [SPARK.format(number) for number in ("00000", "00001", "00002")],
    "Spark, twice": [f"part-0000{n}-{n}f8fad5b-d9cb-469f-a165-7086772895{n}e-c000.parquet" for n in range(3)],
    "Dask": ["part.8.parquet", "part.9.parquet", "part.10.parquet"],
    "datasets": [f"train-0000{number}-of-00003.parquet" for number in range(3)],
    "datasets, with fingerprints": [f"train-0000{n}-of-00003-1234567890abcde{n}.parquet" for n in range(3)],
    "hub": ["0000.parquet", "0001.parquet", "0002.parquet"],
}


@pytest.mark.parametrize("library", SERIES)
def test_parquet_parts_are_one_table(tmp_path: Path, library: str) -> None:
    folder = save_parts(tmp_path / "parts", SERIES[library])
    for name in ("_SUCCESS", "_metadata", ".part-00000.parquet.crc", "README.md"):
        (folder / name).write_bytes(b"x")
    (folder / "_temporary").mkdir()
    assert words_and_rows(folder) == (WORDS, MATRIX.tolist())
    store = embstore.open(folder, limit=3)
    assert list(store.itos) == WORDS[:3]


def test_where_a_table_of_parts_comes_from(tmp_path: Path) -> None:
    folder = save_parts(tmp_path / "parts", SERIES["Dask"])
    found = embstore.open(folder).metadata
    size = sum(path.stat().st_size for path in folder.iterdir())
    assert found == {
        "embstore.source.name": "parts",
        "embstore.source.format": "parquet",
        "embstore.source.size": str(size),
        "embstore.source.files": "2",
    }


def test_progress_and_descriptors_of_parts(tmp_path: Path) -> None:
    folder = save_parts(tmp_path / "parts", SERIES["Dask"])
    told: list[tuple[int, int]] = []
    embstore.convert(folder, tmp_path / "s.safetensors", progress=lambda done, size: told.append((done, size)))
    assert told == sorted(told)
    total = sum(path.stat().st_size for path in folder.iterdir())
    assert {size for _, size in told} == {total}
    assert [descriptors_of(path) for path in folder.iterdir()] == [0, 0, 0]


def other_columns(folder: Path) -> None:
    parquet.write_table(pa.table({"w": WORDS, "x": MATRIX.tolist()}), folder / "part.9.parquet")


def other_dim(folder: Path) -> None:
    wide = pa.table({"w": WORDS[:1], "v": [[1.0, 2.0, 3.0]]}, SCHEMA)
    parquet.write_table(wide, folder / "part.10.parquet")


def no_rows(folder: Path) -> None:
    for path in folder.iterdir():
        parquet.write_table(table(0, 0), path)


def damaged(folder: Path) -> None:
    (folder / "part.10.parquet").write_bytes(b"PAR1")


COLUMNS = "w: string, v: list<element: float>"
REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "columns": (
        other_columns,
        f"/parts/part.9.parquet: the columns are w: string, x: list<element: double>, but those of part.8.parquet are "
        f"{COLUMNS}",
    ),
    "dim": (other_dim, "/parts/part.10.parquet: rows of 3 numbers, but those of part.8.parquet have 2"),
    "rows": (no_rows, "/parts: a table without rows"),
    "damage": (
        damaged,
        "/parts/part.10.parquet: cannot be read, it is damaged or cut short: Parquet file size is 4 bytes, smaller "
        "than the minimum file footer (8 bytes)",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_parts_that_are_no_table(tmp_path: Path, what: str) -> None:
    folder = save_parts(tmp_path / "parts", SERIES["Dask"])
    change, message = REFUSED[what]
    change(folder)
    assert short_refusal(folder) == message


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["a-00000-of-00003.parquet", "a-00002-of-00003.parquet"], "number 1 is missing"),
        (["a-00000-of-00001.parquet", "a-00001-of-00002.parquet"], "their names state several numbers of files"),
    ],
)
def test_a_series_that_is_not_complete(tmp_path: Path, names: list[str], found: str) -> None:
    folder = save_parts(tmp_path / "parts", names, CUTS[:2])
    reason = f"files of a table that are numbered ({names[0]}), but {found}"
    assert short_refusal(folder) == f"/parts: {reason}"


def test_words_of_another_file_are_refused_for_parts(tmp_path: Path) -> None:
    folder = save_parts(tmp_path / "parts", SERIES["Dask"])
    (tmp_path / "words").write_text("a\n")
    reason = "the words of a table in several files are one of its columns, not a file: /words"
    assert short_refusal(folder, vocab=tmp_path / "words") == f"/parts: {reason}"
    assert words_and_rows(folder, vocab="w", key="v") == (WORDS, MATRIX.tolist())


def test_too_many_parts_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save_parts(tmp_path / "parts", SERIES["Dask"])
    monkeypatch.setattr(part_files, "MAX_PARTS", 2)
    assert short_refusal(folder) == "/parts: 3 files, more than the 2 that embstore reads"
    monkeypatch.setattr(folders, "MAX_ENTRIES", 2)
    assert folders.parquet_parts(folder) == []


@pytest.mark.parametrize("other", ["table.csv", "test-00000-of-00001.parquet", "data.parquet"])
def test_files_that_are_no_series_are_listed(tmp_path: Path, other: str) -> None:
    folder = save_parts(tmp_path / "parts", SERIES["datasets"])
    parquet.write_table(table(0, 5), folder / other)
    assert short_refusal(folder).startswith("/parts: a folder that is not known as a table: name one of its files (")


def test_a_part_that_is_replaced_meanwhile(tmp_path: Path) -> None:
    folder = save_parts(tmp_path / "parts", SERIES["Dask"])

    def replace(_: int, __: int) -> None:
        parquet.write_table(table(0, 3), folder / "part.11.parquet")
        (folder / "part.11.parquet").replace(folder / "part.10.parquet")

    with pytest.raises(embstore.FormatError) as caught:
        embstore.convert(folder, tmp_path / "s.safetensors", progress=replace)
    message = f"{folder / 'part.10.parquet'}: was replaced or changed while it was read: read it again"
    assert str(caught.value) == message
    assert not (tmp_path / "s.safetensors").exists()


def save_dataset(folder: Path, names: list[str], **state: Any) -> Path:
    folder.mkdir()
    for name, cut in zip(names, CUTS, strict=True):
        with ipc.new_stream(folder / name, SCHEMA) as writer:
            writer.write_table(table(*cut))
    (folder / "dataset_info.json").write_text("{}")
    listed = [{"filename": name} for name in names]
    (folder / "state.json").write_text(json.dumps({"_data_files": listed, **state}))
    return folder


FILES = [f"data-0000{number}-of-00003.arrow" for number in range(3)]


@pytest.mark.parametrize("names", [FILES, ["c.arrow", "a.arrow", "b.arrow"]])
def test_a_dataset_is_read_in_the_order_of_its_state(tmp_path: Path, names: list[str]) -> None:
    folder = save_dataset(tmp_path / "saved", names, _indices_data_files=[])
    assert words_and_rows(folder) == (WORDS, MATRIX.tolist())
    assert embstore.open(folder).metadata["embstore.source.format"] == "arrow"


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"_data_files": []}, ": expected a list of files, _data_files"),
        ({"_data_files": {}}, ": expected a list of files, _data_files"),
        ({"_data_files": [{"filename": "../a.arrow"}]}, ":_data_files: the file '../a.arrow' is not in this folder"),
        ({"_data_files": [{"filename": ".."}]}, ":_data_files: the file '..' is not in this folder"),
        ({"_data_files": [{"filename": "a\0"}]}, ":_data_files: the file 'a\\x00' is not in this folder"),
        ({"_data_files": [{"filename": FILES[0]}] * 2}, ":_data_files: a file is listed twice"),
        ({"_data_files": ["a.arrow"]}, ":_data_files: the file None is not in this folder"),
        (
            {"_indices_data_files": [{"filename": "indices.arrow"}]},
            ":_indices_data_files: rows in another order than in the files: save the dataset again with its rows in "
            "one order",
        ),
    ],
)
def test_a_state_that_leads_elsewhere(tmp_path: Path, state: dict[str, Any], message: str) -> None:
    folder = save_dataset(tmp_path / "saved", FILES, **state)
    assert short_refusal(folder) == f"/saved/state.json{message}"


def test_several_datasets_are_named(tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / "saved" / split).mkdir(parents=True)
    (tmp_path / "saved" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    reason = "a folder of several datasets, one for each split: name one of them (test/, train/)"
    assert short_refusal(tmp_path / "saved") == f"/saved: {reason}"


def test_the_files_of_other_folders_are_listed_the_likeliest_first(tmp_path: Path) -> None:
    folder = tmp_path / "glove"
    (folder / "old").mkdir(parents=True)
    sizes = {"glove.50d.txt": 5, "glove.300d.txt": 30, "glove.zip": 99, "LICENSE": 500, "model.PT": 7, "a\nb": 0}
    for name, size in sizes.items():
        (folder / name).write_bytes(bytes(size))
    listed = "glove.zip, glove.300d.txt, model.PT, glove.50d.txt, old/, LICENSE, a\\nb"
    expected = f"/glove: a folder that is not known as a table: name one of its files ({listed})"
    assert short_refusal(folder) == short_refusal(folder, format="glove") == expected
    for number in range(5):
        (folder / f"{number}.txt").write_bytes(bytes(50))
    more = "glove.zip, 0.txt, 1.txt, 2.txt, 3.txt, 4.txt, glove.300d.txt, model.PT, glove.50d.txt, old/ and 2 more"
    assert short_refusal(folder).endswith(f"name one of its files ({more})")
    (tmp_path / "empty").mkdir()
    assert short_refusal(tmp_path / "empty") == "/empty: an empty folder"


def save_module(folder: Path, path: object) -> Path:
    """Write a sentence-transformers model whose first module is in a folder."""
    (folder / "0_First").mkdir(parents=True)
    save_file({"emb_layer.weight": MATRIX}, folder / "0_First" / "model.safetensors")
    (folder / "0_First" / "whitespacetokenizer_config.json").write_text(json.dumps({"vocab": WORDS}))
    (folder / "2_Dense").mkdir()
    save_file({"linear.weight": MATRIX}, folder / "2_Dense" / "model.safetensors")
    modules = [{"idx": 0, "path": path}, {"idx": 1, "path": "1_Pooling"}, {"idx": 2, "path": "2_Dense"}]
    (folder / "modules.json").write_text(json.dumps(modules))
    return folder


def test_the_first_module_of_sentence_transformers(tmp_path: Path) -> None:
    folder = save_module(tmp_path / "model", "0_First")
    assert words_and_rows(folder) == (WORDS, MATRIX.tolist())
    assert embstore.open(folder).metadata["embstore.source.name"] == "model/0_First/model.safetensors"
    words = folder / "0_First" / "whitespacetokenizer_config.json"
    words.write_text(json.dumps({"vocab": WORDS[:4]}))
    reason = f"emb_layer.weight: 5 rows, but 4 words in {words}".replace(str(folder), "/model")
    assert short_refusal(folder) == f"/model/0_First/model.safetensors:{reason}"


@pytest.mark.parametrize("path", ["", ".", "..", "0_First/../2_Dense", "nowhere", 7, None, "a\0b"])
def test_modules_in_other_folders_are_not_read(tmp_path: Path, path: object) -> None:
    folder = save_module(tmp_path / "model", path)
    expected = (
        "/model: a folder that is not known as a table: name one of its folders (0_First/, 2_Dense/, modules.json)"
    )
    assert short_refusal(folder) == expected


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"7", b"[" * 100_000, b"\xff", b'[{"path": "\\ud800"}]'])
def test_modules_that_are_no_list(tmp_path: Path, data: bytes) -> None:
    folder = save_module(tmp_path / "model", "0_First")
    (folder / "modules.json").write_bytes(data)
    assert short_refusal(folder).startswith("/model: a folder that is not known as a table")
