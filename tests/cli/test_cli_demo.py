"""`make demo`: its output, and that it can be run again."""

from __future__ import annotations

import re

import pytest
from support.paths import ROOT
from support.running import lines_of_example

import embstore


@pytest.mark.torch
def test_the_demo_shows_real_vectors_by_word() -> None:
    lines = lines_of_example("demo.py")
    assert len(lines) < 40
    assert re.fullmatch(r"demo/glove\.sample\.safetensors: 1,425 x 50 float32, \d+\.\d kB in \d\.\d\d s", lines[1])
    for shown in (
        "0.7908  toad",
        "0.8524  queen",
        "<Store glove.sample.safetensors: 1,425 x 50 float32, mapped>",
        "array([ 0.61038, -0.20757, -0.71951,  0.89304], dtype=float32)",
        "torch.Size([2, 4, 50])",
    ):
        assert shown in lines
    with embstore.open(ROOT / "demo/glove.sample.safetensors") as store:
        store.verify()
