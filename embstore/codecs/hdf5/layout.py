"""Finds the matrix and the words in an open HDF5 file, for the layouts of common libraries (formats/hdf5/SPEC.md)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

import h5py

from embstore.codecs.hdf5.contents import Contents, Item, Refused, encoded, look_through, resolve
from embstore.codecs.hdf5.frames import frame_table, is_frame, is_number_column, is_text_column
from embstore.codecs.hdf5.named import named_table, refuse_words
from embstore.codecs.hdf5.request import Request
from embstore.codecs.hdf5.storage import check_matrix, check_storage
from embstore.codecs.hdf5.table import Table, matrix_table, words_in
from embstore.codecs.shared.named_vectors import TOP
from embstore.codecs.shared.whole_numbers import may_be_words
from embstore.core.cures import cure, option_name

if TYPE_CHECKING:
    from embstore.codecs.hdf5.h5py_types import Dataset, Group

MAX_LISTED = 20
# names of embedding matrices in weights of Keras 3 and before, and of PyTorch-BigGraph
PREFERRED = re.compile(r"(^|/)embedding[^/]*/vars/0$|(^|/)embeddings(:0)?$")


def find_table(file: Group, request: Request, progress: Callable[[], object] = lambda: None) -> Table:
    """Find the matrix and its words; raises Refused, also for links and data that lead out of the file.

    `progress` is called while the names of a large file are read.
    """
    key = (request.key or "").strip("/")
    if key:
        resolve(file, key)
    contents = look_through(file, progress)
    found = contents.datasets
    names = [name for name in found if not key or name == key or name.startswith(f"{key}/")]
    named = None if key in found else _named(file, contents, names, request)
    if named is not None:
        refuse_words(request.vocab, request.words, named)
        return named
    matrix = key if key in found else _choose(file, contents, names, request.kinds)
    dataset = _opened(file, matrix)
    if is_frame(found[matrix]):
        return _frame(matrix, dataset, found[matrix], request)
    check_matrix(found[matrix], matrix, request.kinds)
    check_storage(dataset.id, found[matrix], matrix)
    table = matrix_table(matrix, dataset, transposed=_is_transposed(file, matrix))
    words = _words_of(file, found, table, request) if request.words else None
    if words is None:
        return table
    _check_words(found[words], words, table)
    opened = _opened(file, words)
    check_storage(opened.id, found[words], words)
    return replace(table, words=words_in(words, opened))


def _opened(file: Group, name: str) -> Dataset:
    dataset: Dataset = file[encoded(name)]  # type: ignore[assignment]
    return dataset


def _named(file: Group, contents: Contents, names: list[str], request: Request) -> Table | None:
    """Return the table of one vector a name, if there is no matrix, or if ``key=`` names the top of the file."""
    items = [contents.datasets[name] for name in names]
    if any(_is_matrix(item, request.kinds) or is_frame(item) for item in items):
        at_top = contents.groups[""] if request.key == TOP else {}
        if len(at_top) < 2 or any(len(item.shape) != 1 or not item.floating for item in at_top.values()):
            return None
    if request.key is None:
        return named_table(file, contents, None)
    key = request.key.strip("/")
    return named_table(file, contents, key or TOP) if contents.groups.get(key) else None


def _frame(name: str, dataset: Dataset, item: Item, request: Request) -> Table:
    check_storage(dataset.id, item, name)
    column = request.vocab
    if column is not None:
        column = column.strip("/").removeprefix(f"{name}/")
        if column not in (item.dtype.names or ()):
            raise Refused(f"no column {column!r}: it has {', '.join(item.dtype.names or ())}", name)
        if not is_text_column(item, column) and not is_number_column(item, column):
            raise Refused(f"{item.dtype[column]}, expected a column of words", f"{name}/{column}")
    table = frame_table(name, dataset, item, column, numbers=request.numbers)
    return table if request.words else replace(table, words=None)


def _is_matrix(item: Item, kinds: str) -> bool:
    return len(item.shape) == 2 and item.dtype.kind in kinds


def _choose(file: Group, contents: Contents, names: list[str], kinds: str) -> str:
    """Return the name of the only matrix that can be the table; else raise Refused with a list of the candidates."""
    found = contents.datasets
    matrices = (
        [name for name in names if _is_matrix(found[name], kinds)]
        or [name for name in names if is_frame(found[name])]
        or [name for name in names if _is_matrix(found[name], "iu")]
    )
    selections = (
        matrices,
        [name for name in matrices if _partner(file, name)],
        [name for name in matrices if PREFERRED.search(name)],
        [name for name in matrices if _strings_of_length(found, found[name].shape[0])],
    )
    for candidates in selections:
        if len(candidates) == 1:
            return candidates[0]
    listed = _listed(found, matrices or names)
    if matrices:
        which = cure("hdf5-key", f"name one with {option_name('key')} ({listed})")
        raise Refused(f"{len(matrices)} matrices may be the table: {which}")
    links = f"; links not followed: {', '.join(contents.outside[:5])}" if contents.outside else ""
    raise Refused(f"no floating-point matrix: the file has {listed or 'no datasets'}{links}")


def _listed(found: dict[str, Item], names: list[str]) -> str:
    """List datasets for a message, those that are likely to be the table first: by their name, then by their size."""

    def likelihood(name: str) -> tuple[bool, int]:
        return "emb" not in name.lower(), -prod(found[name].shape) * found[name].dtype.itemsize

    listed = ", ".join(f"{name} {_described(found[name])}" for name in sorted(names, key=likelihood)[:MAX_LISTED])
    return f"{listed} and {len(names) - MAX_LISTED:,} more" if len(names) > MAX_LISTED else listed


def _described(item: Item) -> str:
    return f"records ({item.shape[0]},)" if is_frame(item) else str(item)


def _partner(file: Group, matrix: str) -> str | None:
    """Return the name of the words that pandas or anndata stores with a matrix; None for other layouts."""
    folder, _, name = matrix.rpartition("/")
    if name == "block0_values":
        return f"{folder}/axis1"
    if matrix == "X" and isinstance(file.get("obs", getlink=True), h5py.HardLink):
        column = file["obs"].attrs.get("_index", "_index")
        return f"obs/{column}"
    return None


def _is_transposed(file: Group, matrix: str) -> bool:
    """Return whether pandas wrote the matrix as (dim, rows)."""
    return matrix.endswith("block0_values") and not _opened(file, matrix).attrs.get("transposed", True)


def _strings_of_length(found: dict[str, Item], rows: int) -> list[str]:
    return [name for name, item in found.items() if item.text and item.shape == (rows,)]


def _words_of(file: Group, found: dict[str, Item], table: Table, request: Request) -> str | None:
    vocab, matrix = request.vocab, table.name
    if vocab:
        vocab = vocab.strip("/")
        resolve(file, vocab)
        if vocab not in found:
            raise Refused("a group, expected a dataset of words", vocab)
        return vocab
    partner, folder = _partner(file, matrix), matrix.rpartition("/")[0]
    if matrix.endswith("block0_values"):
        if f"{folder}/block1_values".lstrip("/") in file:  # also of pickled strings, which are no dataset here
            reason = "several blocks of columns, expected one: the frame has columns of several types"
            raise Refused(f"{reason}; if one has the words, make it the index before the frame is saved", matrix)
        if partner not in found:
            return None
    if partner in found:
        is_number = found[partner].dtype.kind in "iu"
        return partner if request.numbers or not is_number else None
    strings = _strings_of_length(found, table.rows)
    if not strings and request.numbers:
        numbers = [name for name in found if _is_number(found[name], table.rows)]
        return _only(list(filter(may_be_words, numbers)), matrix)
    return _only(strings, matrix)


def _only(names: list[str], matrix: str) -> str | None:
    if len(names) > 1:
        which = cure("hdf5-vocab", f"name one with {option_name('vocab')} ({', '.join(names)})")
        raise Refused(f"{len(names)} datasets may be its words: {which}", matrix)
    return names[0] if names else None


def _is_number(item: Item, rows: int) -> bool:
    return item.dtype.kind in "iu" and item.shape == (rows,)


def _check_words(item: Item, name: str, table: Table) -> None:
    if not (item.text or item.dtype.kind in "iu") or len(item.shape) != 1:
        raise Refused(f"{item}, expected a list of strings (pickled labels are not read)", name)
    if item.shape != (table.rows,):
        raise Refused(f"{item.shape[0]} words, but {table.name} has {table.rows} rows", name)
