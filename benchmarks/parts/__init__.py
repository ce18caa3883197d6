"""The parts of the benchmark: each function returns one, after preparing the files that it needs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from measure import Part
from prepare import Work

from parts import formats, layers, lookup, opening, startup, text

PARTS: dict[str, Callable[[Work], Part]] = {
    "text": text.part,
    "opening": opening.part,
    "zipf": partial(lookup.part, distribution="zipf"),
    "uniform": partial(lookup.part, distribution="uniform"),
    "startup": startup.part,
    "pooling": layers.pooling,
    "epoch": layers.epoch,
    "forward": layers.forward,
    "int8": layers.int8,
    "ready": layers.ready,
    "copies": layers.copies,
    "workers": layers.workers,
    **{name: partial(formats.part, name=name) for name in formats.FORMATS},
}
