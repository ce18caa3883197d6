"""The first mutations of every format, on each run of the tests; `make fuzz` runs more."""

from __future__ import annotations

import pytest

from embstore.codecs.registry.table import CODECS
from fuzz.mutate.kinds import MUTATORS, WANTED, kinds_inside
from fuzz.runner import run_all
from fuzz.samples import FORMATS_READ, samples

MUTATIONS = {name: 30 if name == "hdf5" else 500 for name in FORMATS_READ}


@pytest.mark.torch
def test_every_format_that_is_read_has_structures() -> None:
    assert {name for name, codec in CODECS.items() if codec.reads} == set(WANTED) == set(FORMATS_READ)


@pytest.mark.torch
@pytest.mark.parametrize("format_name", FORMATS_READ)
def test_every_format_has_samples_and_their_mutators(format_name: str) -> None:
    known = samples(format_name)
    assert len(known) >= 10
    found = {kind for sample in known for data in sample.files.values() for kind in kinds_inside(data)}
    assert found >= WANTED[format_name]
    assert found <= MUTATORS.keys()


@pytest.mark.torch
def test_mutated_files_become_tables_or_are_refused() -> None:
    tallies = run_all(FORMATS_READ, MUTATIONS)
    assert {
        f"{name} {number}": fault for name, tally in tallies.items() for number, fault in tally.faults.items()
    } == {}
    assert {name: tally.outcomes.total() for name, tally in tallies.items()} == MUTATIONS
    assert all(tally.outcomes["table"] and tally.outcomes["FormatError"] for tally in tallies.values())
