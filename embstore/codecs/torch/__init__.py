"""Files of torch.save: a tensor, a state dict or torchtext's cache (formats/torch/SPEC.md).

They are memory-mapped and loaded with ``weights_only=True``, so that no code in them runs. A checkpoint of Hugging
Face's libraries may be one such file or several with an index, and a folder with either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeGuard, cast

import numpy as np

from embstore.codecs.registry.folders import TORCH_CHECKPOINTS, torch_checkpoint
from embstore.codecs.shared.array import array_source, check_matrix, format_error
from embstore.codecs.shared.matrix import Origin
from embstore.codecs.shared.named_vectors import TOP
from embstore.codecs.shared.shards import choose_in_file, output_layer, shard_of
from embstore.codecs.shared.spool import spooled_rows
from embstore.codecs.shared.tensor_names import TensorEntry, listed, quantized
from embstore.codecs.shared.whole_numbers import note
from embstore.codecs.shared.word_list import find_word_list, is_complete, read_word_list, word_list_beside
from embstore.codecs.shared.word_list_files import check_word_list, load_word_list
from embstore.codecs.shared.words_by_row import WordList
from embstore.codecs.torch.loading import NAME, load
from embstore.codecs.torch.named import choose_dictionary, named_source, named_tensors
from embstore.codecs.torch.numbers import are_numbers, decimal, only_numbers, whole_tensors
from embstore.core.batch import Findings, Source
from embstore.core.dependencies import needed
from embstore.core.dtypes import NUMPY_DTYPES
from embstore.core.errors import FormatError
from embstore.core.index import pack_for_hashing
from embstore.core.options import AS_IS, Dtype, Progress, ReadOptions, WriteOptions
from embstore.files.atomic import replacing, write_all
from embstore.files.input import Input

if TYPE_CHECKING:
    from torch import Tensor

MAX_DEPTH = 8  # of nested dictionaries
MAX_ENTRIES = 100_000  # of dictionaries that were looked into before
MAX_NAMES = 1 << 28  # characters of all names
MAX_NAME = 1000  # characters of a key
MAX_LISTED = 1000  # entries of a list or tuple that is looked into
FLOATS = ("float16", "bfloat16", "float32", "float64")
CHECKPOINT = TORCH_CHECKPOINTS[-1].partition(".")[0]  # the file's name begins with it


def read(source: Input, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Map the matrix; the words come from the same file, from ``vocab=`` or from a word list next to the file."""
    found = torch_checkpoint(source.path) if source.is_folder else None
    place = source.open_companion(found) if found else source
    file, named = shard_of(place.require_file(), options.key, NAME)
    content = _Content(file)
    content.collect(load(file), "")
    group = (
        choose_dictionary(content.groups, content.tensors, options, file.path, NAME) if named == options.key else None
    )
    if group is not None:
        return named_source(
            content.groups[group],
            lambda tensor, name: _as_array(tensor, name, file.path, options),
            Origin(file, NAME),
            progress,
        )
    key = content.choose_matrix(named)
    tensor = content.tensors[key]
    array, dtype = _as_array(tensor, key, file.path, options)
    findings = Findings()
    words = content.words_of(len(array), place, options, findings)
    origin = Origin(file, NAME, whole=2 * array.nbytes >= file.size)
    if found:  # the file has the same name in every such folder
        origin.notes["name"] = f"{source.path.absolute().name}/{file.path.relative_to(source.path).as_posix()}"
    table = array_source(array, words, dtype, origin, progress, findings, bfloat16=_is_bfloat16(tensor))
    warning = "" if named else output_layer(file.path, key)
    if warning:
        findings.add(warning, times=len(words.tokens))
    return table


