"""Finds the matrix and the words in an open HDF5 file, for the layouts of common libraries (formats/hdf5/SPEC.md)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, cast

import h5py
import numpy as np

from embstore.codecs.hdf5.request import Request

if TYPE_CHECKING:
    from embstore.codecs.hdf5.h5py_types import Dataset, Group

MAX_OBJECTS = 10_000
# filters that libhdf5 has built in: deflate, shuffle, fletcher32, szip, nbit, scaleoffset; and lzf, which h5py adds
FILTERS = {1, 2, 3, 4, 5, 6, 32000}
MAX_RATIO = 2048  # of claimed to stored bytes; deflate reaches 1032
# names of embedding matrices in weights of Keras 3 and before, and of PyTorch-BigGraph
PREFERRED = re.compile(r"(^|/)embedding[^/]*/vars/0$|(^|/)embeddings(:0)?$")


class Refused(Exception):  # noqa: N818
    """The reason why a file is refused, and the place in the file."""

    def __init__(self, reason: str, where: str = "") -> None:
        super().__init__(reason)
        self.where = where


@dataclass(frozen=True, slots=True)
class TableDatasets:
    """The datasets of a table.

    Attributes
    ----------
    matrix
        (rows, dim), or (dim, rows) where `transposed`.
    words
        (rows,), strings; None if the file has no words of the matrix.
    """

    matrix: Dataset
    words: Dataset | None
    transposed: bool

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and dim."""
        first, second = cast("tuple[int, int]", self.matrix.shape)  # checked by `_check_matrix`
        return (second, first) if self.transposed else (first, second)


def find_table(file: Group, request: Request) -> TableDatasets:
    """Find the matrix and its words; raises Refused, also for links and data that lead out of the file."""
    key = (request.key or "").strip("/")
    if key:
        _resolve(file, key)
    found, outside = _datasets(file)
    names = [name for name in found if not key or name == key or name.startswith(f"{key}/")]
    matrix = key if key in found else _choose(file, found, names, outside, request.kinds)
    _check_matrix(found[matrix], matrix, request.kinds)
    table = TableDatasets(found[matrix], None, _is_transposed(file, matrix))
    words = _words_of(file, found, matrix, table.shape[0], request.vocab) if request.words else None
    if words is None:
        return table
    _check_words(found[words], words, table.shape[0], matrix)
    return replace(table, words=found[words])


def _resolve(file: Group, path: str) -> None:
    """Follow a path name by name; raise Refused for links other than hard links, which may lead out of the file."""
    group, walked = file, ""
    for name in path.split("/"):
        walked = f"{walked}/{name}".lstrip("/")
        if not isinstance(group, h5py.Group) or name not in list(group):
            raise Refused("no such dataset or group in this file", walked)
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise Refused("a link, not followed because it may lead out of the file", walked)
        group = group[name]


def _datasets(file: Group) -> tuple[dict[str, Dataset], list[str]]:
    """Return all datasets by name, and the names of the links that are not followed."""
    found: dict[str, Dataset] = {}
    outside: list[str] = []
    groups, seen = [("", file)], set()
    while groups:
        prefix, group = groups.pop()
        for name in group:
            path = f"{prefix}{name}"
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                outside.append(path)
                continue
            item = group[name]
            address = h5py.h5o.get_info(item.id).addr
            if address in seen:
                continue
            seen.add(address)
            if len(seen) > MAX_OBJECTS:
                raise Refused(f"more than {MAX_OBJECTS:,} groups and datasets")
            if isinstance(item, h5py.Dataset):
                found[path] = item
            elif isinstance(item, h5py.Group):
                groups.append((f"{path}/", item))
    return dict(sorted(found.items())), outside


