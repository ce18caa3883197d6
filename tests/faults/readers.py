"""Readers of a store that a writer replaces: each answer must be wholly that of one version."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

import embstore

WORDS = [f"word{i}" for i in range(2000)]
ASKED = 1000  # words at once


def save_version(path: Path, version: int) -> None:
    """Write a version: other rows, and the words in another order."""
    rows = np.arange(len(WORDS)).astype(np.float32)
    order = np.roll(np.arange(len(WORDS)), version)
    vectors = np.stack([rows[order], np.full(len(WORDS), version, np.float32)], axis=1)
    embstore.save(path, [WORDS[i] for i in order], vectors, overwrite=True)


def read(path: Path, lookups: int) -> None:
    """Look words up, and open the store again from time to time."""
    words = WORDS[::2]
    for start in range(0, lookups, ASKED):
        if start % (10 * ASKED) == 0:
            store = embstore.open(path)
        vectors = store[words]
        version = vectors[0, 1]
        assert (vectors[:, 1] == version).all()
        assert (vectors[:, 0] == np.arange(0, len(WORDS), 2)).all()
        row = store.stoi["word7"]
        assert row == (7 + version) % len(WORDS)


def main(folder: Path, readers: int, lookups: int, versions: int) -> None:
    """Start the readers, replace the store meanwhile, and wait for all of them."""
    path = folder / "t.safetensors"
    save_version(path, 0)
    processes = []
    for _ in range(readers):
        process = os.fork()
        if process == 0:
            try:
                read(path, lookups)
            except BaseException as error:
                os.write(2, f"{type(error).__name__}: {error}\n".encode())
                os._exit(1)
            os._exit(0)
        processes.append(process)
    for version in range(1, versions + 1):
        save_version(path, version)
    failed = sum(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) != 0 for process in processes)
    print(f"{readers} readers, {versions} versions, {failed} failed")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
