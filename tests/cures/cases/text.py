"""Cures of text, and of lists of words."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from support.paths import FORMATS

from cures.case import Case, Table, text

THE_CAT: Table = {"the": [0.5, 1], "cat": [2, 3]}
NUMBERS: Table = {"the": [0.5, 1, 2], "cat": [3, 4.5, 5]}


def files(**contents: str) -> Callable[[Path], object]:
    """Return a function that writes files; the double underscore in a name stands for a point."""

    def make(folder: Path) -> None:
        for name, content in contents.items():
            (folder / name.replace("__", ".")).write_bytes(content.encode())

    return make


def matrix(name: str, words: str = "", suffix: str = "txt") -> Callable[[Path], object]:
    """Return a function that writes a .npy, and a list of words."""

    def make(folder: Path) -> None:
        np.save(folder / name, np.array(list(THE_CAT.values()), np.float32))
        if words:
            (folder / f"words.{suffix}").write_bytes(words.encode())

    return make


def unchecked(folder: Path) -> None:
    shutil.copy(FORMATS / "store" / "invalid" / "no_checksum_of_the_header.safetensors", folder / "old.safetensors")


CASES = [
    Case(
        "skip-lines",
        text("t.txt", "the 0.5 1\ntoad 1\ncat 2 3\n"),
        "t.txt",
        {"--on-error skip": THE_CAT},
    ),
    Case(
        "returns",
        text("t.txt", "the 0.5 1\rcat 2 3\r"),
        "t.txt",
        {r"tr '\r' '\n' < t.txt > t.lines.txt": THE_CAT},
        result="t.lines.txt",
    ),
    Case(
        "text-from",
        text("t.txt", '{"w": "the", "v": [0.5, 1]}\n{"w": "cat", "v": [2, 3]}\n'),
        "t.txt",
        {"--from": THE_CAT},
        values={"--from": "jsonl"},
    ),
    Case(
        "malformed-dim",
        text("t.txt", "at 0,5 0.5 1\nto 1,5 2 3\n"),
        "t.txt",
        {"--dim 2": {"at 0,5": [0.5, 1], "to 1,5": [2, 3]}},
    ),
    Case(
        "token-ends-in-number",
        text("t.txt", "the 0.5 1\nwindows 95 2 3\n"),
        "t.txt",
        {"--dim 2": {"the": [0.5, 1], "windows 95": [2, 3]}, "--on-error skip": {"the": [0.5, 1]}},
    ),
    Case(
        "header-or-row",
        text("t.txt", "2 1\nthe 1\ncat 3\n"),
        "t.txt",
        {"--header": {"the": [1], "cat": [3]}, "--no-header": {"2": [1], "the": [1], "cat": [3]}},
    ),
    Case(
        "wrong-header", text("t.txt", "2 300\nthe 0.5 1\ncat 2 3\n"), "t.txt", {"--no-header --on-error skip": THE_CAT}
    ),
    Case("no-header", text("t.vec", "the 0.5 1\ncat 2 3\n"), "t.vec", {"--no-header": THE_CAT}),
    Case("fewer-rows", text("t.vec", "3 2\nthe 0.5 1\ncat 2 3\n"), "t.vec", {"--limit 2": THE_CAT}),
    Case(
        "header-word-column",
        text("t.vec", "2 2\nthe 900 0.5 1\ncat 50 2 3\n"),
        "t.vec",
        {"--word-column 1": THE_CAT, "--header": {"the 900": [0.5, 1], "cat 50": [2, 3]}},
    ),
    Case(
        "header-accepted",
        text("t.vec", "2 2\nwindows 95 0.5 1\nwindows 98 2 3\n"),
        "t.vec",
        {"--header": {"windows 95": [0.5, 1], "windows 98": [2, 3]}},
    ),
    Case(
        "text-word-column",
        text("t.txt", "5\tthe\t0.5\t1\n7\tcat\t2\t3\n"),
        "t.txt",
        {"--word-column 2": THE_CAT, "--exact-words": {"5\tthe": [0.5, 1], "7\tcat": [2, 3]}},
    ),
    Case(
        "text-exact-words",
        text("t.txt", "10 km 0.5 1\n5 km 2 3\n"),
        "t.txt",
        {"--exact-words": {"10 km": [0.5, 1], "5 km": [2, 3]}},
    ),
    Case(
        "exact-words",
        text("t.txt", "'the' 0.5 1\n'cat' 2 3\n"),
        "t.txt",
        {"--exact-words": {"'the'": [0.5, 1], "'cat'": [2, 3]}},
        warns=True,
    ),
    Case(
        "exact-words",
        text("t.txt", "the  0.5 1\ncat  2 3\n"),
        "t.txt",
        {"--exact-words": {"the ": [0.5, 1], "cat ": [2, 3]}},
        warns=True,
    ),
    Case(
        "numbers-vocab",
        files(t__txt="0.5 1 2\n3 4.5 5\n", words__txt="the\ncat\n"),
        "t.txt",
        {"--vocab": NUMBERS, "--exact-words --no-header": {"0.5": [1, 2], "3": [4.5, 5]}},
        values={"--vocab": "words.txt"},
    ),
    Case(
        "numbers-as-words",
        files(t__vec="0.5 1 2\n3 4.5 5\n", words__json='["the", "cat"]'),
        "t.vec",
        {"--vocab": NUMBERS, "--exact-words --no-header": {"0.5": [1, 2], "3": [4.5, 5]}},
        values={"--vocab": "words.json"},
    ),
    Case("text-csv", text("t.txt", "the,0.5,1\ncat,2,3\n"), "t.txt", {"--from csv": THE_CAT}),
    Case("store-unchecked", unchecked, "old.safetensors", {"--from safetensors": {"the": [1, 2], "frog": [3, 4]}}),
    Case("vocab", matrix("m.npy", "the\ncat\n"), "m.npy", {"--vocab": THE_CAT}, values={"--vocab": "words.txt"}),
    Case(
        "list-exact-words",
        matrix("m.npy", "the 900\ncat 50\n"),
        "m.npy",
        {"--exact-words": {"the 900": [0.5, 1], "cat 50": [2, 3]}},
        given={"vocab": "words.txt"},
        warns=True,
    ),
    Case(
        "list-word-column",
        matrix("m.npy", "the 50\ncat 900\n"),
        "m.npy",
        {"--word-column 1": THE_CAT, "--exact-words": {"the 50": [0.5, 1], "cat 900": [2, 3]}},
        given={"vocab": "words.txt"},
    ),
    Case(
        "header-numbers-vocab",
        files(t__vec="2 3\n0.5 1 2\n3 4.5 5\n", words__txt="the\ncat\n"),
        "t.vec",
        {"--vocab": NUMBERS},
        values={"--vocab": "words.txt"},
    ),
    Case(
        "blank-words-vocab",
        files(t__txt="  0.5 1.0 2.0\n  3.0 4.5 5.0\n", words__txt="the\ncat\n"),
        "t.txt",
        {"--vocab": NUMBERS},
        values={"--vocab": "words.txt"},
    ),
    Case(
        "first-number-left",
        text("t.txt", "".join(f"w{i} {i} 0.5 {i}.5\n" for i in range(5))),
        "t.txt",
        {
            "--dim 2 --word-column 1": {f"w{i}": [0.5, i + 0.5] for i in range(5)},
            "--dim 3": {f"w{i}": [i, 0.5, i + 0.5] for i in range(5)},
        },
    ),
    Case(
        "first-number-kept",
        text("t.txt", "".join(f"w{i} {900 - i} 0.5 {i}.5\n" for i in range(5))),
        "t.txt",
        {
            "--dim 2 --word-column 1": {f"w{i}": [0.5, i + 0.5] for i in range(5)},
            "--dim 3": {f"w{i}": [900 - i, 0.5, i + 0.5] for i in range(5)},
        },
    ),
    Case(
        "text-words-like-numbers",
        text("t.txt", "the,0.1 0.5 1\ncat,0.2 2 3\n"),
        "t.txt",
        {"--exact-words": {"the,0.1": [0.5, 1], "cat,0.2": [2, 3]}},
    ),
    Case(
        "text-common-ending",
        text("t.txt", "".join(f"w{i} NA 0.5 {i}\n" for i in range(9))),
        "t.txt",
        {"--exact-words": {f"w{i} NA": [0.5, i] for i in range(9)}},
    ),
    Case(
        "numbers-of-columns",
        text("t.txt", "\t0\t1\nthe\t0.5\t1.5\ncat\t2.5\t3.5\n"),
        "t.txt",
        {"--no-header": {"": [0, 1], "the": [0.5, 1.5], "cat": [2.5, 3.5]}},
        warns=True,
    ),
    Case(
        "last-number-kept",
        text("t.txt", "".join(f"w{i} 0.5 {i}.5 {i * 7 % 10}\n" for i in range(10))),
        "t.txt",
        {"--dim 3": {f"w{i}": [0.5, i + 0.5, i * 7 % 10] for i in range(10)}},
    ),
]
