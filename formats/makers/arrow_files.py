"""Parquet and Arrow files, written by pyarrow: column layouts found in practice, and files without a valid table."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import feather

from makers.golden import write_invalid, write_valid

WORDS: list[str | bytes] = ["the", "frog", "\u017e\u00e1ba", ""]
ROWS = ["0.5 -1.5", "2.25 3", "1 0.125", "0 7"]
VALUES = [[0.5, -1.5], [2.25, 3.0], [1.0, 0.125], [0.0, 7.0]]
FIXED = pa.array(VALUES, pa.list_(pa.float32(), 2))
TEXT = pa.array(WORDS)
HALF = pa.array([[np.float16(x) for x in row] for row in VALUES], pa.list_(pa.float16(), 2))
Encode = Callable[[Any], bytes]


def make_parquet(folder: Path) -> None:
    """Write the files of formats/parquet."""
    _valid(folder, "parquet", lambda table: _parquet(table, compression="snappy"))
    split = {"compression": "zstd", "use_dictionary": False, "column_encoding": {"v.list.element": "BYTE_STREAM_SPLIT"}}
    packed = _parquet(pa.table({"w": TEXT, "v": FIXED}), **split)
    write_valid(folder, "byte_stream_split.parquet", packed, "byte-stream-split with zstd", WORDS, ROWS)
    _parts(folder)
    _invalid(folder, "parquet", _parquet, "element")


def _parts(folder: Path) -> None:
    names = [f"part.{number}.parquet" for number in (8, 9, 10)]
    parts = [_parquet(pa.table({"w": TEXT, "v": FIXED}).slice(start, 2)) for start in (0, 2, 4)]
    files = dict(zip(names, parts, strict=True))
    about = "parts in the order of their numbers, one without rows"
    write_valid(folder, "folder_of_parts", {**files, "_SUCCESS": b"", "README.md": b"#"}, about, WORDS, ROWS)
    other = {**files, names[1]: _parquet(pa.table({"w": TEXT, "x": FIXED}))}
    fixed = "fixed_size_list<element: float>[2]"
    columns = f"the columns are w: string, x: {fixed}, but those of {names[0]} are w: string, v: {fixed}"
    write_invalid(folder, "parts_of_other_columns", other, f"{{path}}/{names[1]}: {columns}")
    series = {"train-00000-of-00003.parquet": parts[0], "train-00002-of-00003.parquet": parts[1]}
    reason = "files of a table that are numbered (train-00000-of-00003.parquet), but number 1 is missing"
    write_invalid(folder, "part_missing", series, f"{{path}}: {reason}")


def make_arrow(folder: Path) -> None:
    """Write the files of formats/arrow."""
    _valid(folder, "arrow", _feather)
    for kind in ("lz4", "zstd"):
        packed = _feather(pa.table({"w": TEXT, "v": FIXED}), kind)
        write_valid(folder, f"{kind}.feather", packed, f"buffers compressed with {kind}", WORDS, ROWS)
    _invalid(folder, "arrow", _feather, "item")
    reason = "Feather version 1 is not supported: save it again with pandas"
    write_invalid(folder, "feather_1.feather", b"FEA1" + bytes(60) + b"FEA1", f"{{path}}: {reason}")
    whole = _stream(pa.table({"w": TEXT, "v": FIXED}))
    about = "a stream of two record batches, as Hugging Face's datasets store their tables"
    write_valid(folder, "stream.arrow", whole, about, WORDS, ROWS)
    names = [f"data-0000{number}-of-00002.arrow" for number in (0, 1)]
    rows = pa.table({"w": TEXT, "v": FIXED})
    files = {name: _stream(rows.slice(start, 2)) for name, start in zip(names, (0, 2), strict=True)}
    files["dataset_info.json"] = b"{}"
    state = {"_data_files": [{"filename": name} for name in names], "_fingerprint": "0", "_split": "train"}
    files["state.json"] = json.dumps(state).encode()
    about = "a folder of Dataset.save_to_disk"
    write_valid(folder, "folder_of_a_dataset", files, about, WORDS, ROWS)
    files["state.json"] = b'{"_data_files": [{"filename": "../data.arrow"}]}'
    reason = "the file '../data.arrow' is not in this folder"
    write_invalid(folder, "dataset_elsewhere", files, f"{{path}}/state.json:_data_files: {reason}")
    reason = "a stream without its end marker, ff ff ff ff 00 00 00 00: it is cut short"
    write_invalid(folder, "stream_cut_between_batches.arrow", whole[:-8], f"{{path}}: {reason}")
    offsets = np.array([0, 3, 7, 13, 13], "<i4")
    data = _feather(pa.table({"w": TEXT, "v": FIXED}))
    broken = data.replace(offsets.tobytes(), np.where(offsets == 7, 1 << 20, offsets).astype("<i4").tobytes())
    found = "Offset invariant failure: offset for slot 2 out of bounds: 1048576 > 13"
    message = f"{{path}}: cannot be read, it is damaged or cut short: {found}"
    write_invalid(folder, "offsets_out_of_bounds.arrow", broken, message)


def _parquet(table: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    return buffer.getvalue()


def _feather(table: Any, compression: str = "uncompressed") -> bytes:
    buffer = io.BytesIO()
    feather.write_feather(table, buffer, compression=compression)
    return buffer.getvalue()


def _stream(table: Any) -> bytes:
    buffer = io.BytesIO()
    with pa.ipc.new_stream(buffer, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    return buffer.getvalue()


def _valid(folder: Path, suffix: str, encode: Encode) -> None:
    def valid(name: str, columns: dict[str, Any], about: str, **more: Any) -> None:
        write_valid(folder, f"{name}.{suffix}", encode(pa.table(columns)), about, WORDS, ROWS, **more)

    count = [1, 2, 3, 4]
    valid("fixed", {"n": count, "w": TEXT, "v": FIXED}, "fixed-size lists, and a column that is not read")
    valid(
        "list", {"w": TEXT, "v": pa.array(VALUES, pa.list_(pa.float32()))}, "variable-size lists, all of the same size"
    )
    valid("double", {"w": TEXT, "v": pa.array(VALUES, pa.large_list(pa.float64()))}, "large lists of float64")
    valid("half", {"w": TEXT, "v": HALF}, "float16")
    valid("dictionary", {"w": TEXT.dictionary_encode(), "v": FIXED}, "dictionary-encoded words")
    binary = pa.array([str(word).encode() for word in WORDS], pa.large_binary())
    valid("binary", {"w": binary, "v": FIXED}, "words as bytes")
    columns = np.array(VALUES, "<f4")
    wide = {"0": columns[:, 0], "1": columns[:, 1], "__index_level_0__": TEXT, "count": count}
    about = "one column per dimension, as pandas writes a data frame"
    valid("column_for_each_dimension", wide, about, warnings=("columns of numbers left out: 1, the first count",))
    frequent = {"w": TEXT, "freq": columns[:, 1], "d1": columns[:, 1], "d0": columns[:, 0]}
    found = ("columns of numbers left out: 1, the first freq",)
    valid("column_beside_dimensions", frequent, "a column of another pattern", warnings=found)
    chosen = {"w": TEXT, "x": columns[:, 0], "y": columns[:, 1]}
    valid("columns_by_key", chosen, "columns by name", read={"key": "x,y"})
    valid("by_key", {"a": TEXT, "b": TEXT, "x": FIXED, "y": FIXED}, "columns by name", read={"key": "y", "vocab": "b"})


def _invalid(folder: Path, suffix: str, encode: Encode, item: str) -> None:
    def invalid(name: str, columns: dict[str, Any], message: str, **more: Any) -> None:
        write_invalid(folder, f"{name}.{suffix}", encode(pa.table(columns)), f"{{path}}{message}", **more)

    lists = (
        "cannot determine the column of vectors, of lists, or several of numbers named as d0, d1: "
        "name them with `key=`, such as v or d0,d1 or d*"
    )
    ragged = pa.array([[1.0, 2.0], [1.0], [1.0], [1.0]], pa.list_(pa.float32()))
    holes = pa.array([[1.0, None]] * 4, pa.list_(pa.float32()))
    numbers = pa.array([[1, 2]] * 4, pa.list_(pa.int64()))
    whole = ":v: whole numbers (int64), not embeddings; `dtype='float32'` converts them"
    invalid("whole_numbers", {"w": TEXT, "v": numbers}, whole)
    fixed = f"fixed_size_list<{item}: float>[2]"
    invalid("two_matrices", {"w": TEXT, "u": FIXED, "v": FIXED}, f": {lists} (u: {fixed}, v: {fixed})")
    words = f": 2 columns may be the words: name one with `vocab=` (a: string, b: string, v: {fixed})"
    invalid("two_columns_of_words", {"a": TEXT, "b": TEXT, "v": FIXED}, words)
    invalid("ragged", {"w": TEXT, "v": ragged}, ":v: 1 numbers in row 1, expected 2")
    invalid("null_number", {"w": TEXT, "v": holes}, ":v: a number is null")
    missing = pa.array([*WORDS[:3], None])
    invalid("null_word", {"w": missing, "v": FIXED}, ":w: row 3 is null, expected a value in every row")
    invalid("no_rows", {"w": TEXT[:0], "v": FIXED[:0]}, ": a table without rows")
