"""Types of the parts of h5py that embstore uses; h5py has none of its own. Import them for type checking only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Node(Protocol):
    """Anything with a name in a file: a group, a dataset or a named type."""

    @property
    def id(self) -> object:
        """The low-level identifier."""

    @property
    def attrs(self) -> Mapping[str, object]:
        """The attributes."""


class Group(Node, Protocol):
    """``h5py.Group``."""

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the links."""

    def __getitem__(self, name: str | bytes) -> Node:
        """Follow a path."""

    def get(self, name: str, *, getlink: bool) -> object:
        """Return a link itself, an object of ``h5py.HardLink`` or of another class; None if there is none."""


class File(Group, Protocol):
    """``h5py.File``."""

    @property
    def userblock_size(self) -> int:
        """Number of bytes before the HDF5 data."""

    def create_dataset(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], **options: object) -> Dataset:
        """Create a dataset."""

    def close(self) -> None:
        """Close the file."""


class Dataset(Node, Protocol):
    """``h5py.Dataset``."""

    @property
    def id(self) -> DatasetId:
        """The low-level identifier."""

    @property
    def name(self) -> str:
        """The path in the file, from its root."""

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The shape; None for an empty dataset."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the values."""

    @property
    def chunks(self) -> tuple[int, ...] | None:
        """The shape of a chunk; None if the dataset has no chunks."""

    def __len__(self) -> int:
        """Return the number of rows."""

    def fields(self, names: str | list[str]) -> Fields:
        """Return a view of one or several columns of records."""

    def __getitem__(self, part: slice | tuple[slice, slice]) -> NDArray[Any]:
        """Read a part."""

    def __setitem__(self, rows: slice, values: NDArray[Any] | list[bytes]) -> None:
        """Write rows."""

    def resize(self, size: int, axis: int) -> None:
        """Change the size along one axis."""


class Fields(Protocol):
    """``h5py.Dataset.fields(...)``."""

    def __getitem__(self, part: slice) -> NDArray[Any]:
        """Read the columns of some records."""


class DatasetId(Protocol):
    """``h5py.h5d.DatasetID``."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape; () also for an empty dataset."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the values; TypeError for a type that NumPy lacks."""

    def get_offset(self) -> int | None:
        """Return the position of the values in the file; None if they are not contiguous."""

    def get_storage_size(self) -> int:
        """Return the number of bytes that are stored."""

    def get_create_plist(self) -> CreationProperties:
        """Return the properties that the dataset was created with."""


class CreationProperties(Protocol):
    """``h5py.h5p.PropDCID``."""

    def get_layout(self) -> int:
        """Return the kind of layout: compact, contiguous, chunked or virtual."""

    def get_external_count(self) -> int:
        """Return the number of other files with values."""

    def get_nfilters(self) -> int:
        """Return the number of filters."""

    def get_filter(self, index: int) -> tuple[int, int, tuple[int, ...], bytes]:
        """Return code, flags, values and name of a filter."""
