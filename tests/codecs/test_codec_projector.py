"""The folder for TensorBoard's projector: numbers that read back, and lines that no token breaks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.paths import FORMATS
from support.tables import source

import embstore
from embstore.codecs import projector as codec
from embstore.core.batch import Source


def test_the_three_files(tmp_path: Path) -> None:
    vectors = np.array([[0.1, -2.5, 3], [1e-45, 0, 1e10]], np.float32)
    embstore.save(tmp_path / "s.safetensors", ["frog", "naïve"], vectors)
    report = embstore.convert(tmp_path / "s.safetensors", tmp_path / "folder", to="projector")
    assert sorted(path.name for path in (tmp_path / "folder").iterdir()) == [
        "metadata.tsv", "projector_config.pbtxt", "vectors.tsv"
    ]  # fmt: skip
    text = (tmp_path / "folder" / "vectors.tsv").read_text()
    assert text.startswith("0.1\t-2.5\t3\n")
    rows = [[float(number) for number in line.split("\t")] for line in text.split("\n")[:-1]]
    assert np.array(rows, np.float32).tobytes() == vectors.tobytes()
    assert (tmp_path / "folder" / "metadata.tsv").read_text(encoding="utf-8") == "frog\nnaïve\n"
    config = (tmp_path / "folder" / "projector_config.pbtxt").read_text()
    assert config == 'embeddings {\n  tensor_path: "vectors.tsv"\n  metadata_path: "metadata.tsv"\n}\n'
    assert report.bytes == sum(path.stat().st_size for path in (tmp_path / "folder").iterdir())


@pytest.mark.parametrize("path", sorted((FORMATS / "projector" / "valid").glob("*.json")), ids=lambda path: path.stem)
def test_goldens_are_written(path: Path, tmp_path: Path) -> None:
    golden = json.loads(path.read_text())
    bits = [[int(number, 16) for number in row.split()] for row in golden["bits"]]
    codec.write(tmp_path / "p", source(golden["tokens"], np.array(bits, "<u4").view("<f4")))
    written = {file.name: file.read_bytes().decode() for file in (tmp_path / "p").iterdir()}
    assert written == golden["files"]


def test_a_golden_is_refused(tmp_path: Path) -> None:
    golden = json.loads((FORMATS / "projector" / "invalid" / "no_rows.json").read_text())
    with pytest.raises(embstore.FormatError) as caught:
        codec.write(tmp_path / "p", Source(2, iter([])))
    assert str(caught.value) == golden["message"].replace("{path}", str(tmp_path / "p"))


def test_many_rows_in_many_batches(tmp_path: Path) -> None:
    vectors = np.random.default_rng(1).standard_normal((5000, 30), np.float32)
    words = [f"w{i}" for i in range(5000)]
    codec.write(tmp_path / "p", source(words, vectors, 999))
    lines = (tmp_path / "p" / "vectors.tsv").read_text().split("\n")
    assert lines.pop() == ""
    read = np.array([line.split("\t") for line in lines], np.float64).astype(np.float32)
    assert read.tobytes() == vectors.tobytes()
    assert (tmp_path / "p" / "metadata.tsv").read_text() == "".join(word + "\n" for word in words)


def test_a_folder_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(
        embstore.EmbstoreError, match=r"exists already, and a folder is never replaced: remove it first$"
    ):
        codec.write(tmp_path, source(["a"], np.ones((1, 1), np.float32)))
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
