"""Arrow IPC and Feather: read through a memory map, with validated offsets."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, ipc
from support.tables import words_and_rows

import embstore
from embstore.codecs.arrow import arrow as codec
from embstore.core.options import Dtype, ReadOptions
from embstore.files.input import Input

WORDS = ["the", "frog", "žába"]
MATRIX = np.array([[0.5, -1.5], [2.25, 3], [1, 0.125]], np.float32)
TABLE = pa.table({"n": [1, 2, 3], "w": WORDS, "v": pa.array(MATRIX.tolist(), pa.list_(pa.float32(), 2))})


@pytest.mark.parametrize("compression", ["uncompressed", "lz4", "zstd"])
def test_feather(tmp_path: Path, compression: str) -> None:
    feather.write_feather(TABLE, tmp_path / "t.feather", compression=compression)
    assert words_and_rows(tmp_path / "t.feather") == (WORDS, MATRIX.tolist())


def test_several_record_batches_one_of_them_empty(tmp_path: Path) -> None:
    with ipc.new_file(tmp_path / "t.arrow", TABLE.schema) as writer:
        for start, stop in ((0, 0), (0, 2), (2, 2), (2, 3)):
            for batch in TABLE.slice(start, stop - start).to_batches() or [
                pa.RecordBatch.from_pylist([], TABLE.schema)
            ]:
                writer.write_batch(batch)
    assert words_and_rows(tmp_path / "t.arrow") == (WORDS, MATRIX.tolist())


def test_a_slice_of_a_larger_table(tmp_path: Path) -> None:
    with ipc.new_file(tmp_path / "t.arrow", TABLE.schema) as writer:
        writer.write_table(TABLE.slice(1, 1))
    assert words_and_rows(tmp_path / "t.arrow") == (WORDS[1:2], MATRIX[1:2].tolist())


def test_uncompressed_vectors_are_views_of_the_map(tmp_path: Path) -> None:
    feather.write_feather(TABLE, tmp_path / "t.arrow", compression="uncompressed")
    before = pa.total_allocated_bytes()
    batches = list(codec.read(Input(tmp_path / "t.arrow"), ReadOptions()).batches)
    assert batches[0].vectors.tolist() == MATRIX.tolist()
    assert not batches[0].vectors.flags.owndata
    assert pa.total_allocated_bytes() - before < MATRIX.nbytes + 200  # at most the tokens


def test_feather_of_version_1_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.feather").write_bytes(b"FEA1" + bytes(100))
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(tmp_path / "t.feather")
    reason = "Feather version 1 is not supported: save it again with pandas"
    assert str(caught.value) == f"{tmp_path / 't.feather'}: {reason}"


def test_two_columns_with_the_same_name_are_refused(tmp_path: Path) -> None:
    twice = pa.Table.from_arrays([TABLE["w"], TABLE["v"], TABLE["v"]], ["w", "v", "v"])
    feather.write_feather(twice, tmp_path / "t.feather")
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(tmp_path / "t.feather")
    assert str(caught.value) == f"{tmp_path / 't.feather'}: two columns have the same name"


@pytest.mark.parametrize(("old", "new"), [(7, 1_000_000), (3, -5)])
def test_string_offsets_that_lead_out_of_the_file_are_refused(tmp_path: Path, old: int, new: int) -> None:
    """The offsets of the three words are 0 3 7 13; change one of them in the file."""
    path = tmp_path / "t.arrow"
    feather.write_feather(TABLE, path, compression="uncompressed")
    data = path.read_bytes()
    offsets = np.array([0, 3, 7, 13], "<i4")
    assert data.count(offsets.tobytes()) == 1
    path.write_bytes(data.replace(offsets.tobytes(), np.where(offsets == old, new, offsets).astype("<i4").tobytes()))
    with pytest.raises(embstore.FormatError, match="cannot be read, it is damaged or cut short: "):
        embstore.open(path)


@pytest.mark.parametrize("cut", [10, 300])
def test_a_file_cut_short_is_an_error(tmp_path: Path, cut: int) -> None:
    feather.write_feather(TABLE, tmp_path / "t.arrow", compression="uncompressed")
    (tmp_path / "t.arrow").write_bytes((tmp_path / "t.arrow").read_bytes()[:-cut])
    with pytest.raises(embstore.FormatError, match="cannot be read, it is damaged or cut short: "):
        embstore.open(tmp_path / "t.arrow")


def test_damage_anywhere_is_an_error_or_a_table(tmp_path: Path) -> None:
    path = tmp_path / "t.arrow"
    feather.write_feather(TABLE, path, compression="lz4")
    whole = path.read_bytes()
    outcomes = []
    for position in range(8, len(whole), 16):
        path.write_bytes(whole[:position] + b"\xff\x7f\x00\xff" + whole[position + 4 :])
        with contextlib.suppress(embstore.EmbstoreError):  # any other error fails the test
            embstore.open(path)
            outcomes.append(position)
    assert len(outcomes) < len(whole) // 16 - 5


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_written_is_read_by_pyarrow_and_reads_back(tmp_path: Path, dtype: Dtype) -> None:
    words = [*WORDS[:2], "a\nb\0"]
    embstore.save(tmp_path / "s.safetensors", words, MATRIX, dtype=dtype)
    embstore.convert(tmp_path / "s.safetensors", tmp_path / "t.arrow")
    read = feather.read_table(tmp_path / "t.arrow")
    assert read.schema.types == [pa.string(), pa.list_(pa.float16() if dtype == "float16" else pa.float32(), 2)]
    assert read.to_pydict() == {"token": words, "vector": MATRIX.tolist()}
    assert words_and_rows(tmp_path / "t.arrow") == (words, MATRIX.tolist())


# -------------------------------------------------------------------------------------------------------- streams


def stream(path: Path, compression: str | None = None, words: Any = None) -> bytes:
    made = TABLE if words is None else TABLE.set_column(1, "w", words)
    with ipc.new_stream(path, made.schema, options=ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(made, max_chunksize=2)
    return path.read_bytes()


@pytest.mark.parametrize("name", ["t", "t.arrow", "t.arrows", "t.bin"])
@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
def test_streams_are_detected_by_content(tmp_path: Path, compression: str | None, name: str) -> None:
    stream(tmp_path / name, compression)
    assert words_and_rows(tmp_path / name) == (WORDS, MATRIX.tolist())


def test_a_stream_s_dictionary_may_change(tmp_path: Path) -> None:
    words = pa.chunked_array([pa.array(WORDS[:2]).dictionary_encode(), pa.array(WORDS[2:]).dictionary_encode()])
    stream(tmp_path / "t.arrow", words=words)
    assert words_and_rows(tmp_path / "t.arrow") == (WORDS, MATRIX.tolist())


def test_a_stream_cut_anywhere_is_refused(tmp_path: Path) -> None:
    data, path = stream(tmp_path / "t.arrow"), tmp_path / "cut.arrow"
    for size in range(8, len(data), 4):
        path.write_bytes(data[:size])
        with pytest.raises(embstore.FormatError, match=r"a stream without its end marker, |it is damaged or cut short"):
            embstore.open(path)
