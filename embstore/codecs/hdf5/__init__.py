"""HDF5 with h5py: a matrix and its words, as pandas, Keras, anndata and others store them (formats/hdf5/SPEC.md)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from embstore.core.options import AS_IS, Progress, ReadOptions, WriteOptions

if TYPE_CHECKING:
    from embstore.core.batch import Source
    from embstore.files.input import Input

# The functions import what they need, because the child process (`child`) needs none of it and starts faster without.


def read(source: Input, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read a matrix and its words; a child process opens the file."""
    from embstore.codecs.hdf5.reading import read_hdf5

    return read_hdf5(source, options, progress)


def write(path: str | Path, source: Source, options: WriteOptions = AS_IS) -> None:
    """Write ``vectors`` and ``tokens``, by default in chunks and with variable-length strings."""
    from embstore.codecs.hdf5.writing import write_hdf5

    write_hdf5(path, source, options)
