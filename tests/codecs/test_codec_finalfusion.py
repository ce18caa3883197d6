"""finalfusion: written as its SPEC has it, and never with a word that its readers refuse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.paths import FORMATS
from support.tables import source

import embstore
from embstore.codecs import finalfusion as codec


@pytest.mark.parametrize("name", ["plain", "padding_1", "padding_2", "padding_3", "padding_4"])
def test_it_writes_the_golden_file(tmp_path: Path, name: str) -> None:
    golden = FORMATS / "finalfusion" / "valid" / f"{name}.fifu"
    embstore.convert(golden, tmp_path / "again.fifu")
    assert (tmp_path / "again.fifu").read_bytes() == golden.read_bytes()


def test_norms_are_multiplied_in_float32(tmp_path: Path) -> None:
    store = embstore.open(FORMATS / "finalfusion" / "valid" / "norms.fifu")
    assert store.vectors.dtype == np.float32
    assert store.vectors.tolist() == [[1, -3], [0.5625, 0.75], [1, 0.125], [0, 0]]


def test_a_token_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    with pytest.raises(embstore.FormatError) as caught:
        codec.write(tmp_path / "t.fifu", source([b"caf\xe9"], np.ones((1, 1), np.float32)))
    reason = "the token 'caf\ufffd' is not UTF-8, which finalfusion requires; word2vec-bin or a store keeps it"
    assert str(caught.value) == f"{tmp_path}/t.fifu: {reason}"
    assert not list(tmp_path.iterdir())
