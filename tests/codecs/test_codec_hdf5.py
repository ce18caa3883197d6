"""HDF5: common layouts, refused files, and damaged files that must not crash or hang."""

from __future__ import annotations

import contextlib
import hashlib
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.running import output_of, run_code
from support.tables import words_and_rows

import embstore
from embstore.codecs import hdf5 as codec
from embstore.codecs.hdf5 import child as hdf5_child
from embstore.codecs.hdf5 import process
from embstore.codecs.hdf5 import target as hdf5_target
from embstore.codecs.hdf5.request import Request
from embstore.codecs.hdf5.table import words_in
from embstore.codecs.hdf5.writing import write_hdf5
from embstore.core.batch import Batch, Source, Tokens
from embstore.core.options import Dtype, ReadOptions, WriteOptions
from embstore.files.input import Input

WORDS = ["the", "frog", "žába"]
MATRIX = np.array([[0.5, -1.5], [2.25, 3], [1, 0.125]], np.float32)
TEXT = h5py.string_dtype()


def generic(file: Any) -> None:
    file["some/vectors"] = MATRIX
    file.create_dataset("some/names", data=WORDS, dtype=TEXT)
    file["some/counts"] = np.arange(3)
    file["other"] = np.ones((5, 2), np.float32)


def fixed_length(file: Any) -> None:
    file["vectors"] = MATRIX
    file["words"] = np.array([word.encode() for word in WORDS])


def chunked(file: Any) -> None:
    file.create_dataset("vectors", data=MATRIX, chunks=(2, 1), compression="gzip", shuffle=True, fletcher32=True)
    file.create_dataset("words", data=WORDS, dtype=TEXT, chunks=(2,), compression="lzf")


def big_endian_double(file: Any) -> None:
    file["vectors"] = MATRIX.astype(">f8")
    file.create_dataset("words", data=WORDS, dtype=TEXT)


def half(file: Any) -> None:
    file["vectors"] = MATRIX.astype("<f2")
    file.create_dataset("words", data=WORDS, dtype=TEXT)


def pandas_fixed(file: Any) -> None:
    """As DataFrame.to_hdf(format="fixed") writes it; ConceptNet Numberbatch has this layout."""
    group = file.create_group("mat")
    group.attrs["pandas_type"] = np.bytes_(b"frame")
    group["axis0"] = np.arange(2)
    group["block0_items"] = np.arange(2)
    group["axis1"] = np.array([word.encode() for word in WORDS])
    group["block0_values"] = MATRIX
    group["block0_values"].attrs["transposed"] = True
    file["more"] = np.ones((3, 7), np.float32)


def pandas_by_column(file: Any) -> None:
    pandas_fixed(file)
    del file["mat/block0_values"]
    file["mat/block0_values"] = MATRIX.T.copy()
    file["mat/block0_values"].attrs["transposed"] = False


def anndata(file: Any) -> None:
    file["X"] = MATRIX
    file["obsm/pca"] = np.ones((3, 2), np.float32)
    file.create_dataset("obs/cell", data=WORDS, dtype=TEXT)
    file.create_dataset("obs/kind", data=["a", "b", "c"], dtype=TEXT)
    file["obs"].attrs["_index"] = "cell"


LAYOUTS = [
    generic, fixed_length, chunked, big_endian_double, half, pandas_fixed, pandas_by_column, anndata
]  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_layouts_with_their_words(tmp_path: Path, layout: Callable[[Any], None]) -> None:
    with h5py.File(tmp_path / "t.h5", "w") as file:
        layout(file)
    assert words_and_rows(tmp_path / "t.h5") == (WORDS, MATRIX.tolist())


def keras(file: Any) -> None:
    file["layers/embedding/vars/0"] = MATRIX
    file["layers/dense/vars/0"] = np.ones((2, 4), np.float32)
    file["optimizer/vars/2"] = MATRIX


