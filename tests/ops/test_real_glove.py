"""The complete glove.6B 50d: text to store to text, and the row of each word."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from support.codecs import codecs_that
from support.glove import GLOVE_TEXT_SHA256, RealGlove
from support.running import output_of
from support.tables import saved

import embstore
from embstore.codecs.registry.table import Codec


def test_the_weight_is_the_table_to_the_last_bit(real_store: Path, real_glove: RealGlove) -> None:
    weight = safetensors.numpy.load_file(real_store)["embedding.weight"]
    assert weight.dtype == np.float32
    np.testing.assert_array_equal(weight.view(np.uint32), real_glove.vectors.view(np.uint32))


def test_each_of_the_400_000_words_is_at_its_row(real_store: Path, real_glove: RealGlove) -> None:
    with embstore.open(real_store) as glove:
        assert glove.stoi["the"] == 0
        assert glove.itos[0] == "the"
        np.testing.assert_array_equal(glove.rows(real_glove.words), np.arange(400_000))
        assert list(glove.itos) == real_glove.words


def test_unknown_words_have_no_row(real_store: Path, real_glove: RealGlove) -> None:
    known = set(real_glove.words)
    strangers = [word for word in (f"{word}_" for word in real_glove.words) if word not in known]
    with embstore.open(real_store) as glove:
        assert (glove.rows(strangers) == -1).all()


def test_two_sentences(real_store: Path, real_glove: RealGlove) -> None:
    with embstore.open(real_store) as glove:
        assert glove.rows(["i", "was", "very", "happy", "with"]).tolist() == [41, 15, 191, 1751, 17]
        assert glove.rows(["very", "good", "quality", "but", "bad"]).tolist() == [191, 219, 1506, 34, 978]
        vectors = glove[["very", "good", "quality", "but", "bad"]]
    np.testing.assert_array_equal(vectors, real_glove.vectors[[191, 219, 1506, 34, 978]])


def test_provenance(real_store: Path) -> None:
    with embstore.open(real_store) as glove:
        origin = {key: value for key, value in glove.metadata.items() if key.startswith("embstore.source.")}
        glove.verify()
    assert origin == {
        "embstore.source.name": "glove.6B.50d.txt",
        "embstore.source.size": "171350079",
        "embstore.source.sha256": GLOVE_TEXT_SHA256,
        "embstore.source.format": "glove",
    }


def test_text_round_trip_keeps_every_byte(real_store: Path, tmp_path: Path) -> None:
    back = tmp_path / "back.txt"
    embstore.convert(real_store, back)
    with back.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == GLOVE_TEXT_SHA256


@pytest.fixture(scope="module")
def quarter_store(real_glove: RealGlove, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quarter of the words, and all non-ASCII ones: more rows than a block or chunk of any format has."""
    rows = [row for row, word in enumerate(real_glove.words) if row % 4 == 0 or not word.isascii()]
    words = [real_glove.words[row] for row in rows]
    return saved(tmp_path_factory.mktemp("quarter") / "glove.safetensors", words, real_glove.vectors[rows])


@pytest.mark.filterwarnings("ignore:rows not of length 1:embstore.EmbstoreWarning")
@pytest.mark.parametrize("codec", codecs_that(lambda codec: codec.writes))
def test_round_trip_of_each_format_keeps_every_bit(codec: Codec, quarter_store: Path, tmp_path: Path) -> None:
    path = tmp_path / f"glove{codec.suffixes[0] if codec.suffixes else ''}"
    count = embstore.convert(quarter_store, path, to=codec.name).rows
    assert count > 100_000
    if path.is_dir() and not codec.reads:  # a model folder: model.safetensors with its tokenizer
        path = next(path.rglob("model.safetensors"))
    # limit: model folders have a row for unknown words after the table
    embstore.convert(path, tmp_path / "again.safetensors", format=codec.name if codec.reads else None, limit=count)
    with embstore.open(quarter_store) as before, embstore.open(tmp_path / "again.safetensors") as after:
        for name in ("embedding.weight", "vocab.bytes", "vocab.offsets"):
            assert after.metadata[f"embstore.sha256.{name}"] == before.metadata[f"embstore.sha256.{name}"]


CONVERT = """
import sys, embstore
report = embstore.convert(sys.argv[1], sys.argv[2])
from support.memory import peak_of_process
print(report.rows, report.dim, report.findings, peak_of_process())
"""


def test_a_conversion_takes_less_than_300_mb(real_glove_text: Path, tmp_path: Path) -> None:
    *found, peak = output_of(CONVERT, real_glove_text, tmp_path / "glove.safetensors").split()
    assert found == ["400000", "50", "[]"]
    assert int(peak) < 300 * 1024 * 1024
