"""Cures of files with one vector a name, of whole numbers, and of .npy, .npz and HDF5."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cures.case import Case, Table

Make = Callable[[Path], object]
MATRIX = np.array([[0.5, 1], [2, 3]], np.float32)
WORDS = ["the", "cat"]
THE_CAT: Table = {"the": [0.5, 1], "cat": [2, 3]}
BIAS_CAT: Table = {"bias": [0.5, 1], "cat": [2, 3]}
IDS: Table = {"17": [0.5, 1], "-4": [2, 3]}


def hdf5(**datasets: Any) -> Make:
    """Return a function that writes a file of HDF5; the double underscore in a name stands for a slash."""

    def make(folder: Path) -> None:
        with h5py.File(folder / "t.h5", "w") as file:
            for name, values in datasets.items():
                file[name.replace("__", "/")] = np.array(values, "S") if isinstance(values, list) else values

    return make


def npz(**arrays: Any) -> Make:
    """Return a function that writes t.npz."""
    return lambda folder: np.savez(folder / "t.npz", **arrays)


def whole_numbers(folder: Path) -> None:
    np.save(folder / "t.npy", np.array([[1, 2], [3, 4]]))
    (folder / "t.vocab.json").write_text(json.dumps(WORDS))


def groups_of(**groups: list[str]) -> Make:
    """Return a function that writes groups of one dataset a name."""
    named = {
        f"{group}__{name}": row for group, names in groups.items() for name, row in zip(names, MATRIX, strict=True)
    }
    return hdf5(**named)


def saved_by_torch(folder: Path) -> None:
    import torch

    torch.save({"v": torch.from_numpy(MATRIX), "ids": torch.tensor([17, -4]), "n": [1, 1]}, folder / "t.pt")


INTEGERS: Table = {"the": [1, 2], "cat": [3, 4]}
RECORDS = np.array(
    [(b"x", word.encode(), row) for word, row in zip(WORDS, MATRIX, strict=True)],
    [("a", "S1"), ("b", "S3"), ("v", "<f4", (2,))],
)
CODE = (
    "import numpy; arrays = dict(numpy.load('t.npz', allow_pickle=True)); arrays['w'] = arrays['w'].astype(str); "
    "numpy.savez('t-text.npz', **arrays)"
)

CASES = [
    Case("array-dtype", whole_numbers, "t.npy", {"--dtype float32": INTEGERS}),
    Case("npz-key", npz(a=-MATRIX, b=MATRIX, w=np.array(WORDS)), "t.npz", {"--key": THE_CAT}, values={"--key": "b"}),
    Case(
        "npz-vocab",
        npz(m=MATRIX, w=np.array(WORDS), other=np.array(["x", "y"])),
        "t.npz",
        {"--vocab": THE_CAT},
        values={"--vocab": "w"},
    ),
    Case(
        "npz-vocab",
        npz(m=MATRIX, ids=np.array([17, -4]), lengths=np.array([1, 1])),
        "t.npz",
        {"--vocab": IDS},
        values={"--vocab": "ids"},
    ),
    Case(
        "npz-pickled-words", npz(m=MATRIX, w=np.array(WORDS, object)), "t.npz", {CODE: THE_CAT}, result="t-text.npz"
    ),
    Case("hdf5-dtype", hdf5(m=np.array([[1, 2], [3, 4]]), w=WORDS), "t.h5", {"--dtype float32": INTEGERS}),
    Case("hdf5-key", hdf5(a=-MATRIX, b=MATRIX, w=WORDS), "t.h5", {"--key": THE_CAT}, values={"--key": "b"}),
    Case("hdf5-vocab", hdf5(m=MATRIX, w=WORDS, x=["x", "y"]), "t.h5", {"--vocab": THE_CAT}, values={"--vocab": "w"}),
    Case(
        "hdf5-vocab",
        hdf5(m=MATRIX, ids=np.array([17, -4]), lengths=np.array([1, 1])),
        "t.h5",
        {"--vocab": IDS},
        values={"--vocab": "ids"},
    ),
    Case("hdf5-word-column", hdf5(r=RECORDS), "t.h5", {"--vocab": THE_CAT}, values={"--vocab": "b"}),
    Case(
        "named-groups", groups_of(a=["x", "y"], b=["the", "cat"]), "t.h5", {"--key": {"cat": [2, 3], "the": [0.5, 1]}},
        values={"--key": "b"},
    ),
    Case("named-parameters", npz(bias=MATRIX[0], cat=MATRIX[1]), "t.npz", {"--key /": BIAS_CAT}),
    Case("named-parameters", groups_of(g=["bias", "cat"]), "t.h5", {"--key g": BIAS_CAT}),
    Case(
        "named-parameters-in-groups",
        groups_of(a=["weight", "x"], b=["bias", "cat"]),
        "t.h5",
        {"--key": BIAS_CAT},
        values={"--key": "b"},
    ),
    Case("torch-vocab", saved_by_torch, "t.pt", {"--vocab": IDS}, values={"--vocab": "ids"}, needs_torch=True),
]  # fmt: skip
