"""Files of torch.save: a tensor, a state dict or torchtext's cache (formats/torch/SPEC.md).

They are memory-mapped and loaded with ``weights_only=True``, so that no code in them runs.
"""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeGuard, cast

import numpy as np

from embstore.codecs.registry.magic import is_torch
from embstore.codecs.shared.array import array_source, check_matrix, format_error
from embstore.codecs.shared.matrix import Origin
from embstore.codecs.shared.named_vectors import TOP
from embstore.codecs.shared.spool import spooled_rows
from embstore.codecs.shared.whole_numbers import note
from embstore.codecs.shared.word_list import word_list_beside
from embstore.codecs.shared.word_list_files import check_word_list, load_word_list
from embstore.codecs.shared.words_by_row import WordList
from embstore.codecs.torch.named import choose_dictionary, named_source, named_tensors
from embstore.codecs.torch.numbers import are_numbers, decimal, only_numbers, whole_tensors
from embstore.core.batch import Findings, Source
from embstore.core.dtypes import NUMPY_DTYPES
from embstore.core.errors import FormatError
from embstore.core.index import pack_for_hashing
from embstore.core.options import AS_IS, Dtype, Progress, ReadOptions, WriteOptions
from embstore.files.atomic import replacing, write_all
from embstore.files.input import Input

if TYPE_CHECKING:
    from torch import Tensor

NAME = "torch"
MAX_DEPTH = 8  # of nested dictionaries
MAX_ENTRIES = 100_000  # of dictionaries that were looked into before
MAX_NAMES = 1 << 28  # characters of all names
MAX_NAME = 1000  # characters of a key


def read(source: Input, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Map the matrix; the words come from the same file, from ``vocab=`` or from a word list next to the file."""
    content = _Content(source)
    content.collect(_load(source), "")
    group = choose_dictionary(content.groups, content.tensors, options, source.path, NAME)
    if group is not None:
        return named_source(
            content.groups[group],
            lambda tensor, name: _as_array(tensor, name, source.path, options),
            Origin(source, NAME),
            progress,
        )
    key = content.choose_matrix(options.key)
    tensor = content.tensors[key]
    array, dtype = _as_array(tensor, key, source.path, options)
    findings = Findings()
    words = content.words_of(len(array), options, findings)
    bfloat16 = _is_bfloat16(tensor)
    return array_source(array, words, dtype, Origin(source, NAME), progress, findings, bfloat16=bfloat16)


def _load(source: Input) -> object:
    import torch

    path, head = source.path, source.head()
    if not head.startswith(b"PK\3\4"):
        if is_torch(head):
            cure = "torch.save(torch.load(old, weights_only=True), new) converts it"
            raise FormatError(path, f"written by torch before 1.6, so it cannot be memory-mapped: {cure}", format=NAME)
        raise FormatError(path, "not a zip, which is what torch.save writes", format=NAME)
    _check_not_compressed(source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(source.path_for_library(), map_location="cpu", weights_only=True, mmap=True)
    except MemoryError:
        raise
    except Exception as error:  # on damaged opcodes, the weights-only unpickler raises many types of error
        if " GLOBAL " in str(error):
            cure = "if you trust it, torch.save(torch.load(old, weights_only=False).state_dict(), new) leaves them out"
            raise FormatError(path, f"contains Python objects, which would be unpickled: {cure}", format=NAME) from None
        reason = f"cannot be read, it is damaged or cut short: {_shorten(str(error))}"
        raise FormatError(path, reason, format=NAME) from None


def _check_not_compressed(source: Input) -> None:
    """Refuse compressed members, which torch.save does not write, and torch.load would decompress all at once."""
    try:
        with zipfile.ZipFile(source.open()) as archive:
            packed = next((member.filename for member in archive.infolist() if member.compress_type), None)
    except Exception as error:  # zipfile raises many classes for a damaged directory
        reason = f"cannot be read, it is damaged or cut short: {ascii(str(error))[1:-1][:150]}"
        raise FormatError(source.path, reason, format=NAME) from None
    if packed is not None:
        reason = f"the member {ascii(packed)[:80]} is compressed, unlike those that torch.save writes: save it again"
        raise FormatError(source.path, reason, format=NAME)


def _shorten(message: str) -> str:
    """Return the line of torch's message that states the cause."""
    lines = [line for line in message.split("\n") if line.strip() and not line.startswith("Check the documentation")]
    found = lines[-1 if "weights_only" in message else 0] if lines else ""
    return ascii(found.rpartition("WeightsUnpickler error:")[2].strip())[1:-1][:150]


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
        elif isinstance(value, dict) and depth < MAX_DEPTH:
            self._collect_dictionary(value, name, depth)

    def _collect_dictionary(self, values: dict[object, object], name: str, depth: int) -> None:
        again = id(values) in self.visited
        self.visited.add(id(values))
        self.groups[name or TOP] = {} if (name or TOP) in self.groups else named_tensors(values)
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
        if key is not None:
            if key not in self.tensors:
                raise FormatError(self.path, f"no tensor {key!r}: it has {self}", format=NAME)
            return key
        found = [name for name, tensor in self.tensors.items() if tensor.ndim == 2 and tensor.is_floating_point()]
        found = found or [name for name, tensor in self.tensors.items() if tensor.ndim == 2]
        if len(found) != 1:
            count = f"{len(found)} tensors" if found else "no tensor"
            raise FormatError(self.path, f"{count} may be the table: name one with key= ({self})", format=NAME)
        return found[0]

    def words_of(self, count: int, options: ReadOptions, findings: Findings) -> WordList:
        name = str(options.vocab) if options.vocab else None
        numbers = {**self.numbers, **whole_tensors(self.tensors)}
        if name is None:
            long_enough = [name for name, words in self.words.items() if len(words) == count]
            name = long_enough[0] if len(long_enough) == 1 else None
            if not long_enough and word_list_beside(self.source) is None:
                name = only_numbers(numbers, count, self.path, NAME)
        if name is not None and name in numbers:
            tokens = note(decimal(numbers[name]), findings)
            return check_word_list(WordList.in_order(tokens), count, self.path, name, NAME)
        if name not in self.words:
            return load_word_list(self.source, options, count, NAME, findings)
        words = self.words[name]
        rows = range(len(words)) if isinstance(words, list) else sorted(words.values())
        listed = words if isinstance(words, list) else sorted(words, key=words.__getitem__)
        if rows[0] < 0:
            raise FormatError(self.path, f"the word {listed[0]!r} has row {rows[0]}", where=name, format=NAME)
        found = WordList(pack_for_hashing(listed), np.array(rows, np.int64), listed=isinstance(words, list))
        return check_word_list(found, count, self.path, str(name), NAME)

    def __str__(self) -> str:
        shown = [f"{name} {str(t.dtype)[6:]} {list(t.shape)}".strip() for name, t in self.tensors.items()]
        return ", ".join(shown[:20]) or "no tensors"


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
