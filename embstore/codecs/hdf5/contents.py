"""What an HDF5 file holds: all datasets by name, found without a step out of the file or into an index of PyTables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import h5py
import numpy as np

if TYPE_CHECKING:
    from embstore.codecs.hdf5.h5py_types import DatasetId, Group

MAX_NAMES = 1_000_000
NAMES_AT_ONCE = 50_000  # read in the time of one block; takes 2 s on a slow machine


class Refused(Exception):  # noqa: N818
    """The reason why a file is refused, and the place in the file."""

    def __init__(self, reason: str, where: str = "") -> None:
        super().__init__(reason)
        self.where = where


class Item(NamedTuple):
    """A dataset that is not open: a million open ones would take gigabytes."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    text: bool

    @property
    def floating(self) -> bool:
        """Whether its values are float16, float32 or float64."""
        return self.dtype.kind == "f" and self.dtype.itemsize <= 8

    def __str__(self) -> str:
        return f"{self.dtype} {self.shape}"


@dataclass(slots=True)
class Contents:
    """The datasets of a file.

    Attributes
    ----------
    datasets
        By path; a dataset with several names has the first.
    groups
        By the path of a group, "" for the whole file: the datasets directly in it by name, in the order of the group,
        which is that of the names unless the file tracks the order in which they were written.
    outside
        Paths of links that are not followed.
    """

    datasets: dict[str, Item] = field(default_factory=dict)
    groups: dict[str, dict[str, Item]] = field(default_factory=dict)
    outside: list[str] = field(default_factory=list)


def look_through(file: Group, progress: Callable[[], object]) -> Contents:
    """Find all datasets; `progress` is called after each `NAMES_AT_ONCE` names."""
    contents, kinds = Contents(), dict[Item, Item]()
    seen: dict[int, Item | None] = {}  # by the address in the file; None for a group
    groups, names = [("", file)], 0
    while groups:
        path, group = groups.pop()
        within = contents.groups.setdefault(path, {})
        for name, inside in _links(group):
            names += 1
            if names > MAX_NAMES:
                raise Refused(f"more than {MAX_NAMES:,} names of groups and datasets")
            if names % NAMES_AT_ONCE == 0:
                progress()
            if not inside:
                contents.outside.append(_joined(path, name))
                continue
            info = h5py.h5o.get_info(group.id, encoded(name))
            if info.addr in seen:
                item = seen[info.addr]
            elif info.type == h5py.h5o.TYPE_DATASET:
                item = _item(h5py.h5d.open(group.id, encoded(name)))
                item = seen[info.addr] = kinds.setdefault(item, item)
                contents.datasets[_joined(path, name)] = item
            else:
                item = seen[info.addr] = None
                if info.type == h5py.h5o.TYPE_GROUP and not _is_index(name, found := group[encoded(name)]):
                    groups.append((_joined(path, name), found))  # type: ignore[arg-type]
            if item is not None:
                within[name] = item
    contents.datasets = dict(sorted(contents.datasets.items()))
    return contents


def _links(group: Group) -> Iterator[tuple[str, bool]]:
    """Yield the names in a group, and whether each is a hard link; others may lead out of the file."""
    links = group.id.links  # type: ignore[attr-defined]
    for found in group:
        name = found.decode("utf-8", "surrogateescape") if isinstance(found, bytes) else found  # not UTF-8
        yield name, links.get_info(encoded(name)).type == h5py.h5l.TYPE_HARD


def encoded(name: str) -> bytes:
    """Return a name as libhdf5 takes it."""
    return name.encode("utf-8", "surrogateescape")


def _joined(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def _item(dataset: DatasetId) -> Item:
    try:
        dtype = dataset.dtype
    except (TypeError, ValueError):  # a type that NumPy lacks
        dtype = np.dtype("V1")
    return Item(dataset.shape, dtype, h5py.check_string_dtype(dtype) is not None)


def _is_index(name: str, group: object) -> bool:
    """Return whether PyTables keeps the index of a column in a group: its matrices are sorted copies."""
    kind = group.attrs.get("CLASS")  # type: ignore[attr-defined]
    return name.startswith("_i_") or (isinstance(kind, bytes) and kind.startswith((b"INDEX", b"TINDEX")))


def resolve(file: Group, path: str) -> None:
    """Follow a path name by name; raise Refused for links other than hard links, which may lead out of the file."""
    group, walked = file, ""
    for name in path.split("/"):
        walked = f"{walked}/{name}".lstrip("/")
        if not isinstance(group, h5py.Group) or name not in list(group):
            raise Refused("no such dataset or group in this file", walked)
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise Refused("a link, not followed because it may lead out of the file", walked)
        group = group[name]
