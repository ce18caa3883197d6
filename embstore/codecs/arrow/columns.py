"""Finds the columns of words and of vectors in an Arrow schema."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeGuard

from embstore.core.errors import FormatError, MissingDependencyError
from embstore.core.options import Dtype, ReadOptions

if TYPE_CHECKING:
    from embstore.codecs.arrow.pyarrow_types import DataType, NestedType, Schema

TEXT = ("string", "large_string", "string_view", "binary", "large_binary", "binary_view")
FLOATS: dict[str, Dtype] = {"halffloat": "float16", "float": "float32", "double": "float32"}
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")


def pyarrow() -> ModuleType:
    """Import pyarrow; MissingDependencyError names the pip command."""
    try:
        import pyarrow
    except ImportError:
        raise MissingDependencyError("pyarrow", "a Parquet or Arrow file") from None
    module: ModuleType = pyarrow
    return module


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table.

    Attributes
    ----------
    words
        Name of the column of words; None if they come from another file.
    vectors
        Name of one column of lists, or names of columns of numbers, one per dimension.
    dtype
        The dtype of the result.
    """

    words: str | None
    vectors: list[str]
    dtype: Dtype

    @property
    def names(self) -> list[str]:
        """Names of all columns to read."""
        return ([self.words] if self.words is not None else []) + self.vectors


def choose(path: Path, schema: Schema, options: ReadOptions, name: str) -> Columns:
    """Return the columns that the options name, or the only ones that can be the table."""
    types = {field.name: field.type for field in schema}
    if len(types) < len(schema):
        raise FormatError(path, "two columns have the same name", format=name)
    numbers = {**FLOATS, **dict.fromkeys(INTEGERS, options.dtype)} if options.dtype else FLOATS
    vectors = _vector_columns(path, types, numbers, options.key, name)
    if options.vocab and Path(options.vocab).is_file():
        words = None
    else:
        candidates = [str(options.vocab)] if options.vocab else _word_columns(types)
        if len(candidates) != 1 or candidates[0] not in types or not _is_words(types[candidates[0]]):
            raise FormatError(
                path, f"cannot determine the column of words: name one with vocab= ({_shown(types)})", format=name
            )
        words = candidates[0]
    element = _element(types[vectors[0]])
    return Columns(words, vectors, numbers[str(element)])


def _vector_columns(
    path: Path, types: dict[str, DataType], numbers: dict[str, Dtype], key: str | None, name: str
) -> list[str]:
    lists = [column for column, kind in types.items() if is_list(kind) and str(_element(kind)) in numbers]
    if key is not None:
        lists = [column for column in lists if column == key]
    if len(lists) == 1:
        return lists
    numeric = [column for column, kind in types.items() if str(kind) in FLOATS]
    if not lists and key is None and numeric and len({str(types[column]) for column in numeric}) == 1:
        return numeric
    reason = "cannot determine the column of vectors, lists of floats (integers need --dtype): name one with key="
    raise FormatError(path, f"{reason} ({_shown(types)})", format=name)


def _shown(types: dict[str, DataType]) -> str:
    return ", ".join(f"{column}: {kind}" for column, kind in list(types.items())[:20])


def is_list(kind: DataType) -> TypeGuard[NestedType]:
    """Return whether a column has lists, of fixed or variable length."""
    return str(kind).partition("<")[0] in ("list", "large_list", "fixed_size_list")


def _element(kind: DataType) -> DataType:
    return kind.value_type if is_list(kind) else kind


def is_dictionary(kind: DataType) -> TypeGuard[NestedType]:
    """Return whether a column has numbers of entries of a dictionary."""
    return hasattr(kind, "index_type")


def is_numbers(kind: DataType) -> bool:
    """Return whether a column has whole numbers."""
    return str(kind) in INTEGERS


def _word_columns(types: dict[str, DataType]) -> list[str]:
    """Return the columns of text; without one, those of whole numbers."""
    texts = [column for column, kind in types.items() if _text(kind)]
    return texts or [column for column, kind in types.items() if is_numbers(kind)]


def _is_words(kind: DataType) -> bool:
    return _text(kind) or is_numbers(kind)


def _text(kind: DataType) -> bool:
    return str(kind.value_type if is_dictionary(kind) else kind) in TEXT
