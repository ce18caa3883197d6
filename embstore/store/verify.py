"""Checks the contents of a store of formats/store/SPEC.md, on request."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embstore.core import int8
from embstore.core.batch import Ints
from embstore.core.dtypes import NUMPY_DTYPES, bytes_of
from embstore.core.errors import EmbstoreError, FormatError
from embstore.core.index import Vocab
from embstore.core.warn import warn_user
from embstore.store.header import BYTES, COUNTS, DIGEST_KEY, OFFSETS, SLOTS, WEIGHT
from embstore.store.rows import Rows
from embstore.store.second_reader import compare_readers

BLOCK = 65536  # tokens looked up at a time
PART = 1 << 24  # bytes read at a time


def verify_store(
    rows: Rows,
    vocab: Vocab,
    counts: Ints | None,
    metadata: dict[str, str],
    path: str | Path,
    file: Path | None = None,
) -> None:
    """Check the contents of a store, in bounded memory.

    Parameters
    ----------
    rows
        The stored rows.
    vocab
        The three arrays of the vocabulary.
    counts
        The count of each token, if the store has them.
    metadata
        Checksums in `embstore.sha256.*` are compared if present.
    path
        Named in the error.
    file
        The file, which is read by the safetensors package too; None for a table in memory.

    Raises
    ------
    FormatError
        For the first defect found.

    Warns
    -----
    EmbstoreWarning
        If a part of the file has no checksum.
    """
    stopped = Event()
    with ThreadPoolExecutor(1) as pool:  # the other reader runs while this one computes checksums
        compared = pool.submit(compare_readers, file, stopped.is_set) if file else None
        try:
            _verify_contents(rows, vocab, counts, metadata, path)
        except BaseException:
            stopped.set()
            raise
        others = compared.result() if compared else []
    lacking = ["its header"] if file and DIGEST_KEY not in metadata else []
    names = (WEIGHT, SLOTS, OFFSETS, BYTES, *([] if counts is None else [COUNTS]))
    lacking += [name for name in names if file and f"embstore.sha256.{name}" not in metadata]
    lacking += others
    if lacking:
        warn_user(f"{path}: no checksum of {', '.join(lacking)}: damage there may not be found")


def _verify_contents(rows: Rows, vocab: Vocab, counts: Ints | None, metadata: dict[str, str], path: str | Path) -> None:
    contents: dict[str, Iterable[NDArray[Any]]] = {
        WEIGHT: (block for _, block in _blocks(rows)),
        SLOTS: _parts(vocab.slots),
        OFFSETS: _parts(vocab.offsets),
        BYTES: _parts(vocab.data),
        **({} if counts is None else {COUNTS: [counts]}),
    }
    for name, arrays in contents.items():
        expected = metadata.get(f"embstore.sha256.{name}")
        if expected is not None and expected != _sha256(arrays):
            reason = "its bytes do not have the sha256 in the header: damaged, convert or download it again"
            raise FormatError(path, reason, where=name, format="store")
    if rows.dtype == "int8":
        _verify_scales(rows, path)
    _verify_ends(vocab, path)
    for start in range(0, vocab.size, BLOCK):
        _verify_tokens(vocab, start, min(start + BLOCK, vocab.size), path)
    used = sum(int(np.count_nonzero(part.view("<u8"))) for part in _parts(vocab.slots))
    if used != vocab.size:
        reason = f"{used:,} slots are in use, expected {vocab.size:,}: one per token"
        raise FormatError(path, reason, where=SLOTS, format="store")


def _blocks(rows: Rows) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield the rows in blocks, each with the number of its first row."""
    count, columns = rows.shape
    step = max(1, PART // (columns * np.dtype(NUMPY_DTYPES[rows.dtype]).itemsize))
    for start in range(0, count, step):
        yield start, rows.read(start, min(start + step, count))


def _parts(array: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    for start in range(0, len(array), PART):
        yield array[start : start + PART]


def _sha256(arrays: Iterable[NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(bytes_of(np.ascontiguousarray(array)))
    return digest.hexdigest()


def _verify_scales(rows: Rows, path: str | Path) -> None:
    for start, block in _blocks(rows):
        ends = int8.scales(block)
        wrong = np.flatnonzero(~np.isfinite(ends).all(axis=1))
        if len(wrong):
            scale, offset = ends[wrong[0]].tolist()
            row = start + int(wrong[0])
            reason = f"row {row} has the scale {scale} and the offset {offset}, expected finite numbers"
            raise FormatError(path, reason, where=WEIGHT, format="store")


def _verify_ends(vocab: Vocab, path: str | Path) -> None:
    first, last = vocab.offsets.view("<i8")[[0, -1]].tolist()
    if (first, last) != (0, len(vocab.data)):
        reason = f"from {first:,} to {last:,}, expected from 0 to {len(vocab.data):,}, the size of {BYTES}"
        raise FormatError(path, reason, where=OFFSETS, format="store")


def _verify_tokens(vocab: Vocab, start: int, stop: int, path: str | Path) -> None:
    try:
        tokens = vocab.view_tokens(start, stop)
    except EmbstoreError:
        reason = f"decrease, or exceed the {len(vocab.data):,} bytes of {BYTES}, between rows {start:,} and {stop:,}"
        raise FormatError(path, reason, where=OFFSETS, format="store") from None
    wrong = np.flatnonzero(vocab.packed_rows(tokens) != np.arange(start, stop))
    if len(wrong):
        row = start + int(wrong[0])
        token = vocab.token(row)[:60].decode("utf-8", "replace")
        raise FormatError(
            path, f"the index does not find the token {token!r} in row {row}", where=SLOTS, format="store"
        )
