"""Writes a store in one pass: reserves space for the header, streams the rows, then writes the header."""

from __future__ import annotations

import contextlib
import hashlib
import json
import mmap
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from embstore.core.batch import Ints, Source, Vectors, joined_counts
from embstore.core.dtypes import (
    NUMPY_DTYPES,
    TENSOR_DTYPES,
    bytes_of,
    columns_of,
    encode_batch,
    encode_rows,
    encode_special,
)
from embstore.core.duplicates import distinct
from embstore.core.errors import FormatError
from embstore.core.index import VocabBuilder
from embstore.core.options import Duplicates
from embstore.files.atomic import replacing, write_all
from embstore.files.checksum import Checksum
from embstore.files.writeback import Writeback
from embstore.store.header import (
    ALIGNMENT,
    BYTES,
    COUNTS,
    ENCODING,
    OFFSETS,
    ROWWISE,
    SLOTS,
    VERSION,
    WEIGHT,
    Header,
    Tensor,
    build_header,
)
from embstore.store.rows import ArrayRows, DecodedRows
from embstore.store.schema import check_store

RESERVE = ALIGNMENT
MAX_PROVENANCE = 800  # maximum size of a provenance entry as JSON, so that the header fits into the reserved space


def write_store(path: str | Path, source: Source, *, duplicates: Duplicates = "first", overwrite: bool = True) -> None:
    """Write a source as a store; the file appears only when it is complete.

    Parameters
    ----------
    path
        Replaced after everything is written.
    source
        Its `findings` count dropped rows; its `special` rows are written after the vocabulary's.
    duplicates
        Which row of a repeated token to keep, or ``error``.
    overwrite
        Whether to replace an existing file.
    """
    with replacing(path, overwrite=overwrite) as file:
        _Writer(file, path, source, duplicates).run()


class _Writer:
    """The state of writing one store."""

    def __init__(self, file: IO[bytes], path: str | Path, source: Source, duplicates: Duplicates) -> None:
        self.file, self.path, self.source, self.duplicates = file, path, source, duplicates
        self.builder = VocabBuilder(source.expected)
        self.columns = columns_of(source.dim, source.dtype)
        self.row_bytes = self.columns * np.dtype(NUMPY_DTYPES[source.dtype]).itemsize
        self.checksum, self.writeback = Checksum(), Writeback(file)
        self.rewritten = False
        self.counts: list[Ints | None] = []

    def run(self) -> None:
        source = self.source
        self.file.seek(RESERVE)
        with contextlib.closing(self.checksum):
            for batch in distinct(source, self.builder, self.duplicates, self.path, self._overwrite):
                self._append(encode_batch(batch, source.dtype))
                self.counts.append(batch.counts)
            if not self.builder.size:
                raise FormatError(self.path, "no rows to write: the input holds none, or all were left out")
            if source.special is not None:
                for rows in encode_special(source.special, self._written(), source.dtype):
                    self._append(rows)
            self._finish()

    def _written(self) -> DecodedRows:
        """Map the rows of the vocabulary in the file."""
        dtype, shape = self.source.dtype, (self.builder.size, self.columns)
        return DecodedRows(ArrayRows(np.memmap(self.file, NUMPY_DTYPES[dtype], "r", RESERVE, shape), dtype), shape[0])

    def _overwrite(self, rows: Ints, vectors: Vectors) -> None:
        self.rewritten = True
        for row, vector in zip(rows.tolist(), encode_rows(vectors, self.source.dtype), strict=True):
            self.file.seek(RESERVE + row * self.row_bytes)
            write_all(self.file, vector.tobytes())
        self.file.seek(0, os.SEEK_END)

    def _append(self, rows: NDArray[Any]) -> None:
        block = bytes_of(rows)
        self.checksum.update(block)
        write_all(self.file, block)
        self.writeback.advance(self.file.tell())

    def _finish(self) -> None:
        slots, offsets, data = self.builder.finish()
        rows = (self.file.tell() - RESERVE) // self.row_bytes
        tensors = [
            (WEIGHT, TENSOR_DTYPES[self.source.dtype], (rows, self.columns)),
            (SLOTS, "U64", slots.shape),
            (OFFSETS, "I64", offsets.shape),
        ]
        arrays: dict[str, NDArray[Any]] = {SLOTS: slots, OFFSETS: offsets}
        counts = joined_counts(self.counts)
        if counts is not None:
            tensors.append((COUNTS, "I64", counts.shape))
            arrays[COUNTS] = counts
        tensors.append((BYTES, "U8", data.shape))
        digests = self._append_hashed({**arrays, BYTES: data})
        digests[WEIGHT] = self._weight_digest(rows * self.row_bytes)
        metadata = self._metadata(digests)
        described = {name: Tensor(dtype, shape, 0, 0) for name, dtype, shape in tensors}
        check_store(Header(described, metadata), self.path)  # nothing is written that cannot be opened
        self.file.seek(0)
        write_all(self.file, build_header(tensors, metadata, RESERVE))

    def _append_hashed(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, str]:
        """Write arrays end to end, and hash them in other threads; return the sha256 of each."""
        views = {
            name: bytes_of(array.astype(array.dtype.newbyteorder("<"), copy=False)) for name, array in arrays.items()
        }
        with ThreadPoolExecutor(len(views)) as pool:
            hashed = {name: pool.submit(hashlib.sha256, view) for name, view in views.items()}
            for view in views.values():
                write_all(self.file, view)
        return {name: future.result().hexdigest() for name, future in hashed.items()}

    def _weight_digest(self, size: int) -> str:
        if not self.rewritten:
            return self.checksum.hexdigest()
        with mmap.mmap(self.file.fileno(), 0, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as view:
            return hashlib.sha256(view[RESERVE : RESERVE + size]).hexdigest()

    def _metadata(self, digests: Mapping[str, str]) -> dict[str, str]:
        return {
            "format": "pt",
            "embstore.version": VERSION,
            "embstore.hash": "xxh64",
            "embstore.hash_seed": str(self.builder.seed),
            **({ENCODING: ROWWISE} if self.source.dtype == "int8" else {}),
            **{f"embstore.sha256.{name}": digest for name, digest in digests.items()},
            **{f"embstore.source.{key}": _shortened(value) for key, value in self.source.provenance().items()},
            **{f"embstore.{key}": value for key, value in self.source.policy.items()},
        }


def _shortened(text: str) -> str:
    text = text.encode("utf-8", "backslashreplace").decode()  # a file name may not be UTF-8, a header must be
    while len(json.dumps(text)) > MAX_PROVENANCE:
        text = text[: len(text) * 3 // 4] + "..."
    return text
