"""The examples that need more packages run without warnings, and print what they promise."""

from __future__ import annotations

import re

import pytest
from support.running import lines_of_example

EPOCH = re.compile(r"epoch \d: loss ([0-9.]+)")


def losses(lines: list[str]) -> list[float]:
    return [float(found[1]) for line in lines if (found := EPOCH.fullmatch(line))]


@pytest.mark.torch
def test_a_model_of_transformers() -> None:
    first, *epochs, sizes, kind, unkind, refused = lines_of_example("huggingface.py")
    assert first == "51 trained parameters"
    assert losses(epochs)[-1] < losses(epochs)[0] / 2
    small, large = (int(text.replace(",", "")) for text in re.findall(r"([\d,]+) bytes", sizes))
    assert small < 1500
    assert large > 1425 * 50 * 4
    for line, review, sign in ((kind, "What a good day !", "+"), (unkind, "A terrible day .", "-")):
        found = re.fullmatch(rf"'{review}': (\{sign}[0-9.]+), loaded (.*)", line)
        assert found is not None, line
        assert found[1] == found[2]
    assert re.fullmatch(
        r"over another table: the checkpoint was made with the store glove.safetensors, sha256 \w{64}, but this layer"
        r" has shorter.safetensors, sha256 \w{64}: create it with the checkpoint's store and options",
        refused,
    )


@pytest.mark.torch
def test_a_module_of_lightning() -> None:
    lines = lines_of_example("lightning_finetune.py")
    assert losses(lines) == sorted(losses(lines), reverse=True)
    assert len(losses(lines)) == 6
    size = re.compile(r"([\d,]+) trained numbers, checkpoint of ([\d,]+) bytes")
    head, everything = size.fullmatch(lines[3]), size.fullmatch(lines[7])
    assert head is not None
    assert everything is not None
    assert (head[1], everything[1]) == ("51", "71,301")
    assert int(head[2].replace(",", "")) < 6000
    assert int(everything[2].replace(",", "")) > 71_250 * 4
    assert lines[-2] == "17 of 1,425 vectors moved; the store's did not"
    assert re.fullmatch(r"moved farthest: \w+ [0-9.]+, \w+ [0-9.]+, \w+ [0-9.]+", lines[-1])
