"""Stores of any size that take no space on disk: their rows are holes, which read as zeros."""

from __future__ import annotations

import hashlib
from pathlib import Path

from embstore.core.batch import Tokens
from embstore.core.index import VocabBuilder
from embstore.store.header import BYTES, OFFSETS, SLOTS, VERSION, WEIGHT, build_header


def sparse_store(path: Path, size: int, sha256: str = "") -> None:
    """Write a store of 1,000 words and about `size` bytes: rows of 256 zeros in float32, nearly all hash buckets.

    `sha256` is the checksum of the rows, if the header is to have it.
    """
    words, dim = 1000, 256
    rows = size // (4 * dim)
    builder = VocabBuilder(words)
    builder.add(Tokens.pack(f"word{i}" for i in range(words)))
    slots, offsets, data = builder.finish()
    tensors = [
        (WEIGHT, "F32", (rows, dim)),
        (SLOTS, "U64", slots.shape),
        (OFFSETS, "I64", offsets.shape),
        (BYTES, "U8", data.shape),
    ]
    metadata = {"embstore.version": VERSION, "embstore.oov": f"hash:{rows - words}"}
    arrays = {SLOTS: slots.tobytes(), OFFSETS: offsets.tobytes(), BYTES: data.tobytes()}
    digests = {name: hashlib.sha256(array).hexdigest() for name, array in arrays.items()}
    digests |= {WEIGHT: sha256} if sha256 else {}
    metadata |= {f"embstore.sha256.{name}": digest for name, digest in digests.items()}
    with path.open("wb") as file:
        begin = file.write(build_header(tensors, metadata))
        file.seek(begin + 4 * dim * rows)
        for array in arrays.values():
            file.write(array)
