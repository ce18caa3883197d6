"""The test files of gensim are read as gensim reads them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gensim.models import Doc2Vec, FastText, KeyedVectors, Word2Vec
from gensim.models.doc2vec import TaggedDocument
from gensim.models.fasttext import load_facebook_vectors
from gensim.test.utils import datapath

import embstore

BINARY = ["euclidean_vectors.bin", "poincare_vectors.bin", "high_precision.kv.bin"]
TEXT = [
    "EN.1-10.cbow1_wind5_hs0_neg10_size300_smpl1e-05.txt",
    "IT.1-10.cbow1_wind5_hs0_neg10_size300_smpl1e-05.txt",
    "crime-and-punishment.vec",
    "high_precision.kv.txt",
    "lee_fasttext.vec",
    "pang_lee_polarity_fasttext.vec",
    "toy-model.vec",
]


FASTTEXT = [
    "crime-and-punishment.bin",
    "lee_fasttext.bin",
    "lee_fasttext_new.bin",
    "non_ascii_fasttext.bin",
    "toy-model-pretrained.bin",
    "toy-model.bin",
]
STRANGERS = ["qzxv", "unheard-of", "неслыханный", "x", "the the"]


def assert_same(path: str, expected: Any, **options: Any) -> None:
    """Compare with a table that gensim read as Latin-1, which keeps every byte."""
    store = embstore.open(path, **options)
    words = [word.encode("utf-8", "surrogateescape") for word in store.itos]
    assert words == [word.encode("latin-1") for word in expected.index_to_key]
    np.testing.assert_array_equal(store.vectors.view(np.uint32), expected.vectors.view(np.uint32))


@pytest.mark.filterwarnings("ignore:tokens that are not UTF-8:embstore.EmbstoreWarning")
@pytest.mark.parametrize("name", TEXT)
def test_word2vec_text(name: str) -> None:
    assert_same(datapath(name), KeyedVectors.load_word2vec_format(datapath(name), encoding="latin-1"))


@pytest.mark.parametrize("name", BINARY)
def test_word2vec_binary(name: str) -> None:
    expected = KeyedVectors.load_word2vec_format(datapath(name), binary=True, encoding="latin-1")
    assert_same(datapath(name), expected)


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # gensim leaves it open
def test_glove() -> None:
    path = datapath("test_glove.txt")
    assert_same(path, KeyedVectors.load_word2vec_format(path, no_header=True, encoding="latin-1"))


def test_word2vec_text_without_a_suffix() -> None:
    path = datapath("word2vec_pre_kv_c")
    assert_same(path, KeyedVectors.load_word2vec_format(path, encoding="latin-1"))


@pytest.mark.parametrize("name", FASTTEXT)
def test_fasttext(name: str) -> None:
    """Known and unknown words, except </s>: gensim uses its n-grams, fastText does not."""
    expected = load_facebook_vectors(datapath(name))
    store = embstore.open(datapath(name))
    assert list(store.itos) == expected.index_to_key
    words = [word for word in [*store.itos, *STRANGERS] if word != "</s>"]
    rows = store.aligned(words, oov="subword")
    np.testing.assert_allclose(rows, np.stack([expected[word] for word in words]), rtol=0, atol=1e-6)


def test_a_file_with_fewer_rows_than_its_header_states_is_refused_as_by_gensim() -> None:
    path = datapath("pretrained.vec")
    with pytest.raises(EOFError):
        KeyedVectors.load_word2vec_format(path)
    with pytest.raises(embstore.FormatError, match="the header says 3 rows, but 1 follow"):
        embstore.open(path)


@pytest.mark.parametrize("binary", [True, False])
def test_gensim_reads_what_embstore_writes(binary: bool, tmp_path: Path) -> None:
    source = datapath("crime-and-punishment.vec")
    path = tmp_path / ("t.bin" if binary else "t.vec")
    embstore.convert(source, path, to="word2vec-bin" if binary else None)
    again, first = (
        KeyedVectors.load_word2vec_format(name, binary=kind) for name, kind in ((path, binary), (source, False))
    )
    assert again.index_to_key == first.index_to_key
    np.testing.assert_array_equal(again.vectors.view(np.uint32), first.vectors.view(np.uint32))


PICKLES = [
    ("word2vec_old", "Word2Vec"),
    ("word2vec_3.3", "Word2Vec"),
    ("model-from-gensim-3.8.0.w2v", "Word2Vec"),
    ("compatible-hash-true.model", "FastText"),
    ("old_keyedvectors_320.dat", "EuclideanKeyedVectors"),
    ("poincare_test_3.4.0", "PoincareModel"),
]
SENTENCES = [["the", "frog", "sat"]] * 5
SMALL: dict[str, Any] = {"vector_size": 4, "min_count": 1, "epochs": 1, "workers": 1}
NEW: dict[str, Callable[[], Any]] = {
    "Word2Vec": lambda: Word2Vec(SENTENCES, **SMALL),
    "KeyedVectors": lambda: Word2Vec(SENTENCES, **SMALL).wv,
    "FastText": lambda: FastText(SENTENCES, bucket=10, **SMALL),
    "FastTextKeyedVectors": lambda: FastText(SENTENCES, bucket=10, **SMALL).wv,
    "Doc2Vec": lambda: Doc2Vec([TaggedDocument(words, [0]) for words in SENTENCES], **SMALL),
}


def export(path: Path | str, kind: str) -> embstore.Store:
    """Execute the line of the error for a pickle, and open the file that it writes."""
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(path)
    message = str(caught.value)
    assert f": a pickle of gensim's {kind}, which may run any code" in message
    (line,) = re.findall("`([^`]+)`", message)
    exec(line)
    (target,) = re.findall(r"embstore.save\('([^']+)'", line)
    return embstore.open(target)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize(("name", "kind"), PICKLES)
def test_the_export_lines_for_a_pickle_work_for_old_models(
    name: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for path in Path(datapath(name)).parent.glob(f"{name}*"):  # large arrays are in files of their own
        shutil.copy(path, tmp_path)
    assert len(export(name, kind)) > 1


@pytest.mark.parametrize("kind", NEW)
def test_the_export_lines_for_a_pickle_work_for_new_models(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = NEW[kind]()
    model.save("new.model")
    store, expected = export("new.model", kind), getattr(model, "wv", model)
    assert list(store.itos) == expected.index_to_key
    np.testing.assert_array_equal(store.vectors, expected.vectors)


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2"])
def test_phrases_survive_the_export(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    vectors = KeyedVectors(2)
    vectors.add_vectors(["new york", "a\nb", "the"], np.array([[1, 2], [3, 4], [5, 6]], np.float32))
    vectors.save(f"t.kv{suffix}")
    store = export(f"t.kv{suffix}", "KeyedVectors")
    assert (list(store.itos), store.vectors.tolist()) == (["new york", "a\nb", "the"], [[1, 2], [3, 4], [5, 6]])
