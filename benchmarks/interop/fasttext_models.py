"""Compare vectors of fastText models with fastText and gensim: ``python benchmarks/interop/fasttext_models.py``.

Needs ``pip install gensim fasttext-numpy2-wheel``, which are too heavy for the tests. Reads the models in gensim's
test data, and small classifiers that it trains and quantizes. Prints the largest differences; fails above 1e-6.
"""

from __future__ import annotations

import importlib
import random
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import embstore

TOLERANCE = 1e-6
MAGIC = b"\xba\x16\x4f\x2f\x0b\0\0\0"  # magic number, version 11
NOT_PRUNED, DENSE = b"\xff" * 8, b"\0"
# Models in gensim's test data: those without a magic number, with the encoding of their words, and newer ones.
OLD = {"lee_fasttext": "utf-8", "non_ascii_fasttext": "utf-8", "cp852_fasttext": "cp852"}
NEW = ("lee_fasttext_new", "crime-and-punishment", "pang_lee_polarity_fasttext", "toy-model", "toy-model-pretrained")
UNKNOWN = [
    "frogs",
    "unheard-of",
    "p\u0159\u00edli\u0161",
    "\u043f\u0440\u0435\u0441\u0442",
    "\u65e5\u672c",
    "x",
    "",
    "a b",
]
# Default training options of the classifiers.
TRAINED = {
    "labels": 3,
    "dim": 10,
    "minn": 2,
    "maxn": 4,
    "bucket": 1000,
    "lr": 1e-3,
    "epoch": 1,
    "thread": 12,  # with fewer than 11 some numbers stay uninitialized, and training ends in a NaN
    "verbose": 0,
}
# Classifiers: name, training options in addition to TRAINED, and quantization options (None: not quantized).
MODELS: list[tuple[str, dict[str, Any], dict[str, Any] | None]] = [
    ("dense", {}, None),
    ("quantized", {}, {}),
    ("qnorm", {}, {"qnorm": True}),
    ("qout", {"labels": 300}, {"qnorm": True, "qout": True}),
    ("parts of 3 of 10", {}, {"dsub": 3}),
    ("parts of 4 of 11, qnorm", {"dim": 11}, {"dsub": 4, "qnorm": True}),
    ("one part", {}, {"dsub": 10}),
    ("a part wider than a row", {}, {"dsub": 16}),
    ("pairs of words", {"wordNgrams": 2}, {"qnorm": True}),
    ("no n-grams", {"minn": 0, "maxn": 0}, {"qnorm": True}),
    ("pruned", {}, {"cutoff": 400}),
    ("pruned, qnorm", {}, {"cutoff": 400, "qnorm": True}),
    ("pruned, retrained", {}, {"cutoff": 400, "retrain": True}),
    ("pruned, retrained, qnorm", {}, {"cutoff": 600, "retrain": True, "qnorm": True}),
    ("pruned, pairs of words", {"wordNgrams": 2}, {"cutoff": 500, "retrain": True, "qnorm": True}),
    ("pruned, no n-grams", {"minn": 0, "maxn": 0}, {"cutoff": 260}),
]


Vector = Callable[[bytes], Any]


def main() -> None:
    """Compare all models."""
    failed = [name for name, difference in compared() if not difference <= TOLERANCE]
    if failed:
        raise SystemExit(f"differences above {TOLERANCE}: {', '.join(failed)}")


def compared() -> Iterator[tuple[str, float]]:
    """Compare each model with each library that reads it; yield title and largest difference."""
    datapath = importlib.import_module("gensim.test.utils").datapath
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for stem, encoding in OLD.items():
            path = Path(datapath(f"{stem}.bin"))
            yield compare(f"{stem}, gensim", path, by_gensim(path, encoding), ascii_only=encoding != "utf-8")
            (folder / "new.bin").write_bytes(modernized(path.read_bytes()))
            yield compare(f"{stem}, fastText", path, by_fasttext(folder / "new.bin"))
        for stem in NEW:
            path = Path(datapath(f"{stem}.bin"))
            if "polarity" not in stem:  # a classifier, which gensim refuses
                yield compare(f"{stem}, gensim", path, by_gensim(path, "utf-8"))
            yield compare(f"{stem}, fastText", path, by_fasttext(path))
        for title, train, quantize in MODELS:
            path = trained(folder, train, quantize)
            yield compare(f"{title}, fastText", path, by_fasttext(path))


