"""Cures of what is written: targets that exist, formats and their options, repeated tokens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

import embstore
from cures.case import Case, Table, text

THE_CAT: Table = {"the": [0.5, 1], "cat": [2, 3]}
THE_CAT_TEXT = "the 0.5 1\ncat 2 3\n"
TWICE = "the 0.5 1\ncat 2 3\nthe 4 5\n"
LONG = "x" * 60_000
MANY: Table = {LONG: [1], **{f"w{row}": [row] for row in range(20_000)}}


def files(**contents: str) -> Callable[[Path], object]:
    """Return a function that writes files of text; the double underscore in a name stands for a point."""

    def make(folder: Path) -> None:
        for name, content in contents.items():
            (folder / name.replace("__", ".")).write_bytes(content.encode())

    return make


def store(folder: Path) -> None:
    vectors = np.array(list(THE_CAT.values()), np.float32)
    embstore.save(folder / "t.safetensors", list(THE_CAT), vectors)


def many(folder: Path) -> None:
    """Write a store in which one word is far longer than the others."""
    embstore.save(folder / "t.safetensors", list(MANY), np.array(list(MANY.values()), np.float32))


CASES = [
    Case(
        "overwrite",
        files(t__txt=THE_CAT_TEXT, out__safetensors="precious"),
        "t.txt",
        {"--overwrite": THE_CAT},
    ),
    Case(
        "name-target-format",
        text("t.txt", THE_CAT_TEXT),
        "t.txt",
        {"--to": THE_CAT},
        target="out.xyz",
        values={"--to": "npz"},
    ),
    Case(
        "keep-one",
        text("t.txt", TWICE),
        "t.txt",
        {"--duplicates first": THE_CAT, "--duplicates last": {**THE_CAT, "the": [4, 5]}},
        given={"duplicates": "error"},
    ),
    Case(
        "keep-first",
        text("t.txt", TWICE),
        "t.txt",
        {"--duplicates first": THE_CAT},
        given={"duplicates": "error"},
        target="out.txt",
    ),
    Case(
        "int8-range",
        text("t.txt", "the -3e38 3e38\ncat 2 3\n"),
        "t.txt",
        {"--dtype float32": {"the": [-3e38, 3e38], "cat": [2, 3]}},
        given={"dtype": "int8"},
    ),
    Case("no-scales", store, "t.safetensors", {"--dtype float32": THE_CAT}, given={"dtype": "int8"}, target="out.txt"),
    Case(
        "chunked-layout",
        store,
        "t.safetensors",
        {"--layout chunked": THE_CAT},
        given={"compression": "gzip", "layout": "contiguous"},
        target="out.h5",
    ),
    Case(
        "variable-strings",
        many,
        "t.safetensors",
        {"--strings variable": MANY},
        given={"strings": "fixed"},
        target="out.h5",
    ),
    Case(
        "unit-rows",
        text("t.txt", THE_CAT_TEXT),
        "t.txt",
        {"--normalize": THE_CAT},
        target="out.fifu",
        warns=True,
    ),
    Case(
        "concatenate",
        files(t__txt=THE_CAT_TEXT, wide__txt="cat 4 5 6\ndog 7 8 9\n"),
        "t.txt",
        {"--how concat": {"cat": [2, 3, 4, 5, 6]}},
        merged_with=("wide.txt",),
    ),
]
