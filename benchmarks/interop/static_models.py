"""Load folders that embstore writes with model2vec and sentence-transformers, and read back those that they write.

Run ``python benchmarks/interop/static_models.py``.

Needs ``pip install model2vec sentence-transformers``, which are too heavy for the tests.
"""

from __future__ import annotations

import importlib
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import embstore

WORDS = ["the", "frog", "sings"]
VECTORS = np.random.default_rng(0).standard_normal((3, 16)).astype(np.float32)
SENTENCES = ["the frog", "Sings", "The FROG sings"]  # the table has lower case only: text is converted to it
EXPECTED = np.stack([VECTORS[:2].mean(axis=0), VECTORS[2], VECTORS.mean(axis=0)])


def check(folder: Path, to: str, load: Any) -> None:
    """Convert, load, and compare the means of word vectors."""
    embstore.convert(folder / "table.safetensors", folder / to, to=to)
    np.testing.assert_allclose(load(str(folder / to)).encode(SENTENCES), EXPECTED, rtol=1e-6, atol=1e-6)
    print(f"{to}: loaded, and gives the expected means")


def main() -> None:
    """Check both layouts, and read back the folders that the libraries save."""
    static_model = importlib.import_module("model2vec").StaticModel
    transformer = importlib.import_module("sentence_transformers").SentenceTransformer
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        embstore.save(folder / "table.safetensors", WORDS, VECTORS)
        check(folder, "model2vec", static_model.from_pretrained)
        check(folder, "static-embedding", transformer)
        static_model.from_pretrained(str(folder / "model2vec")).save_pretrained(folder / "again")
        transformer(str(folder / "static-embedding")).save_pretrained(str(folder / "anew"))
        for saved in ("again", "anew"):
            store = embstore.open(next((folder / saved).rglob("model.safetensors")))
            assert store[WORDS].tobytes() == VECTORS.tobytes()
            print(f"{saved}: saved by the library, reads back")


if __name__ == "__main__":
    main()
