"""Plain safetensors: one matrix of a checkpoint, and words from beside it (formats/safetensors/SPEC.md)."""

from __future__ import annotations

import json
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embstore.codecs.huggingface.tensor_file import write_tensor
from embstore.codecs.registry.magic import checkpoint, is_store
from embstore.codecs.shared.matrix import Origin, matrix_source, rows_in_batch
from embstore.codecs.shared.word_list import WordList, find_word_list, read_word_list
from embstore.codecs.shared.word_list_files import WordListWriter
from embstore.core.batch import Findings, Ints, Source, Vectors
from embstore.core.dtypes import from_bfloat16
from embstore.core.errors import FormatError
from embstore.core.options import AS_IS, Dtype, Progress, ReadOptions, WriteOptions
from embstore.files.atomic import replacing_together
from embstore.files.input import Input
from embstore.store.header import MAX_HEADER, WEIGHT, Header, Tensor, read_header

NAME = "safetensors"
FLOATS: dict[str, tuple[str, Dtype]] = {
    "F32": ("<f4", "float32"), "F64": ("<f8", "float32"), "F16": ("<f2", "float16"), "BF16": ("<u2", "bfloat16"),
}  # fmt: skip
INTEGERS = {"I8": "i1", "U8": "u1", "I16": "<i2", "U16": "<u2", "I32": "<i4", "U32": "<u4", "I64": "<i8"}

# How the names of tables end: model2vec, sentence-transformers' StaticEmbedding, staticvectors; BERT, GPT-2, Llama, T5
NAMES = (
    "embeddings", "embedding.weight", "vectors",
    "word_embeddings.weight", "wte.weight", "embed_tokens.weight", "shared.weight",
)  # fmt: skip