def keras_legacy(file: Any) -> None:
    file["model_weights/embedding_1/embedding_1/embeddings:0"] = MATRIX
    file["model_weights/dense/dense/kernel:0"] = np.ones((2, 4), np.float32)


@pytest.mark.parametrize("layout", [keras, keras_legacy], ids=lambda layout: layout.__name__)
def test_layouts_whose_words_are_in_another_file(tmp_path: Path, layout: Callable[[Any], None]) -> None:
    with h5py.File(tmp_path / "t.h5", "w") as file:
        layout(file)
    (tmp_path / "words.txt").write_text("".join(word + "\n" for word in WORDS), encoding="utf-8")
    assert words_and_rows(tmp_path / "t.h5", vocab=tmp_path / "words.txt") == (WORDS, MATRIX.tolist())
    (tmp_path / "t.vocab.json").write_text(json.dumps(WORDS))
    assert words_and_rows(tmp_path / "t.h5") == (WORDS, MATRIX.tolist())


def test_the_entity_names_of_pytorch_biggraph_are_found(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "embeddings_user_0.v50.h5", "w") as file:
        file["embeddings"] = MATRIX
        file["optimizer/state_dict"] = np.arange(3, dtype=np.uint8)
    (tmp_path / "entity_names_user_0.json").write_text(json.dumps(WORDS))
    assert words_and_rows(tmp_path / "embeddings_user_0.v50.h5") == (WORDS, MATRIX.tolist())


def test_a_user_block_is_skipped(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "t.h5", "w", userblock_size=512) as file:
        generic(file)
    assert words_and_rows(tmp_path / "t.h5") == (WORDS, MATRIX.tolist())


def two_tables(file: Any) -> None:
    for name in ("a", "b"):
        file[f"{name}/vectors"] = MATRIX * (1 if name == "a" else 2)
        file.create_dataset(f"{name}/words", data=[f"{name}{i}" for i in range(3)], dtype=TEXT)


def test_key_and_vocab_choose(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "t.h5", "w") as file:
        two_tables(file)
    expected = ["b0", "b1", "b2"], (MATRIX * 2).tolist()
    assert words_and_rows(tmp_path / "t.h5", key="b/vectors", vocab="b/words") == expected
    assert words_and_rows(tmp_path / "t.h5", key="/b/", vocab="/b/words") == expected


def integers(file: Any) -> None:
    file["ids"] = np.ones((3, 2), np.int64)
    file.create_dataset("words", data=WORDS, dtype=TEXT)


def test_integers_are_converted_to_dtype(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "t.h5", "w") as file:
        integers(file)
    store = embstore.open(tmp_path / "t.h5", dtype="float16")
    assert (store.dtype, store.vectors.tolist()) == ("float16", [[1, 1]] * 3)


def several_blocks(file: Any) -> None:
    pandas_fixed(file)
    file["mat/block1_values"] = MATRIX


def pickled_labels(file: Any) -> None:
    pandas_fixed(file)
    del file["mat/axis1"]
    file.create_dataset("mat/axis1", (1,), h5py.vlen_dtype(np.uint8))


def external_link(file: Any) -> None:
    file["table"] = h5py.ExternalLink("elsewhere.h5", "/vectors")


def soft_link(file: Any) -> None:
    file["real"] = MATRIX
    file["table"] = h5py.SoftLink("/real")


def external_storage(file: Any) -> None:
    file.create_dataset("table", (3, 2), "f4", external=[("/etc/hostname", 0, 24)])


def virtual(file: Any) -> None:
    layout = h5py.VirtualLayout((3, 2), "f4")
    layout[:] = h5py.VirtualSource("elsewhere.h5", "vectors", (3, 2))
    file.create_virtual_dataset("table", layout)


def unknown_filter(file: Any) -> None:
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((3, 2))
    properties.set_filter(32015, h5py.h5z.FLAG_OPTIONAL)
    space = h5py.h5s.create_simple((3, 2))
    h5py.h5d.create(file.id, b"table", h5py.h5t.IEEE_F32LE, space, properties)


