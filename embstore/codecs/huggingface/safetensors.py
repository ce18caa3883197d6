"""Reads and writes plain safetensors: one matrix, with its words in a second file (formats/safetensors/SPEC.md)."""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embstore.codecs.huggingface.named import is_named, named_source
from embstore.codecs.huggingface.tensor_file import write_tensor
from embstore.codecs.registry.folders import checkpoint
from embstore.codecs.registry.magic import is_store
from embstore.codecs.shared.first_look.check import check_file
from embstore.codecs.shared.matrix import Origin, matrix_source, rows_in_batch
from embstore.codecs.shared.shards import MAX_INDEX, choose_in_file, output_layer, shard_of
from embstore.codecs.shared.tensor_names import TensorEntry, is_known, listed, quantized
from embstore.codecs.shared.word_list import find_word_list, is_complete, read_word_list
from embstore.codecs.shared.word_list_files import WordListWriter
from embstore.codecs.shared.words_by_row import WordList
from embstore.core.batch import Findings, Ints, Source, Vectors
from embstore.core.cures import cure, option
from embstore.core.dtypes import from_bfloat16
from embstore.core.errors import FormatError
from embstore.core.options import AS_IS, Dtype, Progress, ReadOptions, WriteOptions
from embstore.files.atomic import replacing_together
from embstore.files.input import Input
from embstore.store.header import WEIGHT, Header, Tensor, read_header
from embstore.store.source import store_source
from embstore.store.store import map_input

NAME = "safetensors"
FLOATS: dict[str, tuple[str, Dtype]] = {
    "F32": ("<f4", "float32"), "F64": ("<f8", "float32"), "F16": ("<f2", "float16"), "BF16": ("<u2", "bfloat16"),
}  # fmt: skip
MAX_HEADER = MAX_INDEX  # the limit of the format
COMPARED = 1 << 24  # bytes of two tensors, at once
INTEGERS = {"I8": "i1", "U8": "u1", "I16": "<i2", "U16": "<u2", "I32": "<i4", "U32": "<u4", "I64": "<i8"}


