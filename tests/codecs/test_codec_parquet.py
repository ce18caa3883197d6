"""Parquet: common kinds of columns, and written files."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.running import output_of
from support.tables import words_and_rows

import embstore
from embstore.codecs.arrow import parquet as codec
from embstore.core.options import Dtype, ReadOptions
from embstore.files.input import Input

WORDS = ["the", "frog", "žába", ""]
MATRIX = np.array([[0.5, -1.5], [2.25, 3], [1, 0.125], [0, 7]], np.float32)


def column(kind: pa.DataType) -> pa.Array:
    return pa.array(MATRIX.tolist(), kind)


VECTORS = {
    "fixed": column(pa.list_(pa.float32(), 2)),
    "list": column(pa.list_(pa.float32())),
    "large_list": column(pa.large_list(pa.float32())),
    "double": column(pa.list_(pa.float64())),
    "half": pa.array([[np.float16(x) for x in row] for row in MATRIX], pa.list_(pa.float16(), 2)),
}
TEXTS = {
    "string": pa.array(WORDS),
    "large": pa.array(WORDS, pa.large_string()),
    "dictionary": pa.array(WORDS).dictionary_encode(),
    "binary": pa.array([word.encode() for word in WORDS], pa.binary()),
}


@pytest.mark.parametrize("vectors", VECTORS)
@pytest.mark.parametrize("text", TEXTS)
def test_every_column_type(tmp_path: Path, vectors: str, text: str) -> None:
    pq.write_table(pa.table({"n": [1, 2, 3, 4], "w": TEXTS[text], "v": VECTORS[vectors]}), tmp_path / "t.parquet")
    assert words_and_rows(tmp_path / "t.parquet") == (WORDS, MATRIX.tolist())


def test_float16_stays_float16(tmp_path: Path) -> None:
    pq.write_table(pa.table({"w": WORDS, "v": VECTORS["half"]}), tmp_path / "t.parquet")
    assert embstore.open(tmp_path / "t.parquet").dtype == "float16"


def test_a_column_for_each_dimension(tmp_path: Path) -> None:
    columns = {"0": MATRIX[:, 0], "1": MATRIX[:, 1], "__index_level_0__": WORDS, "count": [1, 2, 3, 4]}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    with pytest.warns(embstore.EmbstoreWarning, match=r"^columns of numbers left out: 1, the first count$"):
        assert words_and_rows(tmp_path / "t.parquet") == (WORDS, MATRIX.tolist())
    rows = {f"d{i}": MATRIX[:, i % 2] for i in range(11)}
    pq.write_table(pa.table({"w": WORDS, **dict(sorted(rows.items()))}), tmp_path / "u.parquet")  # d10 after d1
    for key in (None, "d*"):
        assert words_and_rows(tmp_path / "u.parquet", key=key)[1] == [[x, y] * 5 + [x] for x, y in MATRIX.tolist()]


def test_row_groups_and_many_batches(tmp_path: Path) -> None:
    many = np.random.default_rng(0).standard_normal((20_000, 30)).astype(np.float32)
    words = [f"w{i}" for i in range(20_000)]
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(many.reshape(-1)), 30)
    pq.write_table(pa.table({"w": words, "v": vectors}), tmp_path / "t.parquet", row_group_size=7001)
    store = embstore.open(tmp_path / "t.parquet")
    assert list(store.itos) == words
    assert store.vectors.tobytes() == many.tobytes()


def test_key_and_vocab_choose(tmp_path: Path) -> None:
    columns = {"a": WORDS, "b": ["p", "q", "r", "s"], "v": VECTORS["fixed"], "x": column(pa.list_(pa.float64(), 2))}
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table(columns), path)
    assert words_and_rows(path, key="x", vocab="b") == (["p", "q", "r", "s"], MATRIX.tolist())
    (tmp_path / "words.txt").write_text("1\n2\n3\n4\n")
    assert words_and_rows(path, key="v", vocab=tmp_path / "words.txt") == (["1", "2", "3", "4"], MATRIX.tolist())


FIXED = VECTORS["fixed"]
SHOWN = "(a: string, b: string, v: fixed_size_list<item: float>[2], x: list<item: float>)"
TWICE = {"a": WORDS, "b": WORDS, "v": FIXED, "x": VECTORS["list"]}
OTHERS = SHOWN.replace("b: string, ", "").replace("a: string", "b: string").replace("item", "element")
LISTS = (
    "cannot determine the column of vectors, of lists, or several of numbers named as d0, d1: "
    "name them with `key=`, such as v or d0,d1 or d*"
)
STRINGS = "2 columns may be the words: name one with `vocab=`"
EXPECTED = "expected a column of words"
REFUSED = [
    (TWICE, {"vocab": "a"}, f": {LISTS} {OTHERS}"),
    (TWICE, {"vocab": "v"}, f": the column 'v' has {FIXED.type}, {EXPECTED} {SHOWN}".replace("item", "element")),
    (TWICE, {"vocab": "c"}, f": no file or column 'c', {EXPECTED} {SHOWN}".replace("item", "element")),
    (TWICE, {"vocab": "a", "key": "w"}, f": no column 'w': it has {OTHERS[1:-1]}"),
    (TWICE, {"vocab": "a", "key": "b"}, ":b: string, expected numbers"),
    (TWICE, {"key": "v"}, f": {STRINGS} {SHOWN.replace('item', 'element')}"),
    ({"w": WORDS, "v": [[1, 2]] * 4}, {}, ":v: whole numbers (int64), not embeddings; `dtype='float32'` converts them"),
    ({"w": WORDS, "n": [1, 2, 3, 4]}, {}, f": {LISTS} (n: int64)"),
    ({"n": [1.5, 2, 3, 4]}, {}, ": no column of words: `vocab=` names a file with the words (n: double)"),
    ({"w": WORDS, "freq": [1.5, 2, 3, 4]}, {}, f": {LISTS} (freq: double)"),
    ({"w": [*WORDS[:3], None], "v": FIXED}, {}, ":w: row 3 is null, expected a value in every row"),
    ({"w": WORDS, "v": [[1.0, 2.0], [1.0], [1.0], [1.0]]}, {}, ":v: 1 numbers in row 1, expected 2"),
    ({"w": WORDS, "v": pa.array([[]] * 4, pa.list_(pa.float32()))}, {}, ":v: 0 numbers in row 0, expected at least 1"),
    ({"w": WORDS, "v": [[1.0, None]] * 4}, {}, ":v: a number is null"),
    ({"w": WORDS, "v": [[1.0, 2.0], None, None, None]}, {}, ":v: row 1 is null, expected a value in every row"),
    ({"w": pa.array([], pa.string()), "v": pa.array([], FIXED.type)}, {}, ": a table without rows"),
]  # fmt: skip


@pytest.mark.parametrize(("columns", "reading", "message"), REFUSED, ids=range(len(REFUSED)))
def test_refused(tmp_path: Path, columns: dict[str, Any], reading: dict[str, Any], message: str) -> None:
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(tmp_path / "t.parquet", **reading)
    assert str(caught.value) == f"{tmp_path / 't.parquet'}{message}"


def test_integers_are_converted_to_dtype(tmp_path: Path) -> None:
    pq.write_table(pa.table({"w": WORDS, "v": [[1, 2]] * 4}), tmp_path / "t.parquet")
    store = embstore.open(tmp_path / "t.parquet", dtype="float32")
    assert (store.dtype, store.vectors.tolist()) == ("float32", [[1, 2]] * 4)


def test_words_of_another_file_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"v": FIXED}), tmp_path / "t.parquet")
    (tmp_path / "words.txt").write_text("a\nb\n")
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(tmp_path / "t.parquet", vocab=tmp_path / "words.txt")
    assert str(caught.value) == f"{tmp_path / 't.parquet'}: 4 rows, but 2 words: they belong to another file"


@pytest.mark.parametrize("cut", [20, 200])
def test_a_file_cut_short_is_an_error(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"w": WORDS, "v": FIXED}), path)
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(embstore.FormatError, match="cannot be read, it is damaged or cut short: ") as caught:
        embstore.open(path)
    assert "\n" not in str(caught.value)


def test_damaged_pages_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"w": WORDS, "v": FIXED}), path, compression="zstd")
    data = bytearray(path.read_bytes())
    data[4:60] = bytes(56)
    path.write_bytes(data)
    with pytest.raises(embstore.FormatError, match="cannot be read, it is damaged or cut short: "):
        embstore.open(path)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_written_is_read_by_pyarrow_and_reads_back(tmp_path: Path, dtype: Dtype) -> None:
    words = [*WORDS[:3], "a\nb\0"]
    embstore.save(tmp_path / "s.safetensors", words, MATRIX, dtype=dtype)
    embstore.convert(tmp_path / "s.safetensors", tmp_path / "t.parquet")
    read = pq.read_table(tmp_path / "t.parquet")
    assert read.schema.types == [pa.string(), pa.list_(pa.float16() if dtype == "float16" else pa.float32(), 2)]
    assert read.to_pydict() == {"token": words, "vector": MATRIX.tolist()}
    assert words_and_rows(tmp_path / "t.parquet") == (words, MATRIX.tolist())
    chunk = pq.ParquetFile(tmp_path / "t.parquet").metadata.row_group(0).column(1)
    assert chunk.compression == "ZSTD"
    assert "BYTE_STREAM_SPLIT" in chunk.encodings


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow"])
def test_a_token_that_is_not_utf8_is_refused_and_leaves_no_file(tmp_path: Path, name: str) -> None:
    with pytest.warns(embstore.EmbstoreWarning):
        embstore.save(tmp_path / "s.safetensors", ["ok", "caf\udce9"], MATRIX[:2])
    with pytest.raises(embstore.FormatError) as caught:
        embstore.convert(tmp_path / "s.safetensors", tmp_path / name)
    reason = "the token b'caf\\xe9' is not UTF-8, as strings in this format must be: write a store"
    assert str(caught.value) == f"{tmp_path / name}: {reason}"
    assert [path.name for path in tmp_path.iterdir()] == ["s.safetensors"]


def test_provenance(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"w": WORDS, "v": FIXED}), path)
    source = codec.read(Input(path), ReadOptions())
    assert sum(len(batch.tokens) for batch in source.batches) == 4
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    assert source.provenance() == {"name": "t.parquet", "format": "parquet", "size": str(len(data)), "sha256": digest}


def test_without_pyarrow_the_error_names_the_command(tmp_path: Path) -> None:
    pq.write_table(pa.table({"w": WORDS, "v": FIXED}), tmp_path / "t.parquet")
    program = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "import embstore\n"
        "try: embstore.open(sys.argv[1])\n"
        "except embstore.MissingDependencyError as error: print(error)"
    )
    assert (
        output_of(program, tmp_path / "t.parquet")
        == "a Parquet or Arrow file needs the package pyarrow: `pip install pyarrow`\n"
    )
