"""The formats that are written under faults: how to write a table in each, and what is in the folder afterwards."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from support.tables import in_memory

import embstore
from embstore.store.store import Store

ROWS = 600


def table(name: str) -> Store:
    """A table of some batches; another for each name, with as many rows."""
    random = np.random.default_rng(len(name))
    return in_memory({f"{name}{i}": random.standard_normal(8).astype(np.float32).tolist() for i in range(ROWS)})


OLD, NEW = table("old"), table("newer")


@dataclass(frozen=True, slots=True)
class Target:
    """A format under test.

    Attributes
    ----------
    format
        Its name.
    file
        Name of its file or folder.
    words
        Name of the file with its words, if they are in another file.
    folder
        Whether it is a folder, which is never replaced.
    """

    format: str
    file: str
    words: str = ""
    folder: bool = False

    def write(self, source: Store, folder: Path, *, overwrite: bool = True) -> None:
        """Write a table."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", embstore.EmbstoreWarning)  # of rows whose length is not 1
            embstore.convert(source, folder / self.file, to=self.format, overwrite=overwrite)

    def names(self) -> set[str]:
        """What is in the folder after a table was written."""
        return {self.file, self.words} - {""}

    def read(self, folder: Path) -> str | None:
        """Which table is there: ``old``, ``new``, or None if there is none; any other fails.

        Raises FormatError where the words of a matrix have not arrived.
        """
        path = folder / self.file
        if not path.exists():
            return None
        with embstore.open(path, format=None if self.folder else self.format) as found:
            for name, expected in (("old", OLD), ("new", NEW)):
                words = list(found.itos)[:ROWS]  # folders of models have a row for unknown words too
                if words == list(expected.itos):
                    assert np.array_equal(found.vectors[:ROWS], expected.vectors)
                    return name
        raise AssertionError(f"{path}: neither the old table nor the new one")

    def cure(self, folder: Path, message: str) -> None:
        """Do what the message of a matrix without words says."""
        found = re.fullmatch(
            re.escape(str(folder / self.file)) + r": the program that wrote it was killed before its words had their "
            r"name: (\S+) has them; rename that file to (\S+), or convert again",
            message,
        )
        assert found, message
        (folder / found[1]).rename(folder / found[2])


TARGETS = [
    Target("store", "t.safetensors"),
    Target("glove", "t.txt"),
    Target("word2vec", "t.vec"),
    Target("csv", "t.csv"),
    Target("json", "t.json"),
    Target("jsonl", "t.jsonl"),
    Target("word2vec-bin", "t.bin"),
    Target("npy", "t.npy", "t.vocab.txt"),
    Target("npz", "t.npz"),
    Target("hdf5", "t.h5"),
    Target("parquet", "t.parquet"),
    Target("arrow", "t.arrow"),
    Target("finalfusion", "t.fifu"),
    Target("torch", "t.pt"),
    Target("safetensors", "t.safetensors", "t.vocab.txt"),
    Target("projector", "folder", folder=True),
    Target("static-embedding", "folder", folder=True),
    Target("model2vec", "folder", folder=True),
]