@dataclass(slots=True)
class _Content:
    """The tensors and the word lists of a file by name; names in nested dictionaries are joined by dots.

    Attributes
    ----------
    words
        Lists of strings, or dictionaries from string to row.
    numbers
        Lists of whole numbers, which may be words too.
    groups
        The tensors directly in each dictionary by their keys; empty for one whose name is that of another.
    """

    source: Input
    tensors: dict[str, Tensor] = field(default_factory=dict)
    words: dict[str, list[str] | dict[str, int]] = field(default_factory=dict)
    numbers: dict[str, list[int]] = field(default_factory=dict)
    groups: dict[str, dict[str | int, Tensor]] = field(default_factory=dict)
    visited: set[int] = field(default_factory=set)
    entries: int = 0
    characters: int = 0
    checked: dict[tuple[Callable[[object], bool], int], bool] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return self.source.path

    def collect(self, value: object, name: str, depth: int = 0) -> None:
        import torch

        if isinstance(value, torch.Tensor):
            self.tensors[name] = value
        elif isinstance(value, tuple) and len(value) == 4 and not name:  # torchtext.vocab.Vectors
            for part, item in zip(("itos", "stoi", "vectors", "dim"), value, strict=True):
                if part != "stoi":  # the same words as itos
                    self.collect(item, part, depth + 1)
        elif self._is_checked(_are_words, value):
            self.words[name] = cast("list[str] | dict[str, int]", value)
        elif self._is_checked(are_numbers, value):
            self.numbers[name] = cast("list[int]", value)
        elif isinstance(value, list | tuple) and depth < MAX_DEPTH:
            kinds = torch.Tensor, dict, list
            parts: dict[object, object] = {
                key: item for key, item in enumerate(value[:MAX_LISTED]) if isinstance(item, kinds)
            }
            self._collect_entries(parts, name, depth, again=True)
        elif isinstance(value, dict) and depth < MAX_DEPTH:
            self.groups[name or TOP] = {} if (name or TOP) in self.groups else named_tensors(value)
            again = id(value) in self.visited
            self.visited.add(id(value))
            self._collect_entries(value, name, depth, again=again)

    def _collect_entries(self, values: Mapping[object, object], name: str, depth: int, *, again: bool) -> None:
        for key, item in values.items():
            named = (isinstance(key, str) and len(key) <= MAX_NAME) or _is_small(key)  # others name no table
            path = (f"{name}.{key}" if name else str(key)) if named else ""
            self._count_entry(len(path), again=again)
            if named:
                self.collect(item, path, depth + 1)

    def _is_checked(self, check: Callable[[object], bool], value: object) -> bool:
        """Check each list and dictionary once, although many names may lead to it."""
        key = check, id(value)
        if key not in self.checked:
            self.checked[key] = check(value)
        return self.checked[key]

    def _count_entry(self, characters: int, *, again: bool) -> None:
        """Raise FormatError after too many: dictionaries that contain others several times may have any number."""
        self.entries += again
        self.characters += characters
        if self.entries > MAX_ENTRIES:
            raise FormatError(self.path, f"more than {MAX_ENTRIES:,} entries in nested dictionaries", format=NAME)
        if self.characters > MAX_NAMES:
            reason = f"names of more than {MAX_NAMES:,} characters in nested dictionaries"
            raise FormatError(self.path, reason, format=NAME)

    def choose_matrix(self, key: str | None) -> str:
        entries = {name: _entry(name, tensor) for name, tensor in self.tensors.items()}
        if key is not None:
            if key not in entries:
                raise FormatError(self.path, f"no tensor {key!r}: it has {listed(entries.values())}", format=NAME)
        else:
            key = choose_in_file(self.path, list(entries.values()), self._same, NAME).name
        reason = quantized(entries[key], entries)
        if reason:
            raise FormatError(self.path, reason, where=key, format=NAME)
        return key

    def _same(self, one: TensorEntry, other: TensorEntry) -> bool:
        if one.place == other.place:
            return True
        first, second = self.tensors[one.name], self.tensors[other.name]
        alike = (first.shape, first.dtype) == (second.shape, second.dtype)
        return alike and _is_dense(first) and _is_dense(second) and first.equal(second)

    def words_of(self, count: int, place: Input, options: ReadOptions, findings: Findings) -> WordList:
        """Return the words in the file, or those of a file next to `place`, which was to be read."""
        name = str(options.vocab) if options.vocab else None
        numbers = {**self.numbers, **whole_tensors(self.tensors)}
        if name is None:
            long_enough = [name for name, words in self.words.items() if len(words) == count]
            name = long_enough[0] if len(long_enough) == 1 else None
            if not long_enough and word_list_beside(place) is None:
                name = only_numbers(numbers, count, self.path, NAME)
        if name is not None and name in numbers:
            tokens = note(decimal(numbers[name]), findings)
            return check_word_list(WordList.in_order(tokens), count, self.path, name, NAME)
        if name not in self.words:
            return self._words_beside(count, place, options, findings)
        words = self.words[name]
        rows = range(len(words)) if isinstance(words, list) else sorted(words.values())
        listed = words if isinstance(words, list) else sorted(words, key=words.__getitem__)
        if rows[0] < 0:
            raise FormatError(self.path, f"the word {listed[0]!r} has row {rows[0]}", where=name, format=NAME)
        found = WordList(pack_for_hashing(listed), np.array(rows, np.int64), listed=isinstance(words, list))
        return check_word_list(found, count, self.path, str(name), NAME)

    def _words_beside(self, count: int, place: Input, options: ReadOptions, findings: Findings) -> WordList:
        """Return the words of a file; a checkpoint may have more rows than words, as those of safetensors may."""
        if options.vocab or not place.path.name.startswith(CHECKPOINT):
            return load_word_list(place, options, count, NAME, findings)
        listing = place.open_companion(find_word_list(place, f"{count:,} rows", NAME))
        words = replace(read_word_list(listing, count, options, findings), listed=is_complete(listing))
        return check_word_list(words, count, self.path, listing.path, NAME)


