"""The folder for TensorBoard's projector: numbers that read back, and lines that no token breaks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.paths import FORMATS
from support.tables import in_memory, rows_by_word, source, tokens_and_vectors

import embstore
from embstore.codecs import projector as codec
from embstore.codecs.registry.detection import sniff
from embstore.core.batch import Source
from embstore.core.options import ReadOptions
from embstore.files.input import Input


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
    mark = "# metadata.tsv has the escapes of embstore\n"
    assert config == mark + 'embeddings {\n  tensor_path: "vectors.tsv"\n  metadata_path: "metadata.tsv"\n}\n'
    assert report.bytes == sum(path.stat().st_size for path in (tmp_path / "folder").iterdir())


@pytest.mark.parametrize(
    "path", sorted((FORMATS / "projector" / "valid").glob("[!r]*.json")), ids=lambda path: path.stem
)
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


PARTS = st.sampled_from(["\\", "x", "8", "f", "\udcff", "\t", "\n", "\r", " ", '"', "u", "0", "\ufeff", "a", "\u3000"])


@given(st.lists(st.lists(PARTS, max_size=6).map("".join), min_size=1, max_size=5, unique=True))
def test_any_token_comes_back(tmp_path_factory: pytest.TempPathFactory, words: list[str]) -> None:
    folder = tmp_path_factory.mktemp("any") / "p"
    tokens = [word.encode("utf-8", "surrogateescape") for word in words]
    vectors = np.arange(2 * len(tokens), dtype=np.float32).reshape(-1, 2)
    codec.write(folder, source(tokens, vectors))
    found, values = tokens_and_vectors(codec.read(Input(folder), ReadOptions()))
    assert (found, values.tobytes()) == (tokens, vectors.tobytes())


def test_a_folder_is_found_read_and_converted(tmp_path: Path) -> None:
    store = in_memory({"C:\\new": [0.5, -1.5], "two words": [2.25, 3]})
    embstore.convert(store, tmp_path / "p", to="projector")
    assert sniff(Input(tmp_path / "p")).name == "projector"
    embstore.convert(tmp_path / "p", tmp_path / "t.safetensors")
    found = embstore.open(tmp_path / "t.safetensors")
    assert rows_by_word(found) == {"C:\\new": [0.5, -1.5], "two words": [2.25, 3]}


def test_many_rows_are_read_in_batches(tmp_path: Path) -> None:
    vectors = np.random.default_rng(1).standard_normal((3000, 256), np.float32)
    codec.write(tmp_path / "p", source([f"w{i}" for i in range(3000)], vectors, 999))
    sizes = [len(batch.tokens) for batch in codec.read(Input(tmp_path / "p"), ReadOptions()).batches]
    assert sizes == [1024, 1024, 952]


def test_another_folder_is_no_projector(tmp_path: Path) -> None:
    (tmp_path / "vectors.tsv").write_text("1\n")
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(tmp_path, format="projector")
    reason = "expected a folder with vectors.tsv and metadata.tsv"
    assert str(caught.value) == f"{tmp_path}: {reason}"
