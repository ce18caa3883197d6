"""Look-up of a list of a million words: an array of rows."""

from __future__ import annotations

from measure import Part, Run, child
from prepare import Work

TITLES = {
    "zipf": "1,000,000 words to rows, distributed as in text (Zipf)",
    "uniform": "1,000,000 words to rows, uniformly distributed",
}


def part(work: Work, distribution: str) -> Part:
    """Compare the methods in one process; another one comes first in each round."""
    return Part(
        name=distribution,
        title=TITLES[distribution],
        baseline="embstore",
        columns={"lookup_seconds": "list of new str to rows"},
        runs=[
            Run(child(work.python, "look_up.py", work.store, distribution)),
            Run(child(work.python, "look_up.py", work.store, distribution), environment={"EMBSTORE_PLAIN": "1"}),
        ],
    )