def compare(title: str, path: Path, vector: Vector, *, ascii_only: bool = False) -> tuple[str, float]:
    """Print and return the largest difference over the vectors of all words, and of unknown words if supported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", embstore.EmbstoreWarning)
        store = embstore.open(path)
    words = [word.encode("utf-8", "surrogateescape") for word in store.itos]
    words = [word for word in words if word.isascii() or not ascii_only]
    if "gensim" in title:
        words = [word for word in words if word != b"</s>"]  # gensim gives it n-grams, fastText does not
    known = largest(store[[word.decode("utf-8", "surrogateescape") for word in words]], [vector(w) for w in words])
    line = f"{title}: numbers up to {np.abs(store.weight).max():.2g}; "
    line += f"{len(words):,} of {len(store):,} words, {known:.1e}"
    unknown = 0.0
    if store.special:
        others = [*UNKNOWN, *(f"{word}{word[:2]}" for word in store.itos if word.isascii())]
        others = [word for word in others if word not in store.stoi]
        if "gensim" in title:
            others = [word for word in others if len(word) > 3]  # gensim raises if there are no n-grams
        unknown = largest(store.aligned(others, "subword"), [vector(word.encode()) for word in others])
        line += f"; {len(others):,} unknown ones, {unknown:.1e}"
    print(line, flush=True)
    return title, max(known, unknown)


def largest(found: Any, expected: list[Any]) -> float:
    """Return the largest difference."""
    return float(np.abs(found - np.stack(expected)).max())


def by_gensim(path: Path, encoding: str) -> Vector:
    """Load with gensim, which decodes the words and hashes n-grams of their UTF-8 form.

    For words that are neither UTF-8 nor ASCII, those n-grams differ from the ones that the model was trained with.
    """
    load = importlib.import_module("gensim.models.fasttext").load_facebook_vectors
    vectors = load(str(path), encoding=encoding)
    return lambda word: vectors[word.decode()]


def by_fasttext(path: Path) -> Vector:
    """Load with fastText; its inner object accepts words of any bytes."""
    package = importlib.import_module("fasttext")
    model = package.load_model(str(path))

    def vector(word: bytes) -> Any:
        made = package.FastText.fasttext.Vector(model.get_dimension())
        model.f.getWordVector(made, word)
        return np.array(made)

    return vector


def modernized(old: bytes) -> bytes:
    """Return an old model with the header of version 11, which fastText loads; the rest of the format is the same."""
    position = 76
    for _ in range(int.from_bytes(old[56:60], "little")):
        position = old.index(b"\0", position) + 10
    rows, columns = (int.from_bytes(old[position + at : position + at + 8], "little") for at in (0, 8))
    end = position + 16 + 4 * rows * columns
    return MAGIC + old[:76] + NOT_PRUNED + old[76:position] + DENSE + old[position:end] + DENSE + old[end:]


def trained(folder: Path, train: dict[str, Any], quantize: dict[str, Any] | None) -> Path:
    """Train a classifier, quantize it, and save it."""
    model = classifier(folder / "text", **{**TRAINED, **train})
    path = folder / ("model.bin" if quantize is None else "model.ftz")
    if quantize is not None:
        again = {"input": str(folder / "text"), "lr": 1e-3, "epoch": 1} if quantize.get("retrain") else {}
        model.quantize(**again, **quantize)
    model.save_model(str(path))
    return path


def classifier(text: Path, labels: int, **options: Any) -> Any:
    """Train on a text, then set the rows to random numbers of the magnitude that long training gives."""
    draw = random.Random(0)
    syllables = ["ba", "ko", "\u017e\u00e1", "mi", "tr", "\u65e5", "en", "su", "\u00df", "la"]
    words = ["".join(draw.choices(syllables, k=draw.randint(1, 5))) for _ in range(800)]
    lines = (" ".join(draw.choices(words, k=12)) for _ in range(1500))
    text.write_text("".join(f"__label__{i % labels} {line}\n" for i, line in enumerate(lines)))
    model = importlib.import_module("fasttext").train_supervised(str(text), **options)
    shape = model.get_input_matrix().shape
    model.set_matrices(np.random.default_rng(0).standard_normal(shape), model.get_output_matrix())
    return model


if __name__ == "__main__":
    main()