def read(source: Input, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read one matrix of a safetensors file, of shards by their index, or of a folder with either; no other tensor."""
    path = source.path
    found = checkpoint(path) if source.is_folder else None
    place = source.beside(found) if found else source
    if found and is_store(place.head()):
        raise FormatError(path, f"{found.name} in this folder is a store: name that file", format=NAME)
    file, key = _shard_of(place, options.key)
    table = _Table.open(file, key, options.dtype)
    words = read_word_list(source.beside(options.vocab or find_word_list(place.path, repr(table.name), NAME)))
    findings = Findings()
    rows, scale = table.rows_of(words, findings)
    origin = Origin(file, NAME, whole=2 * table.matrix.nbytes >= len(table.mapped))
    if found:  # every such folder has a file of this name
        origin.notes["name"] = f"{path.absolute().name}/{file.path.relative_to(path).as_posix()}"
    return matrix_source(
        words.tokens,
        table.matrix.shape[1],
        table.dtype if scale is None else "float32",
        lambda start, stop: table.take(start, stop, rows, scale),
        origin,
        progress,
        findings,
        step=rows_in_batch(table.matrix.strides[0]),
    )


def _shard_of(source: Input, key: str | None) -> tuple[Input, str | None]:
    """Return the file that holds the table, and its key where an index named it."""
    path = source.path
    if path.suffix.lower() != ".json":
        return source, key
    try:
        weight_map = json.loads(source.read_at(0, MAX_HEADER))["weight_map"]
        named = {str(name): str(shard) for name, shard in weight_map.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise FormatError(path, "not an index of shards: it has no weight_map", format=NAME) from None
    key = key or _only([name for name in named if _is_known(name)], list(named), path)
    if key not in named:
        raise FormatError(path, f"no tensor {key!r} in the weight_map", format=NAME)
    shard = named[key]
    if Path(shard).name != shard:
        raise FormatError(path, f"the shard {shard!r} is not a file beside it", format=NAME)
    return source.beside(path.with_name(shard)), key


def _is_known(name: str) -> bool:
    return any(name == known or name.endswith(f".{known}") for known in NAMES)


def _only(fitting: list[str], shown: list[str], path: Path) -> str:
    if len(fitting) == 1:
        return fitting[0]
    listed = ", ".join((fitting or shown)[:20])
    count = f"{len(fitting)} tensors" if fitting else "no tensor"
    raise FormatError(path, f"{count} may be the table: name one with key= ({listed})", format=NAME)


@dataclass(frozen=True, slots=True)
class _Table:
    """The matrix of a mapped file.

    Attributes
    ----------
    matrix
        (rows, dim), little-endian, of any alignment; uint16 holds the bits of bfloat16.
    """

    path: Path
    name: str
    dtype: Dtype
    matrix: NDArray[Any]
    header: Header
    mapped: mmap.mmap

    @classmethod
    def open(cls, source: Input, key: str | None, wanted: Dtype | None) -> _Table:
        path, header, mapped = source.path, read_header(source), source.map()
        name = key or _choose(header, path)
        tensor = header.tensors.get(name)
        if tensor is None:
            raise FormatError(path, f"no tensor {name!r}: it has {', '.join(list(header.tensors)[:20])}", format=NAME)
        numpy_dtype, dtype = _kept_as(path, name, tensor, wanted)
        return cls(path, name, dtype, _view(mapped, tensor, numpy_dtype), header, mapped)

    def rows_of(self, words: WordList, findings: Findings) -> tuple[Ints | None, Vectors | None]:
        """Rows of the words, None for one after the other, and what they are multiplied with, as model2vec has it."""
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
        scale = None if weights is None else weights[words.rows].astype(np.float32)
        return None if mapping is None and words.is_whole else rows, scale

    def _one_per_word(self, name: str, dtypes: dict[str, str]) -> NDArray[Any] | None:
        tensor = self.header.tensors.get(name)
        if self.name not in ("embeddings", WEIGHT) or tensor is None:
            return None
        if tensor.dtype not in dtypes or len(tensor.shape) != 1:
            found = f"{tensor.dtype} {list(tensor.shape)}"
            raise FormatError(
                self.path, f"{found}, expected one {' or '.join(dtypes)} a token", where=name, format=NAME
            )
        return _view(self.mapped, tensor, dtypes[tensor.dtype])

    def _check_rows(self, rows: Ints, count: int, name: str) -> None:
        if len(rows) and not 0 <= rows.min() <= rows.max() < count:
            reason = f"{count} rows, but a word has row {rows.max() if rows.max() >= count else rows.min()}"
            raise FormatError(self.path, f"{reason}: these words belong to another file", where=name, format=NAME)

    def take(self, start: int, stop: int, rows: Ints | None, scale: Vectors | None) -> Vectors:
        """Vectors of the words [start, stop), aligned."""
        taken = self.matrix[start:stop] if rows is None else self.matrix[rows[start:stop]]
        if self.header.tensors[self.name].dtype == "BF16":
            vectors = from_bfloat16(taken)
        else:
            vectors = np.require(taken, None if taken.dtype.kind == "f" else np.float32, ["A"])
        return vectors if scale is None else vectors * scale[start:stop, np.newaxis]


def _kept_as(path: Path, name: str, tensor: Tensor, wanted: Dtype | None) -> tuple[str, Dtype]:
    """NumPy's dtype of a matrix, and what its values are kept as."""
    if len(tensor.shape) == 2 and 0 not in tensor.shape:
        if tensor.dtype in FLOATS:
            return FLOATS[tensor.dtype]
        if tensor.dtype in INTEGERS and wanted is None:
            reason = f"whole numbers ({tensor.dtype}), not embeddings; --dtype float32 converts them"
            raise FormatError(path, reason, where=name, format=NAME)
        if tensor.dtype in INTEGERS and wanted is not None:
            return INTEGERS[tensor.dtype], wanted
    found = f"{tensor.dtype} {list(tensor.shape)}"
    raise FormatError(path, f"{found}, expected rows of F32, F16, BF16 or F64", where=name, format=NAME)


def _view(mapped: mmap.mmap, tensor: Tensor, dtype: str) -> NDArray[Any]:
    return np.ndarray(tensor.shape, dtype, mapped, tensor.start)


def _choose(header: Header, path: Path) -> str:
    """Choose the one matrix that can be meant; of whole numbers, whose error says what to do, where no other is."""
    matrices = [(name, t.dtype) for name, t in header.tensors.items() if len(t.shape) == 2]
    floating = [name for name, dtype in matrices if dtype in FLOATS]
    known = [name for name in floating if _is_known(name)]
    whole = [name for name, dtype in matrices if dtype in INTEGERS]
    shown = [f"{name} {t.dtype} {list(t.shape)}" for name, t in header.tensors.items()]
    return _only(known or floating or whole, shown, path)


def write(path: str | Path, source: Source, options: WriteOptions = AS_IS) -> None:
    """Write the tensor ``embedding.weight`` alone, and its words beside it, both whole or not at all."""
    del options
    beside = WordListWriter(path, NAME)
    with replacing_together() as together:
        write_tensor(together.new(path), source, WEIGHT, source.dtype, beside.add, path, NAME)
        beside.write(together)
