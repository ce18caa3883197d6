"""One dataset a name in HDF5: a group whose names are the words (formats/hdf5/SPEC.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from embstore.codecs.hdf5.contents import Contents, Item, Refused, encoded
from embstore.codecs.hdf5.storage import check_storage
from embstore.codecs.hdf5.table import Table, Words
from embstore.codecs.shared.named_vectors import NAMES_ARE_WORDS, TOP, Vector, check_group, choose_group

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from embstore.codecs.hdf5.h5py_types import Group, Node

LEFT_OUT = "vectors outside of the group that is the table left out"
LINKS = "links among the names, not followed because they may lead out of the file"
KERAS = "vars"  # the group of the parameters of a layer, whose names are numbers


def named_table(file: Group, contents: Contents, key: str | None) -> Table | None:
    """Return the table of the group `key`, None if it is none; without a key, of the only group that is a table.

    Raises Refused if several are, or if what is in the group `key` is not alike.
    """
    group = _chosen(contents, key)
    if group is None:
        return None
    names = list(contents.groups[group])
    item = contents.groups[group][names[0]]
    prefix = f"{group}/" if group else ""
    below = [path for path in contents.datasets if path.startswith(prefix) and contents.datasets[path] == item]
    names += [path[len(prefix) :] for path in below if "/" in path[len(prefix) :]]  # a name with a slash in it
    outside = [path for path, other in contents.datasets.items() if other == item and not path.startswith(prefix)]
    links = [path for path in contents.outside if path.startswith(prefix)]
    odd = {LEFT_OUT: outside if key is None else [], LINKS: links}
    where = file[encoded(group or TOP)]
    return Table(
        group or TOP,
        len(names),
        item.shape[0],
        item.dtype,
        lambda start, stop: _read(where, prefix, names[start:stop], item),
        words=Words(group or TOP, lambda start, stop: np.array([*map(encoded, names[start:stop])], object)),
        findings=[(what, repr(places[0]), len(places)) for what, places in odd.items() if places],
    )


def _chosen(contents: Contents, key: str | None) -> str | None:
    groups = {
        path or TOP: {name: Vector(item.shape, str(item.dtype), item.floating) for name, item in group.items()}
        for path, group in contents.groups.items()
        if key == (path or TOP) or (key is None and path.rpartition("/")[2] != KERAS)
    }
    try:
        if key is None:
            found = choose_group(groups)
        else:
            check_group(groups.get(key, {}))
            found = key
    except ValueError as error:
        raise Refused(str(error), key or "") from None
    return found if found is None else found.strip("/")


def _read(group: Node, prefix: str, names: list[str], item: Item) -> NDArray[Any]:
    rows = np.empty((len(names), item.shape[0]), item.dtype)
    for row, name in enumerate(names):
        dataset = h5py.h5d.open(group.id, encoded(name))
        check_storage(dataset, item, f"{prefix}{name}")
        dataset.read(h5py.h5s.ALL, h5py.h5s.ALL, rows[row])
    return rows


def refuse_words(vocab: str | None, words: bool, table: Table) -> None:
    """Refuse other words for a table whose words are names."""
    if vocab or not words:
        raise Refused(NAMES_ARE_WORDS, table.name)
