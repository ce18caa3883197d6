"""Writes HDF5 as a stream, or from spooled rows: contiguous data and fixed-length strings need all rows first."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from embstore.codecs.hdf5.target import Target
from embstore.codecs.shared.matrix import rows_in_batch
from embstore.codecs.shared.spool import spooled_rows
from embstore.core.batch import Batch, Source, Vectors
from embstore.core.cures import cure, option
from embstore.core.dependencies import needed
from embstore.core.errors import FormatError
from embstore.core.options import WriteOptions
from embstore.files.atomic import replacing
from embstore.files.signals import defer_signals

if TYPE_CHECKING:
    from embstore.codecs.hdf5.h5py_types import Dataset, File

NAME = "hdf5"
CHUNK_BYTES = 1 << 18  # a quarter of libhdf5's chunk cache
CHUNK_WORDS = 4096
MAX_WORDS = 1 << 30  # bytes of all words as fixed-length strings


def write_hdf5(path: str | Path, source: Source, options: WriteOptions) -> None:
    """Write ``vectors``, (rows, dim), and ``tokens``, (rows,), atomically."""
    with needed("h5py", "an HDF5 file"):
        import h5py

    contiguous = options.layout == "contiguous"
    if contiguous and options.compression not in (None, "none"):
        chunked = cure("chunked-layout", f"{option(layout='chunked')} writes them")
        raise FormatError(path, f"the compression {options.compression} needs chunks: {chunked}", format=NAME)
    dtype = np.dtype("<f2" if source.dtype == "float16" else "<f4")
    with replacing(path, overwrite=options.overwrite) as new:
        target = Target(new)
        if contiguous or options.strings == "fixed":
            with spooled_rows(source, path, NAME) as (words, rows):
                kind = _string_dtype(path, words, options)
                with _file(target) as file:
                    datasets = _create(file, source.dim, dtype, kind, options, len(words))
                    _write_spooled(target, datasets, words, rows, source.dim)
        else:
            with _file(target) as file:
                first, count = _first_batches(source, _rows_in_chunk(source.dim, dtype))
                if not first:
                    raise FormatError(path, "no rows to write: the input holds none, or all were left out", format=NAME)
                datasets = _create(file, source.dim, dtype, h5py.string_dtype(), options, count)
                _write_streamed(target, path, datasets, chain(first, source.batches))
        target.check()


@contextlib.contextmanager
def _file(target: Target) -> Iterator[File]:
    """Open an HDF5 file for writing, and close it; signals are deferred wherever libhdf5 runs."""
    import h5py

    with defer_signals():
        file = h5py.File(target, "w")
    try:
        yield file
    finally:
        with defer_signals():
            file.close()


def _rows_in_chunk(dim: int, dtype: np.dtype[Any]) -> int:
    return max(1, CHUNK_BYTES // (dim * dtype.itemsize))


def _first_batches(source: Source, rows: int) -> tuple[list[Batch], int | None]:
    """Read batches up to at least `rows` rows; the second value is the number of rows if the source has no more."""
    first, count = [], 0
    for batch in source.batches:
        first.append(batch)
        count += len(batch.tokens)
        if count >= rows:
            return first, None
    return first if count else [], count


def _create(
    file: File, dim: int, dtype: np.dtype[Any], strings: np.dtype[Any], options: WriteOptions, rows: int | None = None
) -> tuple[Dataset, Dataset]:
    """Create the two datasets; without a number of rows they can grow."""
    filters: dict[str, object] = {}
    if options.compression not in (None, "none"):
        filters = {"compression": options.compression, "shuffle": True}  # shuffled bytes compress better
    size, max_rows = rows or 0, rows  # None lets them grow
    chunk = _rows_in_chunk(dim, dtype)
    chunks = (chunk, CHUNK_WORDS) if rows is None else (min(chunk, rows), min(CHUNK_WORDS, rows))
    vectors_options: dict[str, object] = {"maxshape": (max_rows, dim), "chunks": (chunks[0], dim), **filters}
    tokens_options: dict[str, object] = {"maxshape": (max_rows,), "chunks": (chunks[1],), **filters}
    if options.layout == "contiguous":
        vectors_options, tokens_options = {}, {}
    with defer_signals():
        vectors = file.create_dataset("vectors", (size, dim), dtype, **vectors_options)
        return vectors, file.create_dataset("tokens", (size,), strings, **tokens_options)


def _write_streamed(
    target: Target, path: str | Path, datasets: tuple[Dataset, Dataset], batches: Iterable[Batch]
) -> None:
    start = 0
    for batch in batches:
        words = batch.tokens.to_bytes()
        stop = start + len(words)
        _check_words(path, words)
        columns: tuple[Vectors | list[bytes], ...] = (batch.vectors, words)
        with defer_signals():
            for dataset, rows in zip(datasets, columns, strict=True):
                if stop > len(dataset):
                    dataset.resize(stop, axis=0)
                dataset[start:stop] = rows
        target.check()
        start = stop


def _write_spooled(
    target: Target, datasets: tuple[Dataset, Dataset], words: list[bytes], rows: IO[bytes], dim: int
) -> None:
    vectors, tokens = datasets
    row_bytes = dim * vectors.dtype.itemsize
    step = rows_in_batch(max(row_bytes, tokens.dtype.itemsize))
    for start in range(0, len(words), step):
        stop = min(start + step, len(words))
        block = np.frombuffer(rows.read((stop - start) * row_bytes), vectors.dtype)
        with defer_signals():
            vectors[start:stop] = block.reshape(stop - start, -1)
            tokens[start:stop] = words[start:stop]
        target.check()


def _string_dtype(path: str | Path, words: list[bytes], options: WriteOptions) -> np.dtype[Any]:
    import h5py

    _check_words(path, words)
    variable: np.dtype[Any] = h5py.string_dtype()
    if options.strings != "fixed":
        return variable
    widest = max(map(len, words))
    if widest * len(words) > MAX_WORDS:
        variable_length = cure("variable-strings", f"{option(strings='variable')} takes less")
        reason = f"every fixed-length string would take {widest:,} bytes: {variable_length}"
        raise FormatError(path, reason, format=NAME)
    fixed: np.dtype[Any] = h5py.string_dtype("utf-8", max(1, widest))
    return fixed


def _check_words(path: str | Path, words: list[bytes]) -> None:
    if any(b"\0" in word for word in words):
        reason = "a token contains a NUL byte, which ends strings in HDF5: write a store"
        raise FormatError(path, reason, format=NAME)
