"""A file of embeddings, converted, or only read or copied: HOW SOURCE OUT (embstore, h5py, copy)."""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

Way = Callable[[str, str], Any]


def embstore() -> Way:
    """Convert to a finished store."""
    convert = importlib.import_module("embstore").convert
    return lambda source, out: convert(source, out, overwrite=True)


def h5py() -> Way:
    """Read both datasets into memory."""
    opened = importlib.import_module("h5py").File

    def read(source: str, _: str) -> list[Any]:
        with opened(source) as file:
            return [dataset[:] for dataset in file.values()]

    return read


def copy() -> Way:
    """Copy the bytes."""
    way: Way = importlib.import_module("shutil").copyfile
    return way


how, source, out = sys.argv[1:]
run = {maker.__name__: maker for maker in (embstore, h5py, copy)}[how]()
start = time.perf_counter()
result = run(source, out)
print(json.dumps({"inside_seconds": time.perf_counter() - start}))
