"""What a header declares, or a compressed file unpacks to, takes no memory before it is needed."""

from __future__ import annotations

import bz2
import gzip
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from support.bounded import run_bounded

from embstore.codecs.shared.npy_array import build_header

CHILD = """
import json, sys
import embstore, embstore.ops.read, embstore.ops.report, embstore.ops.selection
from embstore.codecs.registry.table import CODECS
from support.bounded import limit_memory
for name in ("glove", "word2vec", "word2vec-bin", "npz", "fasttext", "parquet", "arrow"):
    CODECS[name].reader()
import warnings, pyarrow.compute, pyarrow.parquet
warnings.simplefilter("ignore", embstore.EmbstoreWarning)
limit_memory((1000 if "pyarrow" in sys.argv else 300) << 20)  # its threads take addresses
try:
    found = str(embstore.open(sys.argv[1], **json.loads(sys.argv[2])))
except embstore.FormatError as error:
    found = str(error)
print(json.dumps(found))
"""


def write_zeros(path: Path, rows: int, dim: int, order: bytes) -> None:
    """Write an .npz of zeros, which deflate packs to less than a thousandth; all words are empty."""
    arrays = {"m": ("<f4", (rows, dim), 4 * rows * dim), "w": ("<U1", (rows,), 4 * rows)}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, (descr, shape, left) in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                member.write(build_header(descr, shape).replace(b"False", order))
                for start in range(0, left, 1 << 20):
                    member.write(bytes(min(1 << 20, left - start)))


@pytest.mark.parametrize("order", [b"False", b"True "], ids=["C", "Fortran"])
def test_a_limit_reads_an_archive_in_blocks(tmp_path: Path, order: bytes) -> None:
    path = tmp_path / "t.npz"
    write_zeros(path, 500_000, 250, order)
    assert path.stat().st_size < 1 << 20
    assert run_bounded(CHILD, path, '{"limit": 1}') == "<Store t.npz: 1 x 250 float32>"


@pytest.mark.parametrize("options", ["{}", '{"limit": 1}'])
def test_an_endless_line_is_not_kept(tmp_path: Path, options: str) -> None:
    path, packer = tmp_path / "t.txt.bz2", bz2.BZ2Compressor()
    path.write_bytes(b"".join(packer.compress(b"1" * (1 << 20)) for _ in range(256)) + packer.flush())
    reason = "a line of more than 16 MB: not text with one row per line"
    assert run_bounded(CHILD, path, options) == f"{path}:1: {reason}"


def test_rows_that_a_header_declares(tmp_path: Path) -> None:
    text, binary = tmp_path / "t.vec", tmp_path / "t.bin.gz"
    text.write_bytes(b"999999999999999999 2\na 1 2\n")
    assert run_bounded(CHILD, text, '{"limit": 1}') == "<Store t.vec: 1 x 2 float32>"
    binary.write_bytes(gzip.compress(b"999999999999999999 4194304\na " + bytes(1000)))
    reason = "ends in row 1 of 999,999,999,999,999,999: it is cut short or the header is wrong"
    assert run_bounded(CHILD, binary, "{}") == f"{binary}: {reason}"


@pytest.mark.parametrize("name", ["t.arrow", "view.arrow"])
@pytest.mark.parametrize("options", ["{}", '{"limit": 1}'])
def test_a_long_word_that_a_dictionary_repeats(tmp_path: Path, name: str, options: str) -> None:
    """2 GB of words in a file of some kilobytes, which become one row."""
    rows, path = 20_000, tmp_path / name
    words = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array(["x" * 100_000]))
    if name == "view.arrow":
        views = np.tile(np.array([100_000, 0x78787878, 0, 0], np.int32), rows)
        words = pa.Array.from_buffers(
            pa.string_view(), rows, [None, pa.py_buffer(views.tobytes()), pa.py_buffer(b"x" * 100_000)]
        )
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(2 * rows, np.float32)), 2)
    table = pa.table({"token": words, "vector": vectors})
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    assert path.stat().st_size < 1 << 20
    assert run_bounded(CHILD, path, options, "pyarrow") == f"<Store {name}: 1 x 2 float32>"


def test_wide_rows_of_a_parquet_file_are_read_a_few_at_once(tmp_path: Path) -> None:
    """2 GB of zeros, of which one row is asked for."""
    rows, dim, path = 2000, 250_000, tmp_path / "t.parquet"
    schema = pa.schema([("token", pa.string()), ("vector", pa.list_(pa.float32(), dim))])
    with parquet.ParquetWriter(path, schema) as writer:
        for start in range(0, rows, 100):
            vectors = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(100 * dim, np.float32)), dim)
            words = pa.array([f"w{row}" for row in range(start, start + 100)])
            writer.write_table(pa.table([words, vectors], schema=schema))
    assert run_bounded(CHILD, path, '{"limit": 1}', "pyarrow") == f"<Store t.parquet: 1 x {dim} float32>"
