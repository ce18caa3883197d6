"""Convert a file of embeddings, or only read or copy it: HOW SOURCE OUT, where HOW is embstore, h5py or copy."""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

Method = Callable[[str, str], Any]


def embstore() -> Method:
    """Convert to a store."""
    convert = importlib.import_module("embstore").convert
    return lambda source, out: convert(source, out, overwrite=True)


def h5py() -> Method:
    """Read both datasets into memory."""
    opened = importlib.import_module("h5py").File

    def read(source: str, _: str) -> list[Any]:
        with opened(source) as file:
            return [dataset[:] for dataset in file.values()]

    return read


def copy() -> Method:
    """Copy the bytes."""
    method: Method = importlib.import_module("shutil").copyfile
    return method


how, source, out = sys.argv[1:]
run = {maker.__name__: maker for maker in (embstore, h5py, copy)}[how]()
start = time.perf_counter()
result = run(source, out)
print(json.dumps({"inside_seconds": time.perf_counter() - start}))
