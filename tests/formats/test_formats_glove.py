"""formats/glove: the sample of real rows, and what no small file can show."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from support.goldens import bits_of, read_golden
from support.paths import FORMATS, SAMPLE

import embstore


@pytest.mark.usefixtures("kernel")
def test_real_rows_are_read_to_the_bit() -> None:
    expected = json.loads(SAMPLE.with_suffix(".json").read_text())
    store, messages = read_golden(SAMPLE, {})
    assert messages == []
    assert (len(store), store.dim, store.itos[:10]) == (expected["rows"], expected["dim"], expected["first_tokens"])
    assert hashlib.sha256("\n".join(store.itos).encode()).hexdigest() == expected["sha256_of_tokens"]
    assert hashlib.sha256(store.vectors.tobytes()).hexdigest() == expected["sha256_of_float32"]
    assert {word: store.stoi[word] for word in expected["some_rows"]} == expected["some_rows"]
    assert {word: bits_of(store[[word]])[0] for word in expected["some_bits"]} == expected["some_bits"]


def test_the_sample_holds_the_rows_of_the_real_table(real_glove: Any) -> None:
    store, _ = read_golden(SAMPLE, {})
    rows = {word: row for row, word in enumerate(real_glove.words)}
    places = [rows[word] for word in store.itos]
    assert places[:1300] == list(range(1300))
    assert places == sorted(places)
    assert (store.vectors == real_glove.vectors[places]).all()


def test_real_rows_come_back_to_the_byte(tmp_path: Path) -> None:
    embstore.convert(SAMPLE, tmp_path / "glove.safetensors")
    embstore.convert(tmp_path / "glove.safetensors", tmp_path / "glove.txt")
    assert (tmp_path / "glove.txt").read_bytes() == SAMPLE.read_bytes()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"dim": 0}, "dim=0: expected 1 or more"),
        ({"dim": -1}, "dim=-1: expected 1 or more"),
        ({"limit": 0}, "limit=0: expected 1 or more"),
        ({"on_error": "ignore"}, "on_error='ignore': expected one of stop, skip"),
    ],
)
def test_options_that_mean_nothing_are_refused(option: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        embstore.open(FORMATS / "glove" / "valid" / "plain.txt", **option)


def test_an_endless_line_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "endless.txt"
    with path.open("wb") as file:
        file.truncate(40 << 20)
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(path)
    assert str(caught.value) == f"{path}:1: a line of more than 16 MB: not text with one row per line"
