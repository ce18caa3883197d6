"""Columns of data by name, from a list of rows, a dict of lists, a data frame or an Arrow table."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from numbers import Real
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

NAMED = 10  # columns that a message names

Column = Collection[object]
"""A list, an array, or a column of pyarrow, pandas or polars."""


class Columns(Protocol):
    """Columns by name: a dict of lists, a pandas or polars DataFrame, a pyarrow Table."""

    def __getitem__(self, name: str, /) -> Column: ...


Data = Sequence[Mapping[str, object]] | Columns
"""Rows, each a dict, or columns."""


def take_columns(data: Data, needed: Iterable[str], targets: Iterable[str]) -> dict[str, Column]:
    """Return columns by name: all that are needed, and the targets that the data have.

    Raises ValueError for a column that is missing, for a target that only some rows have, and for columns of different
    lengths; TypeError for data that are neither rows nor columns.
    """
    find = _in_rows(data) if isinstance(data, list | tuple) else _in_columns(cast("Columns", data))
    columns = {name: cast("Column", find(name, False)) for name in needed}
    columns |= {name: column for name in targets if (column := find(name, True)) is not None}
    sizes = {name: len(column) for name, column in columns.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"the columns differ in length: {sizes}")
    return columns


Find = Callable[[str, bool], Column | None]
"""Returns the column of this name; None if there is none and, by the second argument, none is needed."""


def _in_rows(rows: Sequence[Mapping[str, object]]) -> Find:
    def find(name: str, optional: bool) -> Column | None:
        try:
            found = [row[name] for row in rows if name in row]
        except (TypeError, IndexError):  # no dict: a str, a tuple
            found = []
        if len(found) == len(rows):
            return found
        _check_kinds(rows)
        if optional and not found:
            return None
        position = next(position for position, row in enumerate(rows) if name not in row)
        rule = ": a target must be in all rows, or in none" if optional else ""
        raise ValueError(f"row {position} has no {name!r}, only {_named(name, list(rows[position]))}{rule}")

    return find


def _check_kinds(rows: Sequence[Mapping[str, object]]) -> None:
    for position, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise TypeError(f"row {position} is a {type(row).__name__}, expected a dict")


def _in_columns(columns: Columns) -> Find:
    names = _names(columns)

    def find(name: str, optional: bool) -> Column | None:
        if names is not None and names.count(name) > 1:
            raise ValueError(f"the data have {names.count(name)} columns {name!r}, expected one")
        try:
            if names is None or name in names:
                return _sized(columns[name], name)
        except KeyError:
            pass
        except (TypeError, IndexError):
            if names is None:
                raise _no_data(columns) from None
            raise
        if optional:
            return None
        only = f", only {_named(name, names)}" if names is not None else ""
        raise ValueError(f"the data have no column {name!r}{only}")

    return find


def _names(columns: object) -> list[str] | None:
    """Return the names of columns: of pyarrow, of a dict or pandas, of polars, of a structured array; None without."""
    for attribute in ("column_names", "keys", "columns"):
        if hasattr(type(columns), attribute):  # of the class: pandas has its columns as attributes too
            names = getattr(columns, attribute)
            return list(names() if callable(names) else names)
    names = getattr(getattr(columns, "dtype", None), "names", None)
    return None if names is None else list(names)


def _no_data(data: object) -> TypeError:
    known = "a dict, a DataFrame, an Arrow table"
    return TypeError(f"expected a list of rows, each a dict, or columns by name ({known}), not {type(data).__name__}")


def _sized(column: Column, name: str) -> Column:
    if not isinstance(column, str | bytes) and hasattr(column, "__len__") and getattr(column, "ndim", 1) > 0:
        return column
    raise ValueError(f"the column {name!r} is {column!r}, not a list or an array: one row is encoded as a list, [row]")


def _named(missing: str, names: list[str]) -> str:
    """Return the names of columns for a message, and the one that a missing name is most similar to."""
    shown = [repr(name) for name in names[:NAMED]] + [f"{len(names) - NAMED} more"] * (len(names) > NAMED)
    by_lower = {str(name).lower(): name for name in names}
    similar = difflib.get_close_matches(missing.lower(), by_lower, 1, 0.75)
    suggestion = f"; did you mean {by_lower[similar[0]]!r}?" if similar else ""
    return (", ".join(shown) or "none") + suggestion


def as_numbers(column: Column, name: str) -> NDArray[Any]:
    """Return a column as an array of numbers or booleans; ValueError for anything else, which it names."""
    nulls = getattr(column, "null_count", 0)  # of pyarrow a number, of polars a method
    if nulls() if callable(nulls) else nulls:
        row = next(
            row for row, value in enumerate(column) if getattr(value, "as_py", lambda value=value: value)() is None
        )
        raise ValueError(f"the column {name!r} has None in row {row}, expected a number")  # NumPy would make it NaN
    try:
        numbers = np.asarray(column)
        if numbers.dtype.kind == "O":  # of pandas, for instance
            numbers = np.asarray(numbers.tolist())
    except ValueError:
        raise ValueError(f"the column {name!r} has lists of different lengths, expected numbers") from None
    if numbers.dtype.kind not in "fiub":
        row, value = next((at for at in enumerate(column) if not isinstance(at[1], Real)), (0, numbers.dtype))
        raise ValueError(f"the column {name!r} has {value!r} in row {row}, expected a number")
    return numbers
