"""Read GloVe text with embstore: HOW TEXT, where HOW is open (into memory) or parse (rows are discarded)."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import embstore
from embstore.codecs.text import glove
from embstore.core.options import ReadOptions
from embstore.files.input import Input


def parse(text: str) -> None:
    """Parse the file into rows and packed tokens and compute its checksum; nothing is kept or indexed."""
    for _ in glove.read(Input(text), ReadOptions()).batches:
        pass


METHODS: dict[str, Callable[[str], Any]] = {"open": embstore.open, "parse": parse}

read = METHODS[sys.argv[1]]
start = time.perf_counter()
table = read(sys.argv[2])
seconds = time.perf_counter() - start
print(json.dumps({"inside_seconds": seconds, "text_rate": Path(sys.argv[2]).stat().st_size / seconds}))
