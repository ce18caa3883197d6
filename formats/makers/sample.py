"""The sample of real GloVe rows: the most frequent words, and some words used in examples."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from makers.golden import write_json

NAME = "glove.6B.50d.sample"
HERE = Path(__file__).parent.parent / "glove" / "valid"
FIRST = 1300
CHOSEN = (Path(__file__).parent / "sample_words.txt").read_text().split()


def make(folder: Path, source: Path | None) -> None:
    """Write the sample: extracted from the real file `source`, or the committed copy if None."""
    text = (HERE / f"{NAME}.txt").read_bytes() if source is None else cut(source)
    target = folder / "valid"
    target.mkdir(parents=True, exist_ok=True)
    (target / f"{NAME}.txt").write_bytes(text)
    about = f"the first {FIRST:,} rows of glove.6B.50d.txt and some further ones, byte for byte; public domain (PDDL)"
    write_json(target / f"{NAME}.json", {"sample": f"{NAME}.txt", "about": about, **table(text)})


def cut(source: Path) -> bytes:
    """Return the first rows and those of the chosen words, in file order."""
    chosen = {word.encode() for word in CHOSEN}
    with source.open("rb") as file:
        lines = [line for i, line in enumerate(file) if i < FIRST or line.split(b" ", 1)[0] in chosen]
    return b"".join(lines)


def table(text: bytes) -> dict[str, Any]:
    """Return the expected results of a reader: counts, checksums, and some rows."""
    rows = [line.split(b" ") for line in text.split(b"\n")[:-1]]
    matrix = np.array([[float(number) for number in row[1:]] for row in rows]).astype("<f4")
    tokens = [row[0].decode() for row in rows]
    return {
        "rows": len(rows),
        "dim": matrix.shape[1],
        "sha256_of_tokens": hashlib.sha256("\n".join(tokens).encode()).hexdigest(),
        "sha256_of_float32": hashlib.sha256(matrix.tobytes()).hexdigest(),
        "first_tokens": tokens[:10],
        "some_rows": {word: tokens.index(word) for word in ("the", "was", "frog", "king", "paris", "good")},
        "some_bits": {
            word: " ".join(f"{bits:08x}" for bits in matrix[tokens.index(word)].view("<u4").tolist())
            for word in ("the", "frog")
        },
    }