def never_written(file: Any) -> None:
    file.create_dataset("table", (10**9, 10**6), "f4", chunks=(1000, 100))


def matrix_alone(file: Any) -> None:
    file["table"] = MATRIX


def three_axes(file: Any) -> None:
    file["table"] = np.ones((3, 2, 2), np.float32)


UNNAMED = (
    "t.vocab.txt, t.vocab.json, tokenizer.json, vocab.txt, vocab.json, encoder.json, words.npy next to it; "
    "`vocab=` names a file with the words"
)
REFUSED = [
    (two_tables, {}, ": 2 matrices may be the table: name one with `key=` "
     "(a/vectors float32 (3, 2), b/vectors float32 (3, 2))"),
    (two_tables, {"key": "a"}, ":a/vectors: 2 datasets may be its words: name one with `vocab=` (a/words, b/words)"),
    (two_tables, {"key": "c"}, ":c: no such dataset or group in this file"),
    (two_tables, {"key": "a/vectors/x"}, ":a/vectors/x: no such dataset or group in this file"),
    (two_tables, {"key": "a", "vocab": "b"}, ":b: a group, expected a dataset of words"),
    (two_tables, {"key": "a", "vocab": "b/vectors"}, ":b/vectors: float32 (3, 2), expected a list of strings "
     "(pickled labels are not read)"),
    (integers, {}, ":ids: whole numbers (int64), not embeddings; `dtype='float32'` converts them"),
    (integers, {"key": "ids"}, ":ids: whole numbers (int64), not embeddings; "
     "`dtype='float32'` converts them"),
    (several_blocks, {"key": "mat/block0_values"}, ":mat/block0_values: several blocks of columns, expected one: "
     "the frame has columns of several types; if one has the words, make it the index before the frame is saved"),
    (pickled_labels, {}, ":mat/axis1: object (1,), expected a list of strings (pickled labels are not read)"),
    (external_link, {}, ": no floating-point matrix: the file has no datasets; links not followed: table"),
    (external_link, {"key": "table"}, ":table: a link, not followed because it may lead out of the file"),
    (external_link, {"key": "table/vectors"}, ":table: a link, not followed because it may lead out of the file"),
    (soft_link, {"key": "table"}, ":table: a link, not followed because it may lead out of the file"),
    (external_storage, {}, ":table: external storage, which reads other files: copy it into this one first"),
    (virtual, {}, ":table: a virtual dataset, which reads other files: copy it into this one first"),
    (unknown_filter, {}, ":table: compressed with filter 32015 (), which is not supported: use gzip"),
    (never_written, {}, ":table: claims 4,000,000,000,000,000 bytes, but 0 are stored: cut short, or never written"),
    (three_axes, {"key": "table"}, ":table: float32 (3, 2, 2), expected rows of float16, float32 or float64"),
    (matrix_alone, {}, f": no words for 3 rows: none of {UNNAMED}"),
]  # fmt: skip


@pytest.mark.parametrize(("layout", "reading", "message"), REFUSED, ids=lambda value: getattr(value, "__name__", ""))
def test_refused(tmp_path: Path, layout: Callable[[Any], None], reading: dict[str, Any], message: str) -> None:
    with h5py.File(tmp_path / "t.h5", "w") as file:
        layout(file)
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(tmp_path / "t.h5", **reading)
    assert str(caught.value) == f"{tmp_path / 't.h5'}{message}"


def test_words_of_another_file_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "t.h5", "w") as file:
        matrix_alone(file)
    (tmp_path / "vocab.txt").write_text("a\nb\n")
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(tmp_path / "t.h5")
    reason = f"3 rows, but 2 words in {tmp_path / 'vocab.txt'}; a JSON object from word to row may skip rows"
    assert str(caught.value) == f"{tmp_path / 't.h5'}: {reason}"


