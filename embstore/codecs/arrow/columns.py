"""Finds the columns of words and of vectors in an Arrow schema."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeGuard

from embstore.codecs.arrow.vectors import FLOATS, INTEGERS, choose_vectors, element, is_list, shown
from embstore.codecs.shared.whole_numbers import may_be_words
from embstore.core.cures import cure, option_name
from embstore.core.dependencies import needed
from embstore.core.errors import FormatError
from embstore.core.options import Dtype, ReadOptions

if TYPE_CHECKING:
    from embstore.codecs.arrow.pyarrow_types import DataType, NestedType, Schema

TEXT = ("string", "large_string", "string_view", "binary", "large_binary", "binary_view")


def pyarrow() -> ModuleType:
    """Import pyarrow; MissingDependencyError names the pip command."""
    with needed("pyarrow", "a Parquet or Arrow file"):
        import pyarrow
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
    left_out
        Names of other columns of numbers.
    """

    words: str | None
    vectors: list[str]
    dtype: Dtype
    left_out: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """Names of all columns to read."""
        return ([self.words] if self.words is not None else []) + self.vectors


def choose(path: Path, schema: Schema, options: ReadOptions, name: str) -> Columns:
    """Return the columns that the options name, or the only ones that can be the table."""
    types = {field.name: field.type for field in schema}
    if len(types) < len(schema):
        raise FormatError(path, "two columns have the same name", format=name)
    in_file = options.vocab is not None and Path(options.vocab).is_file()
    words = None if in_file else _words_column(path, types, options.vocab, name)
    rest = {column: kind for column, kind in types.items() if column != words}
    vectors = choose_vectors(path, rest, options, name)
    if words is None and not in_file:
        words = _numbers_column(path, types, vectors, name)
        rest.pop(words)
    kinds = {str(element(types[column])) for column in vectors}
    if options.dtype and kinds & set(INTEGERS):
        dtype = options.dtype
    else:
        dtype = "float16" if kinds == {"halffloat"} else "float32"
    others: tuple[str, ...] = ()
    if options.key is None and not is_list(types[vectors[0]]):
        others = tuple(column for column in rest if column not in vectors and str(rest[column]) in (*FLOATS, *INTEGERS))
    return Columns(words, vectors, dtype, others)


def _words_column(path: Path, types: dict[str, DataType], vocab: str | Path | None, name: str) -> str | None:
    """Return the column of text that is the words; None if there is none, but one of whole numbers."""
    texts = [column for column, kind in types.items() if _text(kind)]
    if vocab is not None:
        column = str(vocab)
        if column in texts or (column in types and is_whole(types[column])):
            return column
        found = f"the column {column!r} has {types[column]}" if column in types else f"no file or column {column!r}"
        raise FormatError(path, f"{found}, expected a column of words ({shown(types)})", format=name)
    if not texts and any(map(is_whole, types.values())):
        return None
    return _only(path, texts, types, name)


def _numbers_column(path: Path, types: dict[str, DataType], vectors: list[str], name: str) -> str:
    """Return the only column of whole numbers that is none of the vectors."""
    whole = [column for column, kind in types.items() if is_whole(kind) and column not in vectors]
    whole = list(filter(may_be_words, whole))
    return _only(path, whole, types, name)


def _only(path: Path, columns: list[str], types: dict[str, DataType], name: str) -> str:
    if len(columns) == 1:
        return columns[0]
    if not columns:
        named = cure("arrow-no-words", f"{option_name('vocab')} names a file with the words")
        raise FormatError(path, f"no column of words: {named} ({shown(types)})", format=name)
    named = cure("arrow-words", f"name one with {option_name('vocab')}")
    raise FormatError(path, f"{len(columns)} columns may be the words: {named} ({shown(types)})", format=name)


def is_whole(kind: DataType) -> bool:
    """Return whether a column has whole numbers."""
    return str(kind) in INTEGERS


def is_dictionary(kind: DataType) -> TypeGuard[NestedType]:
    """Return whether a column has numbers of entries of a dictionary."""
    return hasattr(kind, "index_type")


def _text(kind: DataType) -> bool:
    return str(kind.value_type if is_dictionary(kind) else kind) in TEXT
