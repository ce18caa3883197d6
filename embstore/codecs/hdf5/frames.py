"""Tables of records in HDF5, with named columns: what pandas writes as ``format="table"``, and structured arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from embstore.codecs.hdf5.contents import Item, Refused
from embstore.codecs.hdf5.table import Table, Words, chunk_of
from embstore.core.cures import cure, option_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from embstore.codecs.hdf5.h5py_types import Dataset

INDEX = "index"  # pandas' name of the column of labels


def is_frame(item: Item) -> bool:
    """Return whether a dataset is a list of records with vectors, or of those of a pandas frame with numbers."""
    columns = _number_columns(item) if len(item.shape) == 1 else []
    return any(item.dtype[column].shape for column in columns) or (
        bool(columns) and next(iter(item.dtype.names or ())) == INDEX
    )


def frame_table(name: str, records: Dataset, item: Item, vocab: str | None, *, numbers: bool) -> Table:
    """Return the table of a list of records.

    Parameters
    ----------
    vocab
        The column of words; None for the only one of text, or the index.
    numbers
        Whether an index of integers may be the words.
    """
    if not item.shape[0]:
        raise Refused(f"{item}, expected at least one record", name)
    columns = _number_columns(item)
    bases = {_base(item, column) for column in columns}
    blocks = [column for column in columns if item.dtype[column].shape]
    if len(bases) > 1 or (blocks and len(columns) > 1):
        raise Refused("several blocks of columns, expected one: the frame has columns of several types", name)
    base = bases.pop()
    dim = sum(_width(item, column) for column in columns)

    def read(start: int, stop: int) -> NDArray[Any]:
        part: Any = records.fields(columns)[start:stop]
        return np.column_stack([part[column] for column in columns]).astype(base, "C", copy=False)

    chunk = chunk_of(records, 0)
    words = _words(name, records, item, vocab, chunk, numbers=numbers)
    return Table(name, item.shape[0], dim, base, read, chunk, chunk * item.dtype.itemsize, words=words)


def _number_columns(item: Item) -> list[str]:
    return [
        name
        for name in item.dtype.names or ()
        if name != INDEX and len(item.dtype[name].shape) < 2 and _base(item, name).kind == "f" and _width(item, name)
    ]


def _base(item: Item, column: str) -> np.dtype[Any]:
    return item.dtype[column].base


def _width(item: Item, column: str) -> int:
    shape = item.dtype[column].shape
    return int(shape[0]) if shape else 1


def _words(name: str, records: Dataset, item: Item, vocab: str | None, chunk: int, *, numbers: bool) -> Words | None:
    column = vocab if vocab is not None else _word_column(name, item, numbers=numbers)
    if column is None:
        return None

    def read(start: int, stop: int) -> NDArray[Any]:
        part: NDArray[Any] = records.fields(column)[start:stop]
        return part.reshape(len(part))

    return Words(f"{name}/{column}", read, chunk, _base(item, column).kind in "iu")


def _word_column(name: str, item: Item, *, numbers: bool) -> str | None:
    columns = item.dtype.names or ()
    texts = [column for column in columns if is_text_column(item, column)]
    if INDEX in texts:
        return INDEX
    if len(texts) > 1:
        which = cure("hdf5-word-column", f"name one with {option_name('vocab')} ({', '.join(texts)})")
        raise Refused(f"{len(texts)} columns may be its words: {which}", name)
    if texts:
        return texts[0]
    return INDEX if numbers and INDEX in columns and is_number_column(item, INDEX) else None


def is_text_column(item: Item, column: str) -> bool:
    """Return whether a column has one string in each record."""
    return _width(item, column) == 1 and h5py.check_string_dtype(_base(item, column)) is not None


def is_number_column(item: Item, column: str) -> bool:
    """Return whether a column has one whole number in each record."""
    return _width(item, column) == 1 and _base(item, column).kind in "iu"
