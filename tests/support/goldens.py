"""How tests get at the golden files of formats/, which none of them writes."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embstore
from embstore.codecs.registry.table import Codec
from support.codecs import marks_of
from support.paths import FORMATS


def sidecars(kind: str) -> list[Any]:
    """Return the parameters (folder, sidecar) of all golden files of a kind, ``valid`` or ``invalid``."""
    found = sorted(FORMATS.glob(f"*/{kind}/*.json"))
    return [
        pytest.param(path.parent, sidecar, id=f"{path.parts[-3]}-{path.stem}", marks=marks_of(path.parts[-3]))
        for path in found
        if "file" in (sidecar := json.loads(path.read_text()))
    ]


def sidecars_of(format_name: str, kind: str) -> list[Any]:
    """Return the parameters of one format alone."""
    return [param for param in sidecars(kind) if str(param.id).startswith(f"{format_name}-")]


def copy_golden(codec: Codec, path: Path) -> None:
    """Copy a golden file, or folder, of a format to a path: the first that is read without a warning."""
    found = [param.values for param in sidecars_of(codec.name, "valid")]
    place = next(folder / sidecar["file"] for folder, sidecar in found if not sidecar["warnings"])
    (shutil.copytree if place.is_dir() else shutil.copy)(place, path)


def read_golden(path: Path, sidecar: Any) -> tuple[embstore.Store, list[str]]:
    """Open a file as its sidecar says; the store and its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        store = embstore.open(path, **sidecar.get("read", {}))
    assert all(issubclass(warning.category, embstore.EmbstoreWarning) for warning in caught)
    return store, [str(warning.message) for warning in caught]


def bits_of(vectors: Any) -> list[str]:
    """Return the rows as sidecars write them: the bits of float32 in hexadecimal, any NaN as 7fc00000."""
    wide = np.asarray(vectors).astype("<f4")
    quiet = np.where(np.isnan(wide), np.uint32(0x7FC00000), wide.view("<u4"))
    return [" ".join(f"{value:08x}" for value in row) for row in quiet.tolist()]
