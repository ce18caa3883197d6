"""HDF5 by h5py, in the layouts of pandas, Keras, anndata, PyTorch-BigGraph and plain pairs (formats/hdf5/SPEC.md)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from embstore.core.options import AS_IS, Progress, ReadOptions, WriteOptions

if TYPE_CHECKING:
    from embstore.core.batch import Source
    from embstore.files.input import Input

# What does the work is imported when it is called: the process that opens files, `child`, starts faster without.


def read(source: Input, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read a matrix and its words; the file itself is opened in a process of its own."""
    from embstore.codecs.hdf5.reading import read_hdf5

    return read_hdf5(source, options, progress)


def write(path: str | Path, source: Source, options: WriteOptions = AS_IS) -> None:
    """Write ``vectors`` and ``tokens``, chunked and with strings of variable length unless told otherwise."""
    from embstore.codecs.hdf5.writing import write_hdf5

    write_hdf5(path, source, options)
