"""Start-up time: whole processes that do as little as possible."""

from __future__ import annotations

from measure import Part, Run, child
from prepare import Work, gensim_vectors


def part(work: Work) -> Part:
    """Measure from the start of the interpreter to its end."""
    query = "embstore query, one word"
    return Part(
        name="startup",
        title="Whole processes, from start to one vector",
        baseline=query,
        columns={"process_seconds": "whole process"},
        runs=[
            Run([work.embstore, "query", work.store, "frog"], query),
            Run([work.python, "-c", "import embstore"], "import embstore"),
            Run([work.python, "-c", "import numpy"], "import numpy"),
            Run([work.python, "-c", "pass"], "python only"),
            Run(
                child(work.peers, "open_first.py", "gensim", gensim_vectors(work), "frog"),
                "gensim, mmap, one word",
            ),
        ],
    )