def _choose(file: Group, found: dict[str, Dataset], names: list[str], outside: list[str], kinds: str) -> str:
    """Return the name of the only matrix that can be the table; else raise Refused with a list of the candidates."""
    numeric = [name for name in names if len(found[name].shape or ()) == 2 and found[name].dtype.kind in "fiu"]
    matrices = [name for name in numeric if found[name].dtype.kind in kinds] or numeric
    selections = (
        matrices,
        [name for name in matrices if _partner(file, name)],
        [name for name in matrices if PREFERRED.search(name)],
        [name for name in matrices if _strings_of_length(found, len(found[name]))],
    )
    for candidates in selections:
        if len(candidates) == 1:
            return candidates[0]
    listed = ", ".join(f"{name} {found[name].dtype} {found[name].shape}" for name in (matrices or names)[:20])
    links = f"; links not followed: {', '.join(outside[:5])}" if outside else ""
    if matrices:
        raise Refused(f"{len(matrices)} matrices may be the table: name one with key= ({listed})")
    raise Refused(f"no floating-point matrix: the file has {listed or 'no datasets'}{links}")


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
    return matrix.endswith("block0_values") and not file[matrix].attrs.get("transposed", True)


def _strings_of_length(found: dict[str, Dataset], rows: int) -> list[str]:
    return [name for name, item in found.items() if item.shape == (rows,) and _is_text(item)]


def _is_text(item: Dataset) -> bool:
    return h5py.check_string_dtype(item.dtype) is not None


def _words_of(file: Group, found: dict[str, Dataset], matrix: str, rows: int, vocab: str | None) -> str | None:
    if vocab:
        vocab = vocab.strip("/")
        _resolve(file, vocab)
        if vocab not in found:
            raise Refused("a group, expected a dataset of words", vocab)
        return vocab
    partner = _partner(file, matrix)
    if partner in found:
        if partner.endswith("axis1") and partner.replace("axis1", "block1_values") in found:
            raise Refused("several blocks of columns, expected one: the frame has columns of several types", matrix)
        return partner
    strings = _strings_of_length(found, rows)
    if len(strings) > 1:
        raise Refused(f"{len(strings)} datasets may be its words: name one with vocab= ({', '.join(strings)})", matrix)
    return strings[0] if strings else None


def _check_matrix(item: Dataset, name: str, kinds: str) -> None:
    shape = item.shape or ()
    if item.dtype.kind in "iu" and item.dtype.kind not in kinds:
        reason = f"whole numbers ({item.dtype}), not embeddings; --dtype float32 converts them"
        raise Refused(reason, name)
    if len(shape) != 2 or 0 in shape or item.dtype.kind not in kinds or item.dtype.itemsize > 8:
        raise Refused(f"{item.dtype} {shape}, expected rows of float16, float32 or float64", name)
    _check_storage(item, name)


def _check_words(item: Dataset, name: str, rows: int, matrix: str) -> None:
    shape = item.shape or ()
    if not _is_text(item) or len(shape) != 1:
        raise Refused(f"{item.dtype} {item.shape}, expected a list of strings (pickled labels are not read)", name)
    if shape != (rows,):
        raise Refused(f"{shape[0]} words, but {matrix} has {rows} rows", name)
    _check_storage(item, name)


def _check_storage(item: Dataset, name: str) -> None:
    """Refuse data in other files, unknown filters, and datasets with fewer stored bytes than their shape claims."""
    properties = item.id.get_create_plist()
    if item.is_virtual:
        raise Refused("a virtual dataset, which reads other files: copy it into this one first", name)
    if properties.get_external_count():
        raise Refused("external storage, which reads other files: copy it into this one first", name)
    for i in range(properties.get_nfilters()):
        code, _, _, label = properties.get_filter(i)
        if code not in FILTERS:
            shown = label.decode("utf-8", "replace")
            raise Refused(f"compressed with filter {code} ({shown}), which is not supported: use gzip", name)
    claimed, stored = prod(item.shape or ()) * np.dtype(item.dtype).itemsize, item.id.get_storage_size()
    if claimed > MAX_RATIO * stored:
        raise Refused(f"claims {claimed:,} bytes, but {stored:,} are stored: cut short, or never written", name)
