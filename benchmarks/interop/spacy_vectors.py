"""Read files that spaCy and pymagnitude write: ``python benchmarks/interop/spacy_vectors.py``.

Needs ``pip install spacy``, which is too heavy for the tests. ``--pipeline FOLDER`` adds a pipeline with vectors.
``--pymagnitude FOLDER`` adds pymagnitude. It needs ``pip install annoy gensim lz4 fasteners xxhash`` and two
sdists unpacked in FOLDER: ``pip download --no-deps --no-binary :all: pymagnitude==0.1.143``, whose converter writes (it
no longer builds, so it is imported from FOLDER, with stubs for unused packages), and ``pymagnitude-light==0.1.147``,
which reads.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
import types
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

import embstore

SAMPLE = Path(__file__).parents[2] / "formats" / "glove" / "valid" / "glove.6B.50d.sample.txt"
ODD = ["", "ORTH", "PERSON", "root", "_", "naïve", "日本", "exactly8", "two words", "x" * 5000]


def compare(folder: Path, vectors: Any, words: Iterable[str]) -> None:
    """Compare every word's vector with spaCy's, bit for bit."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", embstore.EmbstoreWarning)  # about rows that spaCy leaves unused
        store = embstore.open(folder)
    expected = list(words)
    assert set(store.itos) == set(expected)
    assert len(store) == len(expected) == len(vectors.key2row)
    for word in expected:
        assert store[word].tobytes() == vectors[word].tobytes(), word
    print(f"{folder.name}: {len(store):,} words of {len(vectors.data):,} rows, equal to spaCy's, bit for bit")


def check_spacy(glove: embstore.Store, folder: Path) -> None:
    """Save vectors with spaCy as a table, a pipeline and a pruned pipeline, and compare."""
    spacy, vectors = importlib.import_module("spacy"), importlib.import_module("spacy.vectors")
    words = [*glove.itos, *(word for word in ODD if word not in glove.stoi)]
    rows = np.concatenate((glove.vectors, np.random.default_rng(0).standard_normal((len(ODD), 50), np.float32)))
    table = vectors.Vectors(data=rows[: len(words)], keys=words, strings=spacy.strings.StringStore(words))
    table.to_disk(folder / "table")
    compare(folder / "table", table, words)
    nlp, named = spacy.blank("en"), [word for word in words if word]  # a spaCy vocabulary has no vector for ""
    for word, row in zip(named, rows, strict=False):
        nlp.vocab.set_vector(word, row)
    nlp.to_disk(folder / "pipeline")
    compare(folder / "pipeline", nlp.vocab.vectors, named)
    compare(folder / "pipeline" / "vocab", nlp.vocab.vectors, named)
    nlp.vocab.prune_vectors(300)
    nlp.to_disk(folder / "pruned")
    compare(folder / "pruned", nlp.vocab.vectors, named)
    compare(folder / "pruned", spacy.load(folder / "pruned").vocab.vectors, named)


def check_pipeline(folder: Path) -> None:
    """Compare the vectors of an existing pipeline."""
    vocab = importlib.import_module("spacy.vocab").Vocab().from_disk(folder / "vocab")
    compare(folder, vocab.vectors, [vocab.strings[key] for key in vocab.vectors.key2row])


def converter_of(sdists: Path) -> Any:
    """Import pymagnitude's unmodified converter, with stubs for the packages that it only uses for ELMo."""
    package = types.ModuleType("pymagnitude")
    package.__path__ = [str(next(sdists.glob("pymagnitude-0*/pymagnitude")))]
    elmo = types.ModuleType("pymagnitude.third_party.allennlp.commands.elmo")
    vars(package).update(Magnitude=None, FeaturizerMagnitude=None)
    vars(elmo).update(ElmoEmbedder=None)
    stubs = {package.__name__: package, elmo.__name__: elmo}
    for name in ("third_party", "third_party.allennlp", "third_party.allennlp.commands"):
        stubs[f"pymagnitude.{name}"] = types.ModuleType(f"pymagnitude.{name}")
    sys.modules.update(stubs)
    return importlib.import_module("pymagnitude.converter")


def check_magnitude(glove: embstore.Store, folder: Path, sdists: Path) -> None:
    """Convert GloVe with pymagnitude, and compare with the vectors that pymagnitude reads and with the input."""
    convert = converter_of(sdists).convert
    sys.path.insert(0, str(next(sdists.glob("pymagnitude-light-*/pymagnitudelight")).parent))
    reader = importlib.import_module("pymagnitudelight").Magnitude
    lines = [f"{word} {' '.join(f'{value:.9g}' for value in glove[word].tolist())}" for word in glove.itos]
    (folder / "glove.txt").write_text("\n".join([f"{len(glove)} 50", *lines]) + "\n")
    for precision, subword in ((7, False), (7, True), (4, False), (15, False)):
        path = folder / f"{precision}{subword}.magnitude"
        convert(str(folder / "glove.txt"), str(path), precision=precision, subword=subword)
        store, theirs = embstore.open(path), reader(str(path), normalized=False, eager=False, lazy_loading=1)
        assert list(store.itos) == list(glove.itos)
        lengths = np.linalg.norm(glove.vectors.astype(np.float64), axis=1)
        steps = np.abs(store.vectors - glove.vectors).max(axis=1) / lengths
        assert steps.max() <= 0.5 * 10**-precision + 2**-23
        read = np.stack([theirs.query(word) for word in store.itos])
        np.testing.assert_allclose(store.vectors, read, rtol=3e-7)
        print(
            f"{path.name}: {len(store):,} words, errors up to {steps.max():.2g} of the length, as pymagnitude reads it"
        )


def main() -> None:
    """Check spaCy, and the folders given as arguments."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pipeline", type=Path)
    parser.add_argument("--pymagnitude", type=Path)
    arguments = parser.parse_args()
    glove = embstore.open(SAMPLE)
    with tempfile.TemporaryDirectory() as name:
        check_spacy(glove, Path(name))
        if arguments.pipeline:
            check_pipeline(arguments.pipeline)
        if arguments.pymagnitude:
            check_magnitude(glove, Path(name), arguments.pymagnitude)


if __name__ == "__main__":
    main()
