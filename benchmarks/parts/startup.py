"""Whole processes of the smallest kind."""

from __future__ import annotations

from measure import Part, Run, child
from prepare import Work, gensim_vectors


def part(work: Work) -> Part:
    """From the start of the interpreter to its end."""
    query = "embstore query, one word"
    return Part(
        name="startup",
        title="From nothing to one vector: whole processes",
        baseline=query,
        columns={"process_seconds": "whole process"},
        runs=[
            Run([work.embstore, "query", work.store, "frog"], query),
            Run([work.python, "-c", "import embstore"], "import embstore"),
            Run([work.python, "-c", "import numpy"], "import numpy"),
            Run([work.python, "-c", "pass"], "python alone"),
            Run(
                child(work.peers, "open_first.py", "gensim", gensim_vectors(work), "frog"),
                "gensim, mmap, one word",
            ),
        ],
    )