def _entry(name: str, tensor: Tensor) -> TensorEntry:
    kind = str(tensor.dtype)[6:]
    place = (tensor.data_ptr(), tensor.stride(), kind) if _is_dense(tensor) else name
    return TensorEntry(name, f"{kind} {list(tensor.shape)}", tuple(tensor.shape), kind in FLOATS, place)


def _is_dense(tensor: Tensor) -> bool:
    """Return whether a tensor has a number in its storage for each of its elements."""
    plain = str(tensor.layout) == "torch.strided" and not (tensor.is_meta or tensor.is_quantized)
    return plain and tensor.nbytes <= tensor.untyped_storage().nbytes()


def _is_small(key: object) -> bool:
    return isinstance(key, int) and abs(key) < 1 << 63


def _are_words(value: object) -> TypeGuard[list[str] | dict[str, int]]:
    if isinstance(value, list):
        return bool(value) and all(type(word) is str for word in value)
    return (
        isinstance(value, dict)
        and bool(value)
        and all(type(word) is str and type(row) is int and abs(row) < 1 << 32 for word, row in value.items())
    )


def _is_bfloat16(tensor: Tensor) -> bool:
    return str(tensor.dtype) == "torch.bfloat16"


def _as_array(tensor: Tensor, key: str, path: str | Path, options: ReadOptions) -> tuple[np.ndarray[Any, Any], Dtype]:
    """Return a tensor as an array that shares its memory (bfloat16 as uint16 bits), and the dtype to store it as."""
    import torch

    try:
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_complex() or tensor.is_meta:
            raise ValueError(f"a {tensor.layout} tensor of {tensor.dtype}, expected a dense floating-point tensor")
        if tensor.nbytes > tensor.untyped_storage().nbytes():
            stored = tensor.untyped_storage().nbytes()
            raise ValueError(f"{tensor.nbytes:,} bytes of rows in a storage of {stored:,}: an expanded view")
        tensor = tensor.detach()
        if _is_bfloat16(tensor):
            check_matrix(np.dtype(np.float16), tuple(tensor.shape), options)
            return tensor.view(torch.int16).numpy().view(np.uint16), "bfloat16"
        array = tensor.numpy()
        return array, check_matrix(array.dtype, array.shape, options)
    except (ValueError, TypeError, RuntimeError) as error:
        raise format_error(path, NAME, key, ValueError(str(error))) from None


def write(path: str | Path, source: Source, options: WriteOptions = AS_IS) -> None:
    """Write torchtext's cache, (itos, stoi, vectors, dim); `vectors` keeps its dtype.

    On an error nothing is written.
    """
    with needed("torch", "a file of torch.save"):
        import torch

    with (
        replacing(path, overwrite=options.overwrite) as file,
        spooled_rows(source, path, NAME, source.dtype) as (tokens, rows),
    ):
        itos = list(_as_text(tokens))
        raw = np.memmap(rows, NUMPY_DTYPES[source.dtype], "c", shape=(len(itos), source.dim))
        vectors = torch.from_numpy(raw.view(np.int16) if source.dtype == "bfloat16" else raw)
        vectors = vectors.view(torch.bfloat16) if source.dtype == "bfloat16" else vectors
        target = _Target(file)
        content = itos, {word: row for row, word in enumerate(itos)}, vectors, source.dim
        try:
            torch.save(content, cast("IO[bytes]", target))
        except RuntimeError:
            target.check()  # torch reports a full disk as an error of its own
            raise


class _Target:
    """What `torch.save` writes to: a file whose first error is kept.

    Parameters
    ----------
    file
        Open for writing, unbuffered.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._error: OSError | None = None

    def write(self, data: bytes | memoryview) -> int:
        """Write all bytes; an error is raised, and kept for `check`."""
        try:
            write_all(self._file, data)
        except OSError as error:
            self._error = error
            raise
        return len(data)

    def flush(self) -> None:
        """Do nothing, as nothing is buffered."""

    def check(self) -> None:
        """Raise the error, if there was one."""
        if self._error is not None:
            raise self._error


def _as_text(tokens: list[bytes]) -> Iterator[str]:
    return (token.decode("utf-8", "surrogateescape") for token in tokens)
