"""Reads and writes plain safetensors: one matrix, with its words in a second file (formats/safetensors/SPEC.md)."""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embstore.codecs.huggingface.named import is_named, named_source
from embstore.codecs.huggingface.tensor_file import write_tensor
from embstore.codecs.registry.magic import checkpoint, is_store
from embstore.codecs.shared.json_file import names_for_message, parse_json, shown
from embstore.codecs.shared.matrix import Origin, matrix_source, rows_in_batch
from embstore.codecs.shared.word_list import find_word_list, read_word_list
from embstore.codecs.shared.word_list_files import WordListWriter
from embstore.codecs.shared.words_by_row import WordList
from embstore.core.batch import Findings, Ints, Source, Vectors
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
MAX_HEADER = 100_000_000  # the limit of the format
INTEGERS = {"I8": "i1", "U8": "u1", "I16": "<i2", "U16": "<u2", "I32": "<i4", "U32": "<u4", "I64": "<i8"}

# Last parts of the names of embedding matrices: model2vec, sentence-transformers' StaticEmbedding, staticvectors;
# BERT, GPT-2, Llama, T5
TABLE_NAMES = (
    "embeddings", "embedding.weight", "vectors",
    "word_embeddings.weight", "wte.weight", "embed_tokens.weight", "shared.weight",
)  # fmt: skip


def read(source: Input, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read one matrix of a safetensors file, of an index of shards, or of a folder with either."""
    path = source.path
    named = options.format == NAME and not options.vocab and not options.key
    if named and not source.is_folder and is_store(source.head()):
        return store_source(map_input(source, trust=True), progress)  # named by the user, for a store that is refused
    found = checkpoint(path) if source.is_folder else None
    place = source.open_companion(found) if found else source
    if found and is_store(place.head()):
        raise FormatError(path, f"{found.name} in this folder is a store: open that file instead", format=NAME)
    file, key = _shard_of(place, options.key)
    header = read_header(file, most=MAX_HEADER)
    if key == options.key and is_named(header, file.path, options, FLOATS, NAME):
        return named_source(header, file, options, FLOATS, NAME, progress)
    table = _Matrix.open(file, header, key, options.dtype)
    findings, listed = Findings(), options.vocab or find_word_list(place, repr(table.name), NAME)
    words = read_word_list(source.open_companion(listed), table.expected_words, options, findings)
    rows, scale = table.rows_of(words, findings)
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


def _shard_of(source: Input, key: str | None) -> tuple[Input, str | None]:
    """Return the file with the table, and the key, which is chosen here if the input is an index of shards."""
    path = source.path
    if path.suffix.lower() != ".json":
        return source, key
    parsed = parse_json(
        source.read_at(0, MAX_HEADER), path, f"an index of shards of at most {MAX_HEADER:,} bytes", NAME
    )
    named = parsed.get("weight_map") if isinstance(parsed, dict) else None
    if not isinstance(named, dict) or not all(isinstance(shard, str) for shard in named.values()):
        raise FormatError(path, "not an index of shards: it has no weight_map of names of files", format=NAME)
    key = key or _only([name for name in named if _is_known(name)], list(named), path)
    if key not in named:
        raise FormatError(path, f"no tensor {key!r} in the weight_map", format=NAME)
    return _open_shard(source, named[key]), key


def _open_shard(source: Input, shard: str) -> Input:
    """Open a file in the folder of the index; the name may be anything that JSON can hold."""
    if not shard or shard == ".." or Path(shard).name != shard:
        raise FormatError(source.path, f"the shard {shown(shard)} is not in the folder of the index", format=NAME)
    try:
        return source.open_companion(source.path.with_name(shard))
    except OSError as error:
        reason = f"the shard {shown(shard)} cannot be opened: {error.strerror}"
    except FormatError:
        raise
    except ValueError:  # NUL, or a lone surrogate
        reason = f"the shard {shown(shard)} has a name that no file can have"
    raise FormatError(source.path, reason, format=NAME)


def _is_known(name: str) -> bool:
    return any(name == known or name.endswith(f".{known}") for known in TABLE_NAMES)


def _only(candidates: list[str], all_tensors: list[str], path: Path) -> str:
    """Return the only candidate; else raise FormatError, which lists them, or all tensors if there are none."""
    if len(candidates) == 1:
        return candidates[0]
    listed = names_for_message(candidates or all_tensors)
    count = f"{len(candidates)} tensors" if candidates else "no tensor"
    raise FormatError(path, f"{count} may be the table: name one with key= ({listed})", format=NAME)


@dataclass(frozen=True, slots=True)
class _Matrix:
    """The matrix of a mapped file.

    Attributes
    ----------
    matrix
        (rows, dim), little-endian, of any alignment; bfloat16 as the uint16 of its bits.
    """

    path: Path
    name: str
    dtype: Dtype
    matrix: NDArray[Any]
    header: Header
    mapped: mmap.mmap

    @classmethod
    def open(cls, source: Input, header: Header, key: str | None, requested: Dtype | None) -> _Matrix:
        path, mapped = source.path, source.map()
        name = key or _choose(header, path)
        tensor = header.tensors.get(name)
        if tensor is None:
            raise FormatError(path, f"no tensor {name!r}: it has {names_for_message(header.tensors)}", format=NAME)
        numpy_dtype, dtype = _dtypes(path, name, tensor, requested)
        return cls(path, name, dtype, _view(mapped, tensor, numpy_dtype), header, mapped)

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


def _dtypes(path: Path, name: str, tensor: Tensor, requested: Dtype | None) -> tuple[str, Dtype]:
    """Return the NumPy dtype of a stored matrix, and the dtype of the result."""
    if len(tensor.shape) == 2 and 0 not in tensor.shape:
        if tensor.dtype in FLOATS:
            return FLOATS[tensor.dtype]
        if tensor.dtype in INTEGERS and requested is None:
            reason = f"whole numbers ({tensor.dtype}), not embeddings; --dtype float32 converts them"
            raise FormatError(path, reason, where=name, format=NAME)
        if tensor.dtype in INTEGERS and requested is not None:
            return INTEGERS[tensor.dtype], requested
    found = f"{tensor.dtype} {list(tensor.shape)}"
    raise FormatError(path, f"{found}, expected rows of F32, F16, BF16 or F64", where=name, format=NAME)


def _view(mapped: mmap.mmap, tensor: Tensor, dtype: str) -> NDArray[Any]:
    return np.ndarray(tensor.shape, dtype, mapped, tensor.start)


def _choose(header: Header, path: Path) -> str:
    """Return the name of the only matrix that can be the table; integer matrices count only if there is no other."""
    matrices = [(name, t.dtype) for name, t in header.tensors.items() if len(t.shape) == 2]
    floating = [name for name, dtype in matrices if dtype in FLOATS]
    known = [name for name in floating if _is_known(name)]
    integers = [name for name, dtype in matrices if dtype in INTEGERS]
    described = [f"{name} {t.dtype} {list(t.shape)}" for name, t in header.tensors.items()]
    return _only(known or floating or integers, described, path)


def write(path: str | Path, source: Source, options: WriteOptions = AS_IS) -> None:
    """Write the tensor ``embedding.weight`` and a second file with its words, both atomically."""
    words = WordListWriter(path, NAME)
    with replacing_together(overwrite=options.overwrite) as group:
        write_tensor(group.new(path), source, WEIGHT, source.dtype, words.add, path, NAME)
        words.write(group)
