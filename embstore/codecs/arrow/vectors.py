"""Chooses the columns of vectors: one of lists, or columns of numbers with names of one pattern, such as d0, d1."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

from embstore.core.cures import cure, option, option_name
from embstore.core.errors import FormatError
from embstore.core.options import Dtype, ReadOptions

if TYPE_CHECKING:
    from embstore.codecs.arrow.pyarrow_types import DataType, NestedType

FLOATS: dict[str, Dtype] = {"halffloat": "float16", "float": "float32", "double": "float32"}
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
NUMBERED = re.compile(r"(.*?)([0-9]{1,9})", re.DOTALL)


def is_list(kind: DataType) -> TypeGuard[NestedType]:
    """Return whether a column has lists, of fixed or variable length."""
    return str(kind).partition("<")[0] in ("list", "large_list", "fixed_size_list")


def element(kind: DataType) -> DataType:
    """Return the type of the elements of lists; any other type unchanged."""
    return kind.value_type if is_list(kind) else kind


def shown(types: dict[str, DataType]) -> str:
    """Return columns and their types for a message; of many columns, those of lists first."""
    likeliest = sorted(types, key=lambda column: len(types) > 20 and not is_list(types[column]))
    more = f" and {len(types) - 20} more" if len(types) > 20 else ""
    return ", ".join(f"{column}: {types[column]}" for column in likeliest[:20]) + more


def choose_vectors(path: Path, types: dict[str, DataType], options: ReadOptions, name: str) -> list[str]:
    """Return the name of one column of lists, or the names of columns of numbers, in the order of the dimensions."""
    if options.key is not None:
        return _named(path, types, options, name)
    numbers = {*FLOATS, *(INTEGERS if options.dtype else ())}
    lists = [column for column, kind in types.items() if is_list(kind) and str(element(kind)) in numbers]
    if len(lists) == 1:
        return lists
    whole = [column for column, kind in types.items() if is_list(kind) and str(element(kind)) in INTEGERS]
    groups = [] if lists else numbered_groups(column for column, kind in types.items() if str(kind) in numbers)
    if len(groups) == 1:
        return groups[0]
    if not lists and not groups and len(whole) == 1:
        raise _whole_numbers(path, whole[0], types, name)
    named = cure("arrow-vectors", f"name them with {option_name('key')}, such as v or d0,d1 or d*")
    reason = f"cannot determine the column of vectors, of lists, or several of numbers named as d0, d1: {named}"
    raise FormatError(path, f"{reason} ({shown(types)})", format=name)


def _named(path: Path, types: dict[str, DataType], options: ReadOptions, name: str) -> list[str]:
    """Return the columns that ``key=`` names: one, several with commas between them, or all that begin alike: d*."""
    key = str(options.key)
    found: list[str] = [key] if key in types else []
    for part in [] if found else key.split(","):
        beginning = part.removesuffix("*")
        if part != beginning:
            found += next(iter(numbered_groups(column for column in types if column.startswith(beginning))), [])
        elif part in types:
            found.append(part)
        else:
            raise FormatError(path, f"no column {part!r}: it has {shown(types)}", format=name)
    if not found:
        raise FormatError(path, f"no columns {key!r}: it has {shown(types)}", format=name)
    for column in found:
        kind = str(element(types[column]))
        if (is_list(types[column]) and len(found) > 1) or kind not in (*FLOATS, *INTEGERS):
            raise FormatError(path, f"{types[column]}, expected numbers", where=column, format=name)
        if kind in INTEGERS and not options.dtype:
            raise _whole_numbers(path, column, types, name)
    return found


def numbered_groups(columns: Iterable[str]) -> list[list[str]]:
    """Return groups of columns whose names differ in a number at the end, which runs from 0 or 1, in its order."""
    groups: dict[str, dict[int, str]] = {}
    for column in columns:
        if match := NUMBERED.fullmatch(column):
            groups.setdefault(match[1], {})[int(match[2])] = column
    whole = [group for group in groups.values() if min(group) in (0, 1) and max(group) - min(group) + 1 == len(group)]
    return [[group[number] for number in sorted(group)] for group in whole]


def _whole_numbers(path: Path, column: str, types: dict[str, DataType], name: str) -> FormatError:
    converted = cure("arrow-whole-numbers", f"{option(dtype='float32')} converts them")
    reason = f"whole numbers ({element(types[column])}), not embeddings; {converted}"
    return FormatError(path, reason, where=column, format=name)
