"""Save a store's vectors as .npy and its words as text beside it: OUT STORE."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import embstore

out, source = Path(sys.argv[1]), embstore.open(sys.argv[2])
out.with_suffix(".words.txt").write_text("\n".join(source.itos), encoding="utf-8", newline="\n")
np.save(out, source.vectors, allow_pickle=False)
