"""One mutation: made of the format's name and a number alone, so that those reproduce it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from fuzz.mutate.kinds import mutate
from fuzz.samples import Sample

READINGS: list[dict[str, object]] = [{}, {}, {}, {}, {}, {"limit": 2}, {"dtype": "float16"}, {"dtype": "bfloat16"}]


@dataclass(frozen=True)
class Case:
    """A mutated sample, how it is opened, and whether it is converted too."""

    sample: Sample
    reading: dict[str, object]
    converts: bool


def make_case(format_name: str, number: int, known: Sequence[Sample]) -> Case:
    """Make a mutation: one or two files of a sample change, once to three times each."""
    random = Random(f"{format_name}:{number}")
    sample, other = random.choice(known), random.choice(known)
    files = dict(sample.files)
    for _ in range(random.choice([1, 1, 1, 2])):
        name = sample.main if sample.main in files and random.random() < 0.75 else random.choice(sorted(files))
        for _ in range(random.choice([1, 1, 1, 2, 3])):
            files[name] = mutate(files[name], random, other.files[random.choice(sorted(other.files))])
    reading = {**sample.reading, **random.choice(READINGS)}
    if format_name in ("glove", "word2vec") and random.random() < 0.2:
        reading["on_error"] = "skip"
    if random.random() < 0.5:
        reading["format"] = format_name
    return Case(replace(sample, files=files), reading, random.random() < 0.25)
