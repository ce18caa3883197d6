"""The header of a safetensors file, read strictly and written reproducibly, with a checksum of its own.

formats/store/SPEC.md specifies the tensors of a store. The safetensors format:
https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import NoReturn, TypeGuard

from embstore.core.cures import cure, option
from embstore.core.errors import FormatError, UnsupportedVersionError
from embstore.files.input import Input

VERSION = "1.0"
ALIGNMENT = 4096  # the data begins at a multiple of the page size
MAX_HEADER = 1 << 20

WEIGHT = "embedding.weight"
SLOTS = "vocab.index"
OFFSETS = "vocab.offsets"
BYTES = "vocab.bytes"
COUNTS = "vocab.counts"  # a store need not have it

VERSION_KEY = "embstore.version"
DIGEST_KEY = "embstore.sha256.header"
NO_DIGEST = "0" * 64  # stands for the checksum while it is computed
ENCODING = "embstore.dtype"  # metadata key: the encoding of a U8 weight
ROWWISE = "int8-rowwise"

ITEMSIZE = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1,
    "I16": 2, "U16": 2, "F16": 2, "BF16": 2,
    "I32": 4, "U32": 4, "F32": 4,
    "I64": 8, "U64": 8, "F64": 8, "C64": 8,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor: its dtype in the names of safetensors, its shape, and its bytes [start, stop) in the file."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a safetensors file: its tensors and its metadata."""

    tensors: dict[str, Tensor]
    metadata: dict[str, str]

    @property
    def is_store(self) -> bool:
        """Whether the file has all tensors of a store."""
        return all(name in self.tensors for name in (WEIGHT, SLOTS, OFFSETS, BYTES))


def read_header(source: Input, *, trust: bool = False, most: int = MAX_HEADER) -> Header:
    """Read and check a header, without allocating memory for sizes that it states.

    Parameters
    ----------
    source
        The file.
    trust
        Accept metadata of embstore without the checksum of the header, or with a wrong one.
    most
        Largest number of bytes.

    Raises
    ------
    FormatError
        Unless it is a header whose tensors fill the file without gaps or overlaps.
    UnsupportedVersionError
        For a store of a later major version.
    """
    path, size = source.path, source.require_file().size
    length = int.from_bytes(source.read_at(0, 8), "little")
    if size < 8:
        raise FormatError(path, f"{size} bytes, too short for a safetensors file", format="safetensors")
    if length > size - 8:
        reason = f"states a header of {length:,} bytes in a file of {size:,}: not a safetensors file, or cut short"
        raise FormatError(path, reason, format="safetensors")
    if length > most:
        reason = f"a header of {length:,} bytes, more than the {most:,} that embstore reads"
        raise FormatError(path, reason, format="safetensors")
    raw = source.read_at(8, length)
    parsed = _parse_json(raw, path)
    metadata = parsed.pop("__metadata__", {})
    if type(metadata) is not dict or not all(type(value) is str for value in metadata.values()):
        _refuse(path, "__metadata__", "must map strings to strings")
    _check_version(metadata.get(VERSION_KEY, VERSION), path)  # first, as a later version may have other dtypes
    if not trust and any(key.startswith("embstore.") for key in metadata):
        _check_digest(raw, metadata, path)
    tensors = {name: _tensor(name, entry, 8 + length, size, path) for name, entry in parsed.items()}
    _check_gapless(tensors, 8 + length, size, path)
    return Header(tensors, metadata)


def _refuse(path: str | Path, where: str, reason: str) -> NoReturn:
    raise FormatError(path, reason, where=_shown(where), format="safetensors")


def _shown(text: object) -> str:
    """Return a value of a header for a message: on one line, shortened to 80 characters."""
    return ascii(text)[1:-1][:80] if isinstance(text, str) else repr(text)[:80]


def _parse_json(raw: bytes, path: str | Path) -> dict[str, object]:
    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        entries = dict(pairs)
        if len(entries) != len(pairs):
            repeated = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
            _refuse(path, "header", f"the key '{_shown(repeated)}' appears twice")
        return entries

    try:
        parsed = json.loads(raw.decode("utf-8"), object_pairs_hook=unique)
    except FormatError:
        raise
    except RecursionError:
        _refuse(path, "header", "nested too deeply to be a safetensors header")
    except ValueError as error:
        _refuse(path, "header", f"not the JSON of a safetensors header: {error}")
    if type(parsed) is not dict:
        _refuse(path, "header", "must be a JSON object")
    return parsed


