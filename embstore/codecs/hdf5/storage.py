"""Checks of how a dataset is stored, before anything of it is read."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import h5py

from embstore.codecs.hdf5.contents import Item, Refused
from embstore.core.cures import cure, option

if TYPE_CHECKING:
    from embstore.codecs.hdf5.h5py_types import DatasetId

# filters that libhdf5 has built in: deflate, shuffle, fletcher32, szip, nbit, scaleoffset; and lzf, which h5py adds
FILTERS = {1, 2, 3, 4, 5, 6, 32000}
MAX_RATIO = 2048  # of claimed to stored bytes; deflate reaches 1032


def check_matrix(item: Item, name: str, kinds: str) -> None:
    """Raise Refused unless a dataset is a matrix of a `numpy.dtype.kind` in `kinds`."""
    if item.dtype.kind in "iu" and item.dtype.kind not in kinds:
        converts = cure("hdf5-dtype", f"{option(dtype='float32')} converts them")
        raise Refused(f"whole numbers ({item.dtype}), not embeddings; {converts}", name)
    if len(item.shape) != 2 or 0 in item.shape or item.dtype.kind not in kinds or item.dtype.itemsize > 8:
        raise Refused(f"{item}, expected rows of float16, float32 or float64", name)


def check_storage(dataset: DatasetId, item: Item, name: str) -> None:
    """Refuse data in other files, unknown filters, and datasets with fewer stored bytes than their shape claims."""
    properties = dataset.get_create_plist()
    if properties.get_layout() == h5py.h5d.VIRTUAL:
        raise Refused("a virtual dataset, which reads other files: copy it into this one first", name)
    if properties.get_external_count():
        raise Refused("external storage, which reads other files: copy it into this one first", name)
    for i in range(properties.get_nfilters()):
        code, _, _, label = properties.get_filter(i)
        if code not in FILTERS:
            shown = label.decode("utf-8", "replace")
            raise Refused(f"compressed with filter {code} ({shown}), which is not supported: use gzip", name)
    claimed, stored = prod(item.shape) * item.dtype.itemsize, dataset.get_storage_size()
    if claimed > MAX_RATIO * stored:
        raise Refused(f"claims {claimed:,} bytes, but {stored:,} are stored: cut short, or never written", name)
