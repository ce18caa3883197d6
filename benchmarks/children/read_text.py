"""Read GloVe text by embstore: WHAT TEXT, where `what` is open (a table in memory) or parse (rows, let go at once)."""

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
    """Read the file to rows and packed tokens, its checksum on the way; nothing is kept or indexed."""
    for _ in glove.read(Input(text), ReadOptions()).batches:
        pass


WAYS: dict[str, Callable[[str], Any]] = {"open": embstore.open, "parse": parse}

read = WAYS[sys.argv[1]]
start = time.perf_counter()
table = read(sys.argv[2])
seconds = time.perf_counter() - start
print(json.dumps({"inside_seconds": seconds, "text_rate": Path(sys.argv[2]).stat().st_size / seconds}))
