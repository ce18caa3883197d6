"""finalfusion: written as its SPEC has it, also with norms, and never with a word that its readers refuse."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.paths import FORMATS
from support.running import Run
from support.tables import source

import embstore
from embstore.codecs import finalfusion as codec
from embstore.core.options import Dtype

NOT_UNIT = (
    "rows not of length 1, which finalfusion-python compares by their dot products; `normalize=True` stores rows of "
    "length 1, and their lengths"
)


@pytest.mark.filterwarnings("ignore:rows not of length 1")
@pytest.mark.parametrize("name", ["plain", "padding_1", "padding_2", "padding_3", "padding_4"])
def test_it_writes_the_golden_file(tmp_path: Path, name: str) -> None:
    golden = FORMATS / "finalfusion" / "valid" / f"{name}.fifu"
    embstore.convert(golden, tmp_path / "again.fifu")
    assert (tmp_path / "again.fifu").read_bytes() == golden.read_bytes()


def test_normalize_writes_the_golden_file(tmp_path: Path) -> None:
    golden = FORMATS / "finalfusion" / "valid" / "normalized.fifu"
    report = embstore.convert(golden, tmp_path / "again.fifu", normalize=True)
    assert report.findings == []
    assert (tmp_path / "again.fifu").read_bytes() == golden.read_bytes()


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_normalize_restores_real_rows(real_store: Path, tmp_path: Path, dtype: Dtype) -> None:
    embstore.convert(real_store, tmp_path / "part.safetensors", limit=5000, dtype=dtype)
    before = embstore.open(tmp_path / "part.safetensors")
    embstore.convert(tmp_path / "part.safetensors", tmp_path / "t.fifu", normalize=True)
    words, rows, norms = chunks(tmp_path / "t.fifu")
    wide = before.vectors.astype(np.float64)
    assert words == [word.encode() for word in before.itos]
    assert norms.tobytes() == np.linalg.norm(wide, axis=1).astype(np.float32).tobytes()
    np.testing.assert_allclose(np.linalg.norm(rows.astype(np.float64), axis=1), 1, rtol=0, atol=1e-7)
    np.testing.assert_allclose(embstore.open(tmp_path / "t.fifu").vectors, wide, rtol=1.2e-7, atol=0)
    dots = rows[before.stoi["king"]] @ rows.T  # what finalfusion-python ranks by: the first is king itself
    nearest = [before.itos[row] for row in np.argsort(-dots)[1:4].tolist()]
    assert nearest == [word for word, _ in before.most_similar("king", topn=3)]


def chunks(path: Path) -> tuple[list[bytes], NDArray[np.float32], NDArray[np.float32]]:
    """Return words, rows and norms as finalfusion-python reads them, one chunk after the other."""
    with path.open("rb") as file:

        def take(form: str) -> tuple[int, ...]:
            return struct.unpack(form, file.read(struct.calcsize(form)))

        def floats(count: int) -> NDArray[np.float32]:
            file.seek(4 - file.tell() % 4, 1)
            return np.fromfile(file, "<f4", count)

        assert (file.read(4), take("<IIIII")) == (b"FiFu", (0, 3, 1, 2, 6))
        _, _, count = take("<IQQ")
        words = [file.read(take("<I")[0]) for _ in range(count)]
        _, _, rows, dim, _ = take("<IQQII")
        matrix = floats(rows * dim).reshape(rows, dim)
        _, _, size, _ = take("<IQQI")
        norms = floats(size)
        assert (count, size, file.read()) == (rows, rows, b"")
    return words, matrix, norms


def test_rows_whose_length_is_beyond_float32_stay_as_they_are(tmp_path: Path) -> None:
    vectors = np.array([[3e38, -3e38], [1e-45, 0], [np.inf, 1], [3, 4]], np.float32)
    with pytest.warns(embstore.EmbstoreWarning, match=r"^rows with NaN, Inf or a value beyond the dtype: 1"):
        embstore.save(tmp_path / "s.safetensors", ["huge", "tiny", "inf", "frog"], vectors)
    with pytest.warns(embstore.EmbstoreWarning, match=r"^rows with NaN, Inf or a value beyond the dtype: 1"):
        embstore.convert(tmp_path / "s.safetensors", tmp_path / "t.fifu", normalize=True)
    _, rows, norms = chunks(tmp_path / "t.fifu")
    assert (rows[:3].tolist(), norms.tolist()) == (
        [*vectors[[0]].tolist(), [1, 0], *vectors[[2]].tolist()],
        [1, vectors[1, 0], 1, 5],
    )
    with pytest.warns(embstore.EmbstoreWarning, match=r"^rows with NaN"):
        assert embstore.open(tmp_path / "t.fifu").vectors.tolist() == vectors.tolist()


@pytest.mark.parametrize("length", [1, 0, 1.0009, 0.9991])
def test_rows_of_length_1_are_no_finding(length: float, tmp_path: Path) -> None:
    embstore.save(tmp_path / "s.safetensors", ["frog", "toad"], np.array([[length, 0], [0, 1]], np.float32))
    assert embstore.convert(tmp_path / "s.safetensors", tmp_path / "t.fifu").findings == []


@pytest.mark.parametrize("length", [1.0011, 0.9989, 7])
def test_rows_of_other_lengths_are_counted(length: float, tmp_path: Path) -> None:
    vectors = np.array([[1, 0], [length, 0], [0, length]], np.float32)
    embstore.save(tmp_path / "s.safetensors", ["the", "frog", "toad"], vectors)
    with pytest.warns(embstore.EmbstoreWarning) as caught:
        report = embstore.convert(tmp_path / "s.safetensors", tmp_path / "t.fifu")
    assert [str(warning.message) for warning in caught] == report.findings == [f"{NOT_UNIT}: 2, the first 'frog'"]
    assert embstore.open(tmp_path / "t.fifu").vectors.tobytes() == vectors.tobytes()


def test_merge_normalizes_too(tmp_path: Path) -> None:
    embstore.save(tmp_path / "a.safetensors", ["the"], np.array([[3, 4]], np.float32))
    embstore.save(tmp_path / "b.safetensors", ["frog"], np.array([[0, 2]], np.float32))
    tables = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    report = embstore.merge(tables, tmp_path / "t.fifu", normalize=True)
    assert (report.findings, chunks(tmp_path / "t.fifu")[2].tolist()) == ([], [5, 2])
    assert embstore.open(tmp_path / "t.fifu").vectors.tolist() == [[3, 4], [0, 2]]
    embstore.merge(tables, tmp_path / "t.safetensors", normalize=True)
    assert (
        embstore.open(tmp_path / "t.safetensors").vectors.tolist()
        == np.array([[0.6, 0.8], [0, 1]], np.float32).tolist()
    )


def test_the_loss_is_that_of_the_same_vectors(run: Run, tmp_path: Path) -> None:
    embstore.save(tmp_path / "s.safetensors", ["the", "frog"], np.array([[3, 4], [0, 2]], np.float32))
    code, out, err = run("convert", "s.safetensors", "t.fifu", "--normalize", "--report-loss", "--json")
    assert (code, json.loads(out)["loss"]["bit_equal"], err) == (0, True, "")


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
