"""JSON and JSON lines: what is written, and rows before an error; formats/ has what is read and refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.goldens import sidecars
from support.tables import source, tokens_and_vectors

import embstore
from embstore.codecs.registry.table import CODECS
from embstore.codecs.tables import json as json_codec
from embstore.codecs.tables import jsonl as lines_codec
from embstore.core.errors import FormatError
from embstore.core.options import ReadOptions
from embstore.files.input import Input

VECTORS = np.array([[0.5, -1.5], [1e10, -0.0], [1e-45, 0.0]], np.float32)
WORDS = ['say "hi"', "žába", "two\nlines"]


def test_an_object_is_written(tmp_path: Path) -> None:
    json_codec.write(tmp_path / "t.json", source(WORDS, VECTORS, step=2))
    text = '{"say \\"hi\\"": [0.5, -1.5],\n"žába": [1e+10, -0.0],\n"two\\nlines": [1.4013e-45, 0]}\n'
    assert (tmp_path / "t.json").read_text(encoding="utf-8") == text
    assert json.loads(text) == {'say "hi"': [0.5, -1.5], "žába": [1e10, -0.0], "two\nlines": [1.4013e-45, 0]}


def test_lines_are_written(tmp_path: Path) -> None:
    lines_codec.write(tmp_path / "t.jsonl", source(WORDS, VECTORS))
    lines = (tmp_path / "t.jsonl").read_text(encoding="utf-8").split("\n")
    assert lines[0] == '{"token": "say \\"hi\\"", "vector": [0.5, -1.5]}'
    assert [json.loads(line)["token"] for line in lines[:-1]] == WORDS


@pytest.mark.parametrize("name", ["json", "jsonl"])
def test_zeros_keep_their_signs(name: str, tmp_path: Path) -> None:
    vectors = np.array([[-0.0], [0.0], [-0.5]], np.float32)
    many = np.array([[-0.0, -0.0, -0.0, 1, -0.0]], np.float32)
    for tokens, rows in ((["a", "b", "c"], vectors), (["a"], many)):
        CODECS[name].writer().write(tmp_path / "t", source(tokens, rows))
        found = tokens_and_vectors(CODECS[name].reader().read(Input(tmp_path / "t"), ReadOptions()))[1]
        assert found.tobytes() == rows.tobytes()


@pytest.mark.parametrize("name", ["json", "jsonl"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_json_lacks_are_refused(name: str, value: float, tmp_path: Path) -> None:
    with pytest.raises(FormatError) as caught:
        CODECS[name].writer().write(tmp_path / "t", source(["the", "frog"], np.array([[1], [value]], np.float32)))
    reason = "the token 'frog' has a number that is NaN or infinite, which JSON has not: write a store"
    assert str(caught.value) == f"{tmp_path / 't'}: {reason}"
    assert not list(tmp_path.iterdir())


def test_rows_before_an_error_are_read(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text("".join(f'["w{row}", [{row}]]\n' for row in range(300)) + '["x", []]\n')
    assert len(embstore.open(path, limit=300)) == 300
    with pytest.raises(FormatError) as caught:
        embstore.open(path)
    cure = "`on_error='skip'` leaves such lines out"
    assert str(caught.value) == f"{path}:301: 0 numbers for the word 'x', expected 1; {cure}"


def test_a_file_too_large_to_parse_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert json_codec.MAX_WHOLE == 256 << 20
    monkeypatch.setattr(json_codec, "MAX_WHOLE", 3 << 20)
    path = tmp_path / "t.json"
    path.write_text('{"words": ["the"], "vectors": [[1]]}' + " " * (3 << 20))
    with pytest.raises(FormatError) as caught:
        embstore.open(path)
    limit = "JSON of more than 3 MB that is no object from word to list"
    reason = f"{limit}, so it would be parsed at once: convert it to JSON lines"
    assert str(caught.value) == f"{path}: {reason}"


def golden(name: str, sidecar: Any) -> bool:
    """Whether a format can hold a golden table."""
    tokens = [token.encode("utf-8", "surrogateescape") for token in sidecar["tokens"]]
    whole = all(_is_utf8(token) for token in tokens) and len(set(tokens)) == len(tokens)
    numbers = np.array([[int(bits, 16) for bits in row.split()] for row in sidecar["bits"]], np.uint32).view(np.float32)
    return whole and (all(tokens) if name == "csv" else bool(np.isfinite(numbers).all()))


def _is_utf8(token: bytes) -> bool:
    try:
        token.decode()
    except UnicodeDecodeError:
        return False
    return True


@pytest.mark.parametrize("name", ["csv", "json", "jsonl"])
def test_every_golden_table_comes_back(name: str, tmp_path: Path) -> None:
    written = 0
    for parameter in sidecars("valid"):
        _, sidecar = parameter.values
        if not sidecar.get("bits"):
            continue
        bits = np.array([[int(each, 16) for each in row.split()] for row in sidecar["bits"]], "<u4")
        tokens = [token.encode("utf-8", "surrogateescape") for token in sidecar["tokens"]]
        vectors = bits[: len(tokens)].view("<f4")
        try:
            CODECS[name].writer().write(tmp_path / "t", source(tokens, vectors))
        except FormatError:
            assert not golden(name, sidecar), parameter.id
            continue
        found, values = tokens_and_vectors(CODECS[name].reader().read(Input(tmp_path / "t"), ReadOptions()))
        assert found == tokens
        assert np.array_equal(values.view("<u4") | np.isnan(values), bits[: len(tokens)] | np.isnan(vectors))
        written += 1
    assert written > 200