@pytest.mark.parametrize("chunks", [None, (7000, 3)])
def test_rows_may_be_skipped_and_shared(tmp_path: Path, chunks: tuple[int, int] | None) -> None:
    """As in the word_index of Keras, whose row 0 is padding."""
    many: NDArray[np.float32] = np.arange(200_000 * 3, dtype=np.float32).reshape(-1, 3)
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file.create_dataset("embeddings", data=many, chunks=chunks)
    rows = [1, 2, 2, 99_000, 199_999]
    (tmp_path / "t.vocab.json").write_text(json.dumps({f"w{i}": row for i, row in enumerate(rows)}))
    with pytest.warns(embstore.EmbstoreWarning, match="^rows without a word left out: 199,996$"):
        found = words_and_rows(tmp_path / "t.h5")
    assert found == ([f"w{i}" for i in range(5)], many[rows].tolist())


@pytest.mark.parametrize("chunks", [(7, 64), (5000, 3), (12_000, 70)])
def test_chunks_do_not_separate_words_from_rows(tmp_path: Path, chunks: tuple[int, int]) -> None:
    many: NDArray[np.float32] = np.arange(12_000 * 70, dtype=np.float32).reshape(-1, 70)
    words = [f"word{i}" for i in range(len(many))]
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file.create_dataset("vectors", data=many, chunks=chunks, compression="gzip")
        file.create_dataset("words", data=np.array(words, "S9"), chunks=chunks[:1], compression="gzip")
    assert words_and_rows(tmp_path / "t.h5") == (words, many.tolist())


def test_a_file_cut_short_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "t.h5"
    with h5py.File(path, "w") as file:
        generic(file)
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(embstore.FormatError, match="cannot be read, it is damaged or cut short") as caught:
        embstore.open(path)
    assert "\n" not in str(caught.value)


def test_a_child_that_crashes_is_an_error_of_one_line(tmp_path: Path) -> None:
    path = tmp_path / "t.h5"
    path.touch()
    request = Request(descriptor=None, path=str(tmp_path / "missing"), key=None, vocab=None, words=True, integers=False)
    child = process.Child(Input(path), request, "hdf5")
    with contextlib.closing(child), pytest.raises(embstore.FormatError) as caught:
        child.read(8)
    assert str(caught.value).startswith(
        f"{path}: damaged: the process reading it ended with code 1 FileNotFoundError: "
    )
    assert "\n" not in str(caught.value)


