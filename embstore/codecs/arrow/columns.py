"""Which columns of an Arrow schema are the words and the vectors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embstore.core.errors import FormatError, MissingDependencyError
from embstore.core.options import Dtype, ReadOptions

TEXT = ("string", "large_string", "string_view", "binary", "large_binary", "binary_view")
FLOATS: dict[str, Dtype] = {"halffloat": "float16", "float": "float32", "double": "float32"}
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")


def pyarrow() -> Any:
    """Import pyarrow; MissingDependencyError names the pip command."""
    try:
        import pyarrow
    except ImportError:
        raise MissingDependencyError("pyarrow", "a Parquet or Arrow file") from None
    return pyarrow


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table.

    Attributes
    ----------
    words
        Name of the column of words; None where a file has them.
    vectors
        Name of one column of lists; or of a column of numbers for each dimension.
    dtype
        What the values are kept as.
    """

    words: str | None
    vectors: list[str]
    dtype: Dtype

    @property
    def names(self) -> list[str]:
        """All of them."""
        return ([self.words] if self.words is not None else []) + self.vectors


def choose(path: Path, schema: Any, options: ReadOptions, name: str) -> Columns:
    """Choose the columns: the ones asked for, or the only ones that fit."""
    kinds = {field.name: field.type for field in schema}
    if len(kinds) < len(schema):
        raise FormatError(path, "two columns have one name", format=name)
    numbers = {**FLOATS, **dict.fromkeys(INTEGERS, options.dtype)} if options.dtype else FLOATS
    vectors = _vector_columns(path, kinds, numbers, options.key, name)
    if options.vocab and Path(options.vocab).is_file():
        words = None
    else:
        wanted = [str(options.vocab)] if options.vocab else [column for column in kinds if _text(kinds[column])]
        if len(wanted) != 1 or wanted[0] not in kinds or not _text(kinds[wanted[0]]):
            raise FormatError(
                path, f"no column of words can be told: name one with vocab= ({_shown(kinds)})", format=name
            )
        words = wanted[0]
    element = _element(kinds[vectors[0]])
    return Columns(words, vectors, numbers[str(element)])


def _vector_columns(
    path: Path, kinds: dict[str, Any], numbers: dict[str, Dtype], key: str | None, name: str
) -> list[str]:
    lists = [column for column, kind in kinds.items() if is_list(kind) and str(_element(kind)) in numbers]
    if key is not None:
        lists = [column for column in lists if column == key]
    if len(lists) == 1:
        return lists
    wide = [column for column, kind in kinds.items() if str(kind) in FLOATS]
    if not lists and key is None and wide and len({str(kinds[column]) for column in wide}) == 1:
        return wide
    reason = "no column of lists of floating numbers can be told (whole ones need --dtype): name one with key="
    raise FormatError(path, f"{reason} ({_shown(kinds)})", format=name)


def _shown(kinds: dict[str, Any]) -> str:
    return ", ".join(f"{column}: {kind}" for column, kind in list(kinds.items())[:20])


def is_list(kind: Any) -> bool:
    """Tell whether a column's rows are lists, of one length or of any."""
    return str(kind).partition("<")[0] in ("list", "large_list", "fixed_size_list")


def _element(kind: Any) -> Any:
    return kind.value_type if is_list(kind) else kind


def _text(kind: Any) -> bool:
    return str(kind.value_type if hasattr(kind, "index_type") else kind) in TEXT
