"""The parts of the benchmark, one module each: `part(work)` or `parts(work)` says what to run and how to show it."""

from __future__ import annotations

from measure import Part
from prepare import Work

from parts import lookup, opening, startup, text

NAMES = ("text", "opening", "zipf", "uniform", "startup")


def make(name: str, work: Work) -> Part:
    """Return the part of that name, with the files that it needs in place."""
    makers = {"text": text.part, "opening": opening.part, "startup": startup.part}
    return makers[name](work) if name in makers else lookup.part(work, name)
