"""HDF5 by h5py, in the layouts of pandas, Keras, anndata, PyTorch-BigGraph and plain pairs (formats/hdf5/SPEC.md)."""

from __future__ import annotations

import contextlib
import json
import mmap
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embstore.atomic import replacing
from embstore.batch import Batch, Dtype, Progress, ReadOptions, Source, Tokens
from embstore.codecs.hdf5_process import Child
from embstore.codecs.matrix import Origin, RowReader, matrix_source
from embstore.codecs.tokenizer import read_words, words_beside
from embstore.errors import FormatError
from embstore.inputs import open_regular

NAME = "hdf5"
CHUNK_BYTES = 1 << 18  # a quarter of libhdf5's chunk cache


def read(path: str | Path, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read a matrix and its words; the file itself is opened in a process of its own."""
    path = Path(path)
    open_regular(path).close()
    origin = Origin(path, NAME)
    vocab_file = options.vocab if options.vocab and Path(options.vocab).is_file() else None
    vocab = None if vocab_file or not options.vocab else str(options.vocab)
    request = {
        "path": str(path),
        "key": options.key,
        "vocab": vocab,
        "words": vocab_file is None,
        "integers": options.dtype is not None,
    }
    child = Child(path, request, NAME)
    try:
        plan: dict[str, Any] = json.loads(child.read(int.from_bytes(child.read(8), sys.byteorder)))
        tokens = _tokens(child, plan["rows"]) if plan["words"] else _words_from_file(path, vocab_file, plan)
        rows = _streamed(child, plan) if plan["offset"] is None else _mapped(path, plan)
    except BaseException:
        child.close()
        raise
    found = np.dtype(plan["dtype"])
    kept: Dtype = "float16" if found == np.float16 else "float32"
    floating = None if found.kind == "f" else np.float32
    source = matrix_source(
        tokens,
        plan["dim"],
        kept if floating is None or options.dtype is None else options.dtype,
        lambda start, stop: np.require(rows(start, stop), floating, ["A"]),
        origin,
        progress,
        row_bytes=plan["dim"] * found.itemsize,
    )
    return source.through(lambda batches: _ending(child, batches))


def _tokens(child: Child, count: int) -> Tokens:
    """Read the tokens in the child's blocks."""
    lengths, data = [np.zeros(1, np.int64)], bytearray()
    missing = count
    while missing:
        block = int(np.frombuffer(child.read(8), np.int64)[0])
        lengths.append(np.frombuffer(child.read(8 * block), np.int64))
        data += child.read(int(lengths[-1].sum()))
        missing -= block
    return Tokens(np.frombuffer(data, np.uint8), np.cumsum(np.concatenate(lengths)))


def _words_from_file(path: Path, vocab: str | Path | None, plan: dict[str, Any]) -> Tokens:
    words = read_words(vocab or _entity_names(path) or words_beside(path, repr(plan["matrix"].lstrip("/")), NAME))
    if len(words.tokens) != plan["rows"] or not words.is_whole:
        reason = f"{plan['rows']} rows, but {len(words.tokens)} words: they belong to another file"
        raise FormatError(path, reason, where=plan["matrix"].lstrip("/"), format=NAME)
    return words.tokens


def _entity_names(path: Path) -> Path | None:
    """Names of PyTorch-BigGraph: embeddings_user_0.v50.h5 has them in entity_names_user_0.json, in its folder."""
    match = re.fullmatch(r"embeddings_(.+_\d+)(\.v\d+)?", path.stem)
    names = path.with_name(f"entity_names_{match[1]}.json") if match else path
    return names if match and names.is_file() else None


def _mapped(path: Path, plan: dict[str, Any]) -> RowReader:
    with open_regular(path) as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    matrix: NDArray[Any] = np.ndarray((plan["rows"], plan["dim"]), plan["dtype"], mapped, plan["offset"])
    return lambda start, stop: matrix[start:stop]


def _streamed(child: Child, plan: dict[str, Any]) -> RowReader:
    dtype, dim = np.dtype(plan["dtype"]), plan["dim"]

    def rows(start: int, stop: int) -> NDArray[Any]:
        return np.frombuffer(child.read((stop - start) * dim * dtype.itemsize), dtype).reshape(-1, dim)

    return rows


def _ending(child: Child, batches: Iterator[Batch]) -> Iterator[Batch]:
    with contextlib.closing(child):
        yield from batches


def write(path: str | Path, source: Source) -> None:
    """Write ``vectors``, (rows, dim), chunked, and ``tokens``, (rows,), variable UTF-8; bfloat16 as float32, exact."""
    import h5py

    dtype = np.dtype("<f2" if source.dtype == "float16" else "<f4")
    chunk = max(1, CHUNK_BYTES // (source.dim * dtype.itemsize))
    with replacing(path) as target, h5py.File(target, "w") as file:
        vectors = file.create_dataset(
            "vectors", (0, source.dim), dtype, maxshape=(None, source.dim), chunks=(chunk, source.dim)
        )
        tokens = file.create_dataset("tokens", (0,), h5py.string_dtype(), maxshape=(None,), chunks=(4096,))
        for batch in source.batches:
            words = batch.tokens.to_bytes()
            if b"\0" in batch.tokens.data.tobytes():
                raise FormatError(
                    path, "a token holds a NUL byte, which ends strings in HDF5: write a store", format=NAME
                )
            count = len(vectors)
            for dataset, rows in ((vectors, batch.vectors), (tokens, words)):
                dataset.resize(count + len(words), axis=0)
                dataset[count:] = rows
        if not len(vectors):
            raise FormatError(path, "no rows to write: the input holds none, or all were left out", format=NAME)
