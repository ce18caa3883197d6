"""Open a table and look up the first vector: time and memory, for vocabularies of several sizes."""

from __future__ import annotations

from pathlib import Path

from measure import Part, Run, child
from prepare import Work, foreign_file, gensim_vectors, synthetic_store


def part(work: Work) -> Part:
    """Measure with files in the page cache and modules imported; each process opens once."""
    small, large = synthetic_store(work, 20_000), synthetic_store(work, 4_000_000)
    return Part(
        name="opening",
        title="Open + first vector (50 numbers per token)",
        baseline="embstore, 400,000 tokens",
        columns={"open_seconds": "open + first vector", "anonymous_bytes": "anonymous memory"},
        runs=[
            Run(_command(work.python, "embstore", small, "token-7"), "embstore, 20,000 tokens"),
            Run(_command(work.python, "embstore", work.store, "frog"), "embstore, 400,000 tokens"),
            Run(_command(work.python, "embstore", large, "token-7"), "embstore, 4,000,000 tokens"),
            Run(_command(work.peers, "gensim", gensim_vectors(work), "frog"), "gensim, mmap, 400,000 tokens"),
            Run(_command(work.peers, "numpy", foreign_file(work, ".npy"), "frog"), "np.load + dict, 400,000 tokens"),
        ],
    )


def _command(python: Path, how: str, file: Path, word: str) -> list[str | Path]:
    return child(python, "open_first.py", how, file, word)