def _check_digest(raw: bytes, metadata: dict[str, str], path: str | Path) -> None:
    """Check the checksum that a header with metadata of embstore must have."""
    missing = next((key for key in (DIGEST_KEY, VERSION_KEY) if key not in metadata), None)
    if missing:
        reason = (
            f"metadata of embstore without {missing}: a store from before headers had a checksum, or a damaged one; "
            f"convert its source again, {unchecked()}"
        )
        raise FormatError(path, reason, where="header", format="store")
    stated = metadata[DIGEST_KEY]
    if len(stated) != len(NO_DIGEST) or not stated.isascii() or stated != header_digest(raw, stated):
        reason = (
            f"does not have the sha256 that it states in {DIGEST_KEY}: damaged, or written again by another program; "
            f"convert or download it again, {unchecked()}"
        )
        raise FormatError(path, reason, where="header", format="store")


def unchecked() -> str:
    """Return how to read a store whose header cannot be checked."""
    return cure("store-unchecked", f"or read its words and vectors unchecked with {option(format='safetensors')}")


def header_digest(raw: bytes, stated: str) -> str:
    """Return the sha256 of a header's JSON in which zeros stand for the checksum that it states."""
    text = raw.strip(b" \t\r\n").replace(stated.encode(), NO_DIGEST.encode())
    return hashlib.sha256(text).hexdigest()


def _tensor(name: str, entry: object, data: int, size: int, path: str | Path) -> Tensor:
    if type(entry) is not dict or set(entry) != {"dtype", "shape", "data_offsets"}:
        _refuse(path, name, "a tensor must have dtype, shape and data_offsets, and nothing else")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if type(dtype) is not str or dtype not in ITEMSIZE:
        _refuse(path, name, f"unknown dtype '{_shown(dtype)}', expected one of {', '.join(ITEMSIZE)}")
    if not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2:
        _refuse(path, name, "shape and data_offsets must be lists of whole numbers, none negative")
    if len(shape) > 64:
        _refuse(path, name, f"{len(shape)} dimensions, expected at most 64")
    start, stop = data + offsets[0], data + offsets[1]
    expected = prod(shape) * ITEMSIZE[dtype]
    if stop - start != expected:
        needs = f"{expected:,}" if expected < 1 << 63 else "more than any file has"
        _refuse(path, name, f"{stop - start:,} bytes, but {dtype} {_shown(shape)} needs {needs}")
    if stop > size:
        _refuse(path, name, f"ends at byte {stop:,} of a file of {size:,}: the file is cut short")
    return Tensor(dtype, tuple(shape), start, stop)


def _are_sizes(value: object) -> TypeGuard[list[int]]:
    return type(value) is list and all(type(item) is int and 0 <= item < 1 << 63 for item in value)


def _check_gapless(tensors: dict[str, Tensor], data: int, size: int, path: str | Path) -> None:
    end = data
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].start, item[1].stop)):
        if tensor.start != end:
            what = "overlaps" if tensor.start < end else "leaves a gap after"
            place = f"begins at byte {tensor.start - data:,} of the data"
            _refuse(path, name, f"{place} and {what} the tensor before it, which ends at {end - data:,}")
        end = tensor.stop
    if end != size:
        _refuse(path, "", f"{size - end:,} bytes after the last tensor, expected none: something was appended")


def _check_version(version: str, path: str | Path) -> None:
    major = version.partition(".")[0]
    if major != VERSION.partition(".")[0]:
        reason = f"a store of version {_shown(version)}; this embstore reads version 1: upgrade embstore"
        raise UnsupportedVersionError(path, reason, format="store")


def build_header(tensors: list[tuple[str, str, tuple[int, ...]]], metadata: dict[str, str], reserve: int = 0) -> bytes:
    """Build a header, padded so that the data begins at a multiple of 4,096 bytes, or at `reserve`.

    Parameters
    ----------
    tensors
        (name, dtype, shape) in the order of the data.
    metadata
        Written in sorted order, so that equal tables make equal files. Metadata of embstore gets a checksum.
    reserve
        Number of bytes reserved for the header; ValueError if it does not fit. 0: as many as needed.
    """
    if any(key.startswith("embstore.") for key in metadata):
        metadata = metadata | {DIGEST_KEY: NO_DIGEST}
    entries: dict[str, object] = {"__metadata__": dict(sorted(metadata.items()))} if metadata else {}
    end = 0
    for name, dtype, shape in tensors:
        start, end = end, end + prod(shape) * ITEMSIZE[dtype]
        entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}
    # lone surrogates, of names that are not UTF-8, become JSON escapes
    text = json.dumps(entries, separators=(",", ":")).encode("ascii")
    if DIGEST_KEY in metadata:
        entry = f'"{DIGEST_KEY}":"%s"'
        digest = header_digest(text, NO_DIGEST)
        text = text.replace((entry % NO_DIGEST).encode(), (entry % digest).encode())
    size = max(reserve, -(-(8 + len(text)) // ALIGNMENT) * ALIGNMENT)
    if reserve and size != reserve:
        raise ValueError(f"a header of {len(text)} bytes does not fit into the {reserve} bytes reserved for it")
    return (size - 8).to_bytes(8, "little") + text.ljust(size - 8)