def test_damage_anywhere_is_an_error_or_a_table(tmp_path: Path) -> None:
    path = tmp_path / "t.h5"
    with h5py.File(path, "w", libver="latest") as file:
        chunked(file)
    whole = path.read_bytes()
    for position in range(16, len(whole), len(whole) // 4):
        path.write_bytes(whole[:position] + b"\xff" * 24 + whole[position + 24 :])
        with contextlib.suppress(embstore.EmbstoreError):  # any other error fails the test
            embstore.open(path)


def test_stopping_early_leaves_no_child(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file.create_dataset("v", data=np.ones((100_000, 32), np.float32), chunks=(1000, 32))
        file.create_dataset("w", data=[f"w{i}" for i in range(100_000)], dtype=TEXT)
    before = threading.active_count()
    store = embstore.open(tmp_path / "t.h5", limit=5)
    assert len(store) == 5
    codec.read(Input(tmp_path / "t.h5"), ReadOptions())  # never consumed
    assert threading.active_count() == before  # the thread that reads a child's pipe ends with the child


def test_provenance(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "t.h5", "w") as file:
        generic(file)
    source = codec.read(Input(tmp_path / "t.h5"), ReadOptions())
    list(source.batches)
    data = (tmp_path / "t.h5").read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    assert source.provenance() == {"name": "t.h5", "format": "hdf5", "size": str(len(data)), "sha256": digest}


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_written_is_read_by_h5py_and_reads_back(tmp_path: Path, dtype: Dtype) -> None:
    many: NDArray[np.float32] = np.random.default_rng(0).standard_normal((5000, 70)).astype(np.float32)
    words = [f"word{i}ž" for i in range(4998)] + ["a\nb", ""]
    embstore.save(tmp_path / "s.safetensors", words, many, dtype=dtype)
    store = embstore.open(tmp_path / "s.safetensors")
    embstore.convert(tmp_path / "s.safetensors", tmp_path / "t.h5")
    with h5py.File(tmp_path / "t.h5") as file:
        assert file["vectors"].dtype == ("<f2" if dtype == "float16" else "<f4")
        assert file["vectors"][:].tobytes() == store.vectors.tobytes()
        assert file["tokens"].asstr()[:].tolist() == words
    assert words_and_rows(tmp_path / "t.h5") == (words, store.vectors.astype(np.float64).tolist())


def test_a_token_with_nul_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    embstore.save(tmp_path / "s.safetensors", ["ok", "a\0b"], MATRIX[:2])
    with pytest.raises(embstore.FormatError) as caught:
        embstore.convert(tmp_path / "s.safetensors", tmp_path / "t.h5")
    reason = "a token contains a NUL byte, which ends strings in HDF5: write a store"
    assert str(caught.value) == f"{tmp_path / 't.h5'}: {reason}"
    assert [path.name for path in tmp_path.iterdir()] == ["s.safetensors"]


@pytest.mark.parametrize("rows", [1, 3, 300, 65536, 65537])
@pytest.mark.parametrize("batch", [7, 1 << 20])
def test_chunks_are_no_larger_than_the_table(tmp_path: Path, rows: int, batch: int) -> None:
    if rows // batch > 100:
        batch = rows // 100
    matrix = np.arange(rows, dtype=np.float32)[:, np.newaxis]
    words = Tokens.pack(map(str, range(rows)))
    parts = (Batch(words[at : at + batch], matrix[at : at + batch]) for at in range(0, rows, batch))
    write_hdf5(tmp_path / "t.h5", Source(1, parts), WriteOptions())
    with h5py.File(tmp_path / "t.h5") as file:
        assert file["vectors"].chunks == (min(rows, 65536), 1)
        assert file["tokens"].chunks == (min(rows, 4096),)
        assert file["vectors"][:].tolist() == matrix.tolist()
        assert file["tokens"].asstr()[:].tolist() == [str(row) for row in range(rows)]
    if rows == 3:
        assert (tmp_path / "t.h5").stat().st_size < 12_000


FULL = """
import resource, sys
import embstore
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
try:
    embstore.convert(sys.argv[1], sys.argv[2], **eval(sys.argv[4]))
except OSError as error:
    print(error.strerror)
"""


@pytest.mark.parametrize("limit", [3_000, 1_500_000])  # reached when the file is closed, or while rows are written
@pytest.mark.parametrize("options", [{}, {"compression": "gzip"}, {"layout": "contiguous"}, {"strings": "fixed"}])
def test_a_full_disk_is_an_error_not_a_crash(tmp_path: Path, options: dict[str, str], limit: int) -> None:
    rows = 10_000 if limit > 100_000 else 9
    words: list[str] = [f"w{i}" for i in range(rows)]
    embstore.save(tmp_path / "s.safetensors", words, np.random.default_rng(0).standard_normal((rows, 90)))
    assert output_of(FULL, tmp_path / "s.safetensors", tmp_path / "t.h5", limit, repr(options)) == "File too large\n"
    assert [path.name for path in tmp_path.iterdir()] == ["s.safetensors"]


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 30), st.binary(max_size=9)) | st.tuples(st.integers(0, 30), st.integers(0, 9)),
        max_size=20,
    ),
    full_at=st.integers(0, 40),
)
def test_data_that_did_not_fit_on_the_disk_is_read_back(
    steps: list[tuple[int, bytes | int]], full_at: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The bytes read are as on a disk with enough space, although the file itself is cut short."""
    with (tmp_path_factory.mktemp("target") / "t").open("x+b", buffering=0) as file:
        target, model = hdf5_target.Target(LimitedFile(file, full_at)), bytearray(60)  # type: ignore[arg-type]
        for place, what in steps:
            target.seek(place)
            if isinstance(what, bytes):
                target.write(what)
                model[place : place + len(what)] = what
            else:
                assert target.read(what) == bytes(model[place : place + what])
        if any(isinstance(what, bytes) and what and place + len(what) > full_at for place, what in steps):
            with pytest.raises(OSError, match=r"^no room$"):
                target.check()
        else:
            target.check()


class LimitedFile:
    """A file with room up to a position."""

    def __init__(self, file: Any, room: int) -> None:
        self.file, self.room = file, room
        self.seek, self.readinto = file.seek, file.readinto

    def write(self, data: memoryview) -> int:
        fits = data[: max(0, self.room - self.file.tell())]
        if not len(fits):
            raise OSError("no room")
        written: int = self.file.write(fits)
        return written


STOPPED = """
import os, signal, sys, threading, time
import numpy as np
from embstore.core.batch import Batch, Source, Tokens
from embstore.codecs.hdf5.writing import write_hdf5
from embstore.core.options import WriteOptions
import h5py
def batches():
    rows = np.random.default_rng(0).standard_normal((2000, 100)).astype("f4")
    for i in range(100):
        yield Batch(Tokens.pack(f"{i}.{row}" for row in range(2000)), rows)
def stop():
    time.sleep(float(sys.argv[2]))
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=stop, daemon=True).start()
write_hdf5(sys.argv[1], Source(100, batches()), WriteOptions(compression="gzip"))
"""


def test_ctrl_c_while_libhdf5_writes_does_not_crash(tmp_path: Path) -> None:
    for delay in (0.05, 0.1, 0.15, 0.2, 0.25):
        done = run_code(STOPPED, tmp_path / "t.h5", delay)
        assert done.returncode == -signal.SIGINT
        assert list(tmp_path.iterdir()) == []


def test_a_chunk_of_words_larger_than_a_block_is_decompressed_once(tmp_path: Path) -> None:
    words = [f"w{i}" for i in range(5000)]
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["vectors"] = np.zeros((5000, 1000), np.float32)  # blocks of 262 rows
        file.create_dataset("words", data=np.array(words, "S300"), chunks=(5000,), compression="gzip")
    reads: list[tuple[int, int]] = []
    with h5py.File(tmp_path / "t.h5") as file:
        found = words_in("words", file["words"])

        def read(start: int, stop: int) -> NDArray[Any]:
            reads.append((start, stop))
            return found.read(start, stop)

        blocks = hdf5_child._Blocks(read, found.chunk, 262)
        parts = [part for start in range(0, 5000, 262) for part in blocks.parts(start, min(start + 262, 5000))]
    assert [word.decode() for part in parts for word in part] == words
    assert reads == [(0, 5000)]
    assert words_and_rows(tmp_path / "t.h5")[0] == words


@pytest.mark.parametrize("closed", ["0", "0, 1", "0, 1, 2"])
def test_a_process_without_standard_streams_reads_it(tmp_path: Path, closed: str) -> None:
    """The file must not get a descriptor that a child process has for a standard stream."""
    with h5py.File(tmp_path / "t.h5", "w") as file:
        generic(file)
    code = (
        "import os, sys\n"
        f"for number in [{closed}]: os.close(number)\n"
        "import embstore\n"
        "store = embstore.open(sys.argv[1])\n"
        "open(sys.argv[2], 'w').write(repr(store))\n"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "t.h5", tmp_path / "said"], check=True)
    assert (tmp_path / "said").read_text() == repr(embstore.open(tmp_path / "t.h5"))
