"""The examples run without warnings, and their loss falls."""

from __future__ import annotations

import re

import pytest
from support.running import lines_of_example


def losses(lines: list[str]) -> list[float]:
    return [float(line.rsplit(" ", 1)[1]) for line in lines if re.fullmatch(r"epoch \d+: loss [0-9.]+", line)]


@pytest.mark.torch
@pytest.mark.parametrize(("name", "epochs"), [("ecommerce.py", 5), ("language_model.py", 10), ("finetune.py", 4)])
def test_an_example_trains_and_its_loss_falls(name: str, epochs: int) -> None:
    lines = lines_of_example(name)
    found = losses(lines)
    assert len(found) == epochs
    assert found[-1] < found[0] / 2
    if name == "ecommerce.py":
        assert lines[0] == "265 features, 9,077 trainable parameters"
        assert lines[-1] == "a checkpoint contains 9,077 numbers, and the sha256 of glove.safetensors"
    elif name == "finetune.py":
        near = [re.findall(r"[a-z]+(?= -?[01]\.\d\d)", line.partition(";")[0]) for line in lines[-3:-1]]
        assert near[0] == ["better", "really", "always", "sure"]
        assert sorted(near[1]) == ["excellent", "fantastic", "great", "wonderful"]
        before, after = (float(line.rsplit(" ", 1)[1]) for line in lines[-3:-1])
        assert (before, after < 0) == (0.8, True)
        assert lines[-1] == "reviews.safetensors: from glove.safetensors, policy lower,hash:50, same: True"
    else:
        for line in lines[:2]:
            words, targets = (side.split() for side in line.split(" -> "))
            assert len(words) == len(targets) == 5
            assert words[1:] == targets[:-1]


@pytest.mark.torch
def test_two_processes_share_a_table() -> None:
    lines = lines_of_example("ddp.py")
    kept: list[int] = []
    private: list[int] = []
    for line in lines:
        found = re.fullmatch(
            r"(.+), rank [01]: loss ([0-9.]+) -> ([0-9.]+), ([0-9,]+) bytes of the table are private", line
        )
        assert found is not None, line
        assert float(found[3]) < float(found[2]) * 2 / 3
        (private if found[1] == "DDP alone" else kept).append(int(found[4].replace(",", "")))
    assert kept == [0] * 4
    assert min(private) >= 1425 * 50 * 4
    assert [line.partition(",")[0] for line in lines[::2]] == [
        "DDP with keep_mapped",
        "FSDP2 with keep_mapped",
        "DDP alone",
    ]
