"""Checks on opening that a header is that of a store of formats/store/SPEC.md: its tensors and its metadata."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from embstore.core.dtypes import TENSOR_DTYPES, columns_of
from embstore.core.errors import FormatError
from embstore.core.options import Dtype
from embstore.store.header import BYTES, COUNTS, ENCODING, OFFSETS, ROWWISE, SLOTS, WEIGHT, Header

VOCABULARY = (SLOTS, OFFSETS, BYTES)
DTYPES = {tensor: dtype for dtype, tensor in TENSOR_DTYPES.items()}
HEXADECIMAL = frozenset("0123456789abcdef")
MAX_SEED = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Schema:
    """What the header of a store says about its arrays.

    Attributes
    ----------
    dtype
        Dtype of the stored rows.
    seed
        Seed of the index.
    """

    dtype: Dtype
    seed: int


def check_store(header: Header, path: str | Path, *, trust: bool = False) -> Schema:
    """Return the schema of a store; raises FormatError for a header that is not one of a store.

    Does not read the tensors. With `trust`, special rows need not be explained.
    """
    missing = [name for name in (WEIGHT, *VOCABULARY) if name not in header.tensors]
    if missing:
        raise FormatError(path, f"a safetensors file, but not a store: {', '.join(missing)} missing", format="store")
    dtype = _check_weight(header, path)
    tokens = _check_vocabulary(header, path)
    metadata = header.metadata
    _check_checksums(metadata, path)
    seed = _seed_of(metadata, path)
    special = header.tensors[WEIGHT].shape[0] - tokens
    stated = special if trust else _stated_special_rows(metadata, path)
    if special != stated:
        reason = f"{special:,} rows after those of the {tokens:,} tokens, but the policy in the header has {stated:,}"
        _refuse(path, WEIGHT, reason)
    return Schema(dtype, seed)


def _refuse(path: str | Path, where: str, reason: str) -> NoReturn:
    raise FormatError(path, reason, where=where, format="store")


def _shown(text: str) -> str:
    """Return a value of the metadata for a message: on one line, shortened."""
    return ascii(text)[1:-1][:40]


def _check_weight(header: Header, path: str | Path) -> Dtype:
    weight = header.tensors[WEIGHT]
    if weight.dtype not in DTYPES or len(weight.shape) != 2:
        _refuse(path, WEIGHT, f"must be F32, F16, BF16, or U8 encoded as {ROWWISE}, with 2 dimensions")
    dtype = DTYPES[weight.dtype]
    encoding, expected = header.metadata.get(ENCODING, "absent"), ROWWISE if dtype == "int8" else "absent"
    if encoding != expected:
        only = f"this embstore reads U8 rows only as {ROWWISE}, and other rows only without it: upgrade embstore"
        _refuse(path, ENCODING, f"{_shown(encoding)}; {only}")
    tail = columns_of(0, dtype)
    if weight.shape[1] <= tail:
        least = f"more than {tail} columns: each row ends with {tail} bytes of scale and offset" if tail else "a column"
        _refuse(path, WEIGHT, f"must have {least}")
    return dtype


def _check_vocabulary(header: Header, path: str | Path) -> int:
    """Check the tensors of the vocabulary; return the number of tokens."""
    slots, offsets, data = (header.tensors[name] for name in VOCABULARY)
    if slots.dtype not in ("U64", "I64"):
        _refuse(path, SLOTS, "must be U64 or I64")
    count = slots.shape[0] if len(slots.shape) == 1 else 0
    if count < 2 or count & (count - 1):
        _refuse(path, SLOTS, "the number of slots must be a power of two, at least 2")
    if offsets.dtype != "I64" or len(offsets.shape) != 1:
        _refuse(path, OFFSETS, "must be I64 with 1 dimension")
    tokens, rows = offsets.shape[0] - 1, header.tensors[WEIGHT].shape[0]
    if not 0 < tokens <= rows:
        _refuse(path, OFFSETS, f"{tokens} tokens for {rows} rows, expected 1 to {rows} tokens")
    if 2 * tokens > count:
        _refuse(path, SLOTS, f"{count} slots for {tokens} tokens, expected at least {2 * tokens}")
    if data.dtype != "U8" or len(data.shape) != 1:
        _refuse(path, BYTES, "must be U8 with 1 dimension")
    counts = header.tensors.get(COUNTS)
    if counts is not None and (counts.dtype, counts.shape) != ("I64", (tokens,)):
        _refuse(path, COUNTS, f"must be I64 with a count for each of the {tokens:,} tokens")
    return tokens


def _check_checksums(metadata: dict[str, str], path: str | Path) -> None:
    for name in (WEIGHT, *VOCABULARY, COUNTS):
        key = f"embstore.sha256.{name}"
        digest = metadata.get(key)
        if digest is not None and (len(digest) != 64 or not HEXADECIMAL.issuperset(digest)):
            _refuse(path, key, f"'{_shown(digest)}', expected 64 hexadecimal digits in lower case")


def _seed_of(metadata: dict[str, str], path: str | Path) -> int:
    hashed = metadata.get("embstore.hash", "xxh64")
    if hashed != "xxh64":
        _refuse(path, "embstore.hash", f"{_shown(hashed)}; this embstore supports xxh64: upgrade embstore")
    text = metadata.get("embstore.hash_seed", "0")
    seed = int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else -1
    if not 0 <= seed <= MAX_SEED or str(seed) != text:
        _refuse(path, "embstore.hash_seed", f"'{_shown(text)}', expected a whole number below 2^64")
    return seed


def _stated_special_rows(metadata: dict[str, str], path: str | Path) -> int:
    """Return the number of special rows that the metadata states."""
    padding = metadata.get("embstore.padding")
    if padding not in (None, "1"):
        _refuse(path, "embstore.padding", f"'{_shown(padding or '')}', expected 1, or no such key")
    if "embstore.oov" not in metadata:
        return int(padding == "1")
    from embstore.words.special_rows import SpecialRows  # here: opening a store without a policy starts faster without

    try:
        special = SpecialRows.of_metadata(metadata)
    except ValueError as error:
        _refuse(path, "embstore.oov", f"{error}; if it is a policy of a later version, upgrade embstore")
    if special.ending.rows_from_source and not special.ending.rows:
        _refuse(path, "embstore.oov", special.ending.missing_rows("this store", metadata))
    return special.rows
