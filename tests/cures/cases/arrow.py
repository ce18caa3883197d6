"""Cures of Parquet and Arrow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from cures.case import Case, Table

THE_CAT: Table = {"the": [0.5, 1], "cat": [2, 3]}
ROWS = list(THE_CAT.values())


def parquet_file(**columns: Any) -> Callable[[Path], object]:
    """Return a function that writes t.parquet, and a list of words."""

    def make(folder: Path) -> None:
        parquet.write_table(pa.table(columns), folder / "t.parquet")
        (folder / "words.txt").write_text("the\ncat\n")

    return make


CASES = [
    Case(
        "arrow-words",
        parquet_file(a=["x", "y"], word=["the", "cat"], v=ROWS),
        "t.parquet",
        {"--vocab": THE_CAT},
        values={"--vocab": "word"},
    ),
    Case("arrow-no-words", parquet_file(v=ROWS), "t.parquet", {"--vocab": THE_CAT}, values={"--vocab": "words.txt"}),
    Case(
        "arrow-vectors",
        parquet_file(w=["the", "cat"], x=[0.5, 2.0], freq=[7.0, 8.0], y=[1.0, 3.0]),
        "t.parquet",
        {"--key": THE_CAT},
        values={"--key": "x,y"},
    ),
    Case(
        "arrow-whole-numbers",
        parquet_file(w=["the", "cat"], v=[[5, 1], [2, 3]]),
        "t.parquet",
        {"--dtype float32": {"the": [5, 1], "cat": [2, 3]}},
    ),
]
