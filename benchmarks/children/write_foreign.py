"""Write a store in another format, without embstore's writers: OUT STORE, the format from the suffix of OUT."""

from __future__ import annotations

import sys
from pathlib import Path

import h5py
import numpy as np

import embstore


def write_npy(out: Path, table: embstore.Store) -> None:
    """Write the matrix, and the words in a second file."""
    np.save(out, table.vectors, allow_pickle=False)
    out.with_suffix(".vocab.txt").write_text("\n".join(table.itos) + "\n", encoding="utf-8", newline="\n")


def write_hdf5(out: Path, table: embstore.Store) -> None:
    """Write two contiguous datasets."""
    with h5py.File(out, "w") as file:
        file["vectors"] = table.vectors
        file.create_dataset("words", data=list(table.itos), dtype=h5py.string_dtype())


def write_word2vec(out: Path, table: embstore.Store) -> None:
    """Write the binary format, with a newline after each row as word2vec.c does."""
    with out.open("wb") as file:
        file.write(b"%d %d\n" % table.shape)
        for word, row in zip(table.itos, table.vectors, strict=True):
            file.write(b"%s %s\n" % (word.encode(), row.tobytes()))


target = Path(sys.argv[1])
write = {".npy": write_npy, ".h5": write_hdf5, ".bin": write_word2vec}[target.suffix]
write(target, embstore.open(sys.argv[2]))
