"""HDF5 files, written by h5py: layouts found in practice, references to other files, and files without a table."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from makers.golden import write_invalid, write_json, write_valid

WORDS: list[str | bytes] = ["the", "frog", "\u017e\u00e1ba"]
ROWS = ["0.5 -1.5", "2.25 3", "1 0.125"]
MATRIX = np.array([[0.5, -1.5], [2.25, 3], [1, 0.125]], "<f4")
LABELS = np.array([word.encode() for word in WORDS if isinstance(word, str)])
TEXT = h5py.string_dtype()


def make(folder: Path) -> None:
    """Write the files."""
    for layout, about in LAYOUTS.items():
        write_valid(folder, f"{layout.__name__}.h5", made(layout), about, WORDS, ROWS)
    chosen = {"key": "b", "vocab": "b/w"}
    write_valid(
        folder, "by_key.h5", made(two), "one of two matrices, by its name", ["b0", "b1", "b2"], ROWS, read=chosen
    )
    for layout in (keras, keras_legacy):
        write_json(folder / "valid" / f"{layout.__name__}.vocab.json", WORDS)
    _invalid(folder)


def made(layout: Callable[[Any], None]) -> bytes:
    """Return the bytes of a file."""
    buffer = io.BytesIO()
    block = {"userblock_size": 512} if layout is userblock else {}
    with h5py.File(buffer, "w", **block) as file:
        layout(file)
    return buffer.getvalue()


def plain(file: Any) -> None:
    """Write a matrix and as many fixed-length strings, among other datasets."""
    file["some/vectors"] = MATRIX
    file["some/words"] = LABELS
    file["some/counts"] = np.arange(3)
    file["other"] = np.ones((5, 2), "<f4")


def variable(file: Any) -> None:
    """Write variable-length strings."""
    file["vectors"] = MATRIX
    file.create_dataset("tokens", data=WORDS, dtype=TEXT)


def chunked(file: Any) -> None:
    """Write chunks that divide the columns, with shuffle, gzip and a checksum."""
    file.create_dataset("vectors", data=MATRIX, chunks=(2, 1), compression="gzip", shuffle=True, fletcher32=True)
    file.create_dataset("words", data=LABELS, chunks=(2,), compression="lzf")


def big_endian(file: Any) -> None:
    """Write big-endian float64."""
    file["vectors"] = MATRIX.astype(">f8")
    file["words"] = LABELS


def half(file: Any) -> None:
    """Write float16."""
    file["vectors"] = MATRIX.astype("<f2")
    file["words"] = LABELS


def userblock(file: Any) -> None:
    """Write a user block of 512 bytes at the start."""
    plain(file)


def pandas_fixed(file: Any) -> None:
    """Write a pandas frame in format fixed, like ConceptNet Numberbatch."""
    group = file.create_group("mat")
    group.attrs["pandas_type"] = np.bytes_(b"frame")
    group["axis0"] = group["block0_items"] = np.arange(2)
    group["axis1"] = LABELS
    group["block0_values"] = MATRIX
    group["block0_values"].attrs["transposed"] = True


def pandas_by_column(file: Any) -> None:
    """Write a pandas frame whose block is not transposed."""
    pandas_fixed(file)
    del file["mat/block0_values"]
    file["mat/block0_values"] = np.ascontiguousarray(MATRIX.T)
    file["mat/block0_values"].attrs["transposed"] = False


def anndata(file: Any) -> None:
    """Write anndata: X, and the names in obs."""
    file["X"] = MATRIX
    file["pca"] = np.ones((3, 2), "<f4")
    file["obs/cell"] = LABELS
    file["obs/kind"] = np.array([b"a", b"b", b"c"])
    file["obs"].attrs["_index"] = "cell"


def keras(file: Any) -> None:
    """Write weights of Keras 3; the words are in another file."""
    file["layers/embedding/vars/0"] = MATRIX
    file["optimizer/2"] = MATRIX


def keras_legacy(file: Any) -> None:
    """Write weights of Keras before 3; the words are in another file."""
    file["model_weights/embedding_1/embedding_1/embeddings:0"] = MATRIX
    file["model_weights/dense/dense/kernel:0"] = np.ones((2, 4), "<f4")


LAYOUTS = {
    plain: "a matrix and as many fixed-length strings, and other datasets",
    variable: "variable-length strings",
    chunked: "chunks of single columns, compressed with shuffle, gzip and a checksum",
    big_endian: "big-endian float64",
    half: "float16",
    userblock: "a user block of 512 bytes before the data",
    pandas_fixed: "a pandas data frame, format fixed, the layout of ConceptNet Numberbatch",
    pandas_by_column: "a pandas data frame whose block is not transposed",
    anndata: "anndata: X and the names of obs",
    keras: "weights of Keras 3; the words are in another file",
    keras_legacy: "weights of Keras before 3; the words are in another file",
}


def two(file: Any) -> None:
    """Write two tables."""
    for name in ("a", "b"):
        file[f"{name}/v"] = MATRIX
        file[f"{name}/w"] = np.array([f"{name}{i}".encode() for i in range(3)])


def _invalid(folder: Path) -> None:
    def invalid(layout: Callable[[Any], None], message: str, **more: Any) -> None:
        write_invalid(folder, f"{layout.__name__}.h5", made(layout), f"{{path}}{message}", **more)

    cure = "which reads other files: copy it into this one first"
    invalid(external_link, ":t: a link, not followed because it may lead out of the file", read={"key": "t/v"})
    invalid(external_storage, f":t: external storage, {cure}")
    invalid(virtual, f":t: a virtual dataset, {cure}")
    invalid(unknown_filter, ":t: compressed with filter 32015 (), which is not supported: use gzip")
    invalid(never_written, ":t: claims 4,000,000,000,000,000 bytes, but 0 are stored: cut short, or never written")
    invalid(pickled_labels, ":mat/axis1: object (1,), expected a list of strings (pickled labels are not read)")
    whole = ":ids: whole numbers (int64), not embeddings; `dtype='float32'` converts them"
    invalid(whole_numbers, whole, read={"key": "ids"})
    invalid(whole_numbers_unnamed, whole)
    listed = "a/v float32 (3, 2), b/v float32 (3, 2)"
    invalid(two, f": 2 matrices may be the table: name one with `key=` ({listed})")


def external_link(file: Any) -> None:
    """Link into another file."""
    file["t"] = h5py.ExternalLink("elsewhere.h5", "/")


def external_storage(file: Any) -> None:
    """Store the numbers in another file."""
    file.create_dataset("t", (3, 2), "<f4", external=[("elsewhere", 0, 24)])


def virtual(file: Any) -> None:
    """Refer to the numbers of another file."""
    properties, space = _properties(), h5py.h5s.create_simple((3, 2))
    properties.set_virtual(space, b"elsewhere.h5", b"v", space)
    h5py.h5d.create(file.id, b"t", h5py.h5t.IEEE_F32LE, space, properties)


def unknown_filter(file: Any) -> None:
    """Compress with a filter for which libhdf5 would load a plugin."""
    properties, space = _properties(), h5py.h5s.create_simple((3, 2))
    properties.set_chunk((3, 2))
    properties.set_filter(32015, h5py.h5z.FLAG_OPTIONAL)
    h5py.h5d.create(file.id, b"t", h5py.h5t.IEEE_F32LE, space, properties)


def _properties() -> Any:
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_obj_track_times(False)
    return properties


def never_written(file: Any) -> None:
    """Declare four petabytes that are not stored."""
    file.create_dataset("t", (10**9, 10**6), "<f4", chunks=(1000, 100))


def pickled_labels(file: Any) -> None:
    """Pickle the labels, as pandas does if not all are strings."""
    pandas_fixed(file)
    del file["mat/axis1"]
    file.create_dataset("mat/axis1", (1,), h5py.vlen_dtype(np.uint8))


def whole_numbers(file: Any) -> None:
    """Write an integer matrix and no floating one."""
    file["ids"] = np.ones((3, 2), "<i8")
    file["words"] = LABELS


def whole_numbers_unnamed(file: Any) -> None:
    """Write an integer matrix and no floating one, read without naming the matrix."""
    whole_numbers(file)