def read(source: Input, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read one matrix of a safetensors file, of an index of shards, or of a folder with either."""
    path = source.path
    named = options.format == NAME and not options.vocab and not options.key
    if named and not source.is_folder and is_store(source.head()):
        return store_source(map_input(source, trust=True), progress)  # named by the user, for a store that is refused
    found = checkpoint(path) if source.is_folder else None
    place = source.open_companion(found) if found else source
    check_file(place.require_file(), known=True)
    if found and is_store(place.head()):
        raise FormatError(path, f"{found.name} in this folder is a store: open that file instead", format=NAME)
    file, key = shard_of(place, options.key, NAME)
    header = read_header(file, most=MAX_HEADER)
    if key == options.key and is_named(header, file.path, options, FLOATS, NAME):
        return named_source(header, file, options, FLOATS, NAME, progress)
    table, findings = _Matrix.open(file, header, key, options.dtype), Findings()
    listing = source.open_companion(options.vocab or find_word_list(place, repr(table.name), NAME))
    words = read_word_list(listing, table.expected_words, options, findings)
    if is_complete(listing) and len(words.tokens) != len(table.matrix):
        reason = f"{len(table.matrix):,} rows, but {len(words.tokens):,} words in {listing.path}"
        raise FormatError(file.path, reason, where=table.name, format=NAME)
    rows, scale = table.rows_of(words, findings)
    if table.warning:
        findings.add(table.warning, times=len(words.tokens))
    origin = Origin(file, NAME, whole=2 * table.matrix.nbytes >= len(table.mapped))
    if found:  # the file has the same name in every such folder
        origin.notes["name"] = f"{path.absolute().name}/{file.path.relative_to(path).as_posix()}"
    return matrix_source(
        words.tokens,
        table.matrix.shape[1],
        table.dtype if scale is None else "float32",
        lambda start, stop: table.vectors(start, stop, rows, scale),
        origin,
        progress,
        findings,
        step=rows_in_batch(table.matrix.strides[0]),
        counts=words.counts,
    )


@dataclass(frozen=True, slots=True)
class _Matrix:
    """The matrix of a mapped file.

    Attributes
    ----------
    matrix
        (rows, dim), little-endian, of any alignment; bfloat16 as the uint16 of its bits.
    warning
        What is odd about it, if it was chosen although it has the name of an output layer.
    """

    path: Path
    name: str
    dtype: Dtype
    matrix: NDArray[Any]
    header: Header
    mapped: mmap.mmap
    warning: str

    @classmethod
    def open(cls, source: Input, header: Header, key: str | None, requested: Dtype | None) -> _Matrix:
        path, mapped = source.path, source.map()
        entries = _entries(header)
        name = key or _choose(header, entries, mapped, path)
        entry = entries.get(name)
        if entry is None:
            raise FormatError(path, f"no tensor {name!r}: it has {listed(entries.values())}", format=NAME)
        numpy_dtype, dtype = _dtypes(path, entry, entries, header.tensors[name], requested)
        matrix = _view(mapped, header.tensors[name], numpy_dtype)
        tied = name in _tied(header).values()
        return cls(path, name, dtype, matrix, header, mapped, "" if key or tied else output_layer(path, name))

    @property
    def expected_words(self) -> int:
        """Number of words that a list must have."""
        mapping = self._one_per_word("mapping", INTEGERS)
        return len(self.matrix if mapping is None else mapping)

    def rows_of(self, words: WordList, findings: Findings) -> tuple[Ints | None, Vectors | None]:
        """Return the row of each word, None if in order, and the factor of each word, None if there are no weights."""
        weights = self._one_per_word("weights", {"F32": "<f4", "F64": "<f8", "F16": "<f2"})
        mapping = self._one_per_word("mapping", INTEGERS)
        rows = words.rows
        if weights is not None:
            self._check_rows(rows, len(weights), "weights")
        if mapping is not None:
            self._check_rows(rows, len(mapping), "mapping")
            rows = mapping[rows].astype(np.int64)
        self._check_rows(rows, len(self.matrix), self.name)
        if mapping is None and words.named_rows < len(self.matrix):
            findings.add("rows without a word left out", times=len(self.matrix) - words.named_rows)
        with np.errstate(over="ignore"):  # rows that are not finite are counted later
            scale = None if weights is None else weights[words.rows].astype(np.float32)
        return None if mapping is None and words.is_whole else rows, scale

    def _one_per_word(self, name: str, dtypes: dict[str, str]) -> NDArray[Any] | None:
        tensor = self.header.tensors.get(name)
        if self.name not in ("embeddings", WEIGHT) or tensor is None:
            return None
        if tensor.dtype not in dtypes or len(tensor.shape) != 1:
            found = f"{tensor.dtype} {list(tensor.shape)}"
            raise FormatError(
                self.path, f"{found}, expected one {' or '.join(dtypes)} per token", where=name, format=NAME
            )
        return _view(self.mapped, tensor, dtypes[tensor.dtype])

    def _check_rows(self, rows: Ints, count: int, name: str) -> None:
        if len(rows) and not 0 <= rows.min() <= rows.max() < count:
            reason = f"{count} rows, but a word has row {rows.max() if rows.max() >= count else rows.min()}"
            raise FormatError(self.path, f"{reason}: these words belong to another file", where=name, format=NAME)

    def vectors(self, start: int, stop: int, rows: Ints | None, scale: Vectors | None) -> Vectors:
        """Return the vectors of words [start, stop), aligned."""
        stored = self.matrix[start:stop] if rows is None else self.matrix[rows[start:stop]]
        if self.header.tensors[self.name].dtype == "BF16":
            vectors = from_bfloat16(stored)
        else:
            vectors = np.require(stored, None if stored.dtype.kind == "f" else np.float32, ["A"])
        with np.errstate(over="ignore", invalid="ignore"):  # rows that are not finite are counted later
            return vectors if scale is None else vectors * scale[start:stop, np.newaxis]


def _entries(header: Header) -> dict[str, TensorEntry]:
    return {name: _entry(name, tensor) for name, tensor in header.tensors.items()}


def _entry(name: str, tensor: Tensor) -> TensorEntry:
    described = f"{tensor.dtype} {list(tensor.shape)}"
    return TensorEntry(name, described, tensor.shape, tensor.dtype in FLOATS, (tensor.start, tensor.stop))


def _choose(header: Header, entries: dict[str, TensorEntry], mapped: mmap.mmap, path: Path) -> str:
    """Return the name of the table."""
    tied = _tied(header)
    every = [*entries.values(), *(_entry(name, header.tensors[kept]) for name, kept in tied.items())]

    def same(one: TensorEntry, other: TensorEntry) -> bool:
        if one.place == other.place:
            return True
        first, second = (header.tensors[tied.get(entry.name, entry.name)] for entry in (one, other))
        return (first.dtype, first.shape) == (second.dtype, second.shape) and _are_equal(mapped, first, second)

    name = choose_in_file(path, every, same, NAME).name
    return tied.get(name, name)


def _tied(header: Header) -> dict[str, str]:
    """Return the names of tied weights that `safetensors.torch.save_model` left out, each with the one that it kept."""
    stated = header.metadata.items()
    return {
        name: kept for name, kept in stated if is_known(name) and name not in header.tensors and kept in header.tensors
    }


def _are_equal(mapped: mmap.mmap, first: Tensor, second: Tensor) -> bool:
    return all(
        mapped[first.start + at : min(first.start + at + COMPARED, first.stop)]
        == mapped[second.start + at : min(second.start + at + COMPARED, second.stop)]
        for at in range(0, first.stop - first.start, COMPARED)
    )


def _dtypes(
    path: Path, entry: TensorEntry, names: Iterable[str], tensor: Tensor, requested: Dtype | None
) -> tuple[str, Dtype]:
    """Return the NumPy dtype of a stored matrix, and the dtype of the result."""
    reason = quantized(entry, names)
    if not reason and len(tensor.shape) == 2 and 0 not in tensor.shape:
        if tensor.dtype in FLOATS:
            return FLOATS[tensor.dtype]
        if tensor.dtype in INTEGERS and requested is not None:
            return INTEGERS[tensor.dtype], requested
        if tensor.dtype in INTEGERS:
            converted = cure("whole-numbers-of-a-tensor", f"{option(dtype='float32')} converts them")
            reason = f"whole numbers ({tensor.dtype}), not embeddings; {converted}"
    reason = reason or f"{entry.described}, expected rows of F32, F16, BF16 or F64"
    raise FormatError(path, reason, where=entry.name, format=NAME)


def _view(mapped: mmap.mmap, tensor: Tensor, dtype: str) -> NDArray[Any]:
    return np.ndarray(tensor.shape, dtype, mapped, tensor.start)


def write(path: str | Path, source: Source, options: WriteOptions = AS_IS) -> None:
    """Write the tensor ``embedding.weight`` and a second file with its words, both atomically."""
    words = WordListWriter(path, NAME)
    with replacing_together(overwrite=options.overwrite) as group:
        write_tensor(group.new(path), source, WEIGHT, source.dtype, words.add, path, NAME)
        words.write(group)
