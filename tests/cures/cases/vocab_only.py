"""Cures of chosen words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

import embstore
from cures.case import Case, Table

TABLE: Table = {"the": [0.5, 1], "cat": [2, 3], "the 50": [4, 5], "cat 900": [6, 7]}


def table_and_words(words: str) -> Callable[[Path], object]:
    """Return a function that writes the table as text and as a store, and a list of words."""

    def make(folder: Path) -> None:
        (folder / "t.txt").write_text("the 0.5 1\ncat 2 3\n")
        embstore.save(folder / "t.safetensors", list(TABLE), np.array(list(TABLE.values()), np.float32))
        (folder / "my.txt").write_text(words)

    return make


CASES = [
    Case("fill-missing-words", table_and_words("qzxv\ncat\nThe\n"), "t.txt",
         {"--oov zero": {"qzxv": [0, 0], "cat": [2, 3], "The": [0, 0]}},
         given={"vocab_only": "my.txt", "order": "words", "oov": "error"}),
    Case("fill-missing-words", table_and_words("qzxv\ncat\nThe\n"), "t.txt",
         {"--oov lower,digits,zero": {"qzxv": [0, 0], "cat": [2, 3], "The": [0.5, 1]}},
         given={"vocab_only": "my.txt", "order": "words", "oov": "lower,digits"}),
    Case("list-word-column", table_and_words("the 50\ncat 900\n"), "t.safetensors",
         {"--word-column 1": {"the": [0.5, 1], "cat": [2, 3]}, "--exact-words": {"the 50": [4, 5], "cat 900": [6, 7]}},
         given={"vocab_only": "my.txt"}),
    Case("list-exact-words", table_and_words("cat 900\nthe 50\n"), "t.safetensors",
         {"--exact-words": {"the 50": [4, 5], "cat 900": [6, 7]}}, given={"vocab_only": "my.txt"}, warns=True),
]  # fmt: skip
