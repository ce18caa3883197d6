"""Open a table and take its first vector: how that grows with the vocabulary, and what memory it takes."""

from __future__ import annotations

from measure import Part, Run, child
from prepare import Work, gensim_vectors, numpy_vectors, synthetic_store


def part(work: Work) -> Part:
    """Files in the page cache, modules imported; each opening is the first of its process."""
    first = "open_first.py"
    return Part(
        name="opening",
        title="Open + first vector (50 numbers a token)",
        baseline="embstore, 400,000 tokens",
        columns={"open_seconds": "open + first vector", "anonymous_bytes": "memory that no file backs"},
        runs=[
            Run(
                child(work.python, first, "embstore", synthetic_store(work, 20_000), "token-7"),
                "embstore, 20,000 tokens",
            ),
            Run(child(work.python, first, "embstore", work.store, "frog"), "embstore, 400,000 tokens"),
            Run(
                child(work.python, first, "embstore", synthetic_store(work, 4_000_000), "token-7"),
                "embstore, 4,000,000 tokens",
            ),
            Run(child(work.peers, first, "gensim", gensim_vectors(work), "frog"), "gensim, mmap, 400,000 tokens"),
            Run(child(work.peers, first, "numpy", numpy_vectors(work), "frog"), "np.load + dict, 400,000 tokens"),
        ],
    )
