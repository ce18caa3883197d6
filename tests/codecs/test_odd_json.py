"""JSON files with an odd value in any place give a table or an error of one line, never another exception."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from support.paths import FORMATS

import embstore

ODD = [
    "null", "true", "0", "-1", "1.5", "1e400", "NaN", '""', '"\\u0000"', '"\\ud800"', '"a/b"', "[]", "{}", "[[]]",
    "[{}]", '{"a": {}}', "9" * 5000, '"' + "x" * 100_000 + '"', "[" * 100_000 + "]" * 100_000,
    '{"a":' * 50_000 + "1" + "}" * 50_000,
    '{"a": 1, "a": 2}', "", "[1", '"\\', "{} {}",
]  # fmt: skip
WORDS = {"the": 0, "frog": 1, "toad": 2}
MATRIX = np.arange(6, dtype=np.float32).reshape(3, 2)


def checkpoint(folder: Path, name: str, content: Any) -> Path:
    save_file({"embeddings.word_embeddings.weight": MATRIX}, folder / "model.safetensors")
    (folder / name).write_text(json.dumps(content))
    return folder / "model.safetensors"


def word_level(folder: Path) -> Path:
    model = {"type": "WordLevel", "vocab": {"the": 0, "frog": 1}, "unk_token": "the"}
    return checkpoint(folder, "tokenizer.json", {"added_tokens": [{"id": 2, "content": "toad"}], "model": model})


def unigram(folder: Path) -> Path:
    pairs = [["the", -1.5], ["frog", -2.5], ["toad", -3.5]]
    return checkpoint(folder, "tokenizer.json", {"model": {"type": "Unigram", "vocab": pairs}})


def shards(folder: Path) -> Path:
    checkpoint(folder, "vocab.json", list(WORDS))
    index = {"metadata": {}, "weight_map": {"embeddings.word_embeddings.weight": "model.safetensors", "b": "c"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder / "model.safetensors.index.json"


def listed(folder: Path) -> Path:
    np.save(folder / "t.npy", MATRIX)
    (folder / "t.vocab.json").write_text(json.dumps(list(WORDS)))
    return folder / "t.npy"


def by_row(folder: Path) -> Path:
    np.save(folder / "t.npy", MATRIX)
    (folder / "t.vocab.json").write_text(json.dumps(WORDS))
    return folder / "t.npy"


def spacy(folder: Path) -> Path:
    return Path(shutil.copytree(FORMATS / "spacy" / "valid" / "map_16", folder / "vectors"))


TABLES: list[tuple[Callable[[Path], Path], str]] = [
    (word_level, "tokenizer.json"),
    (unigram, "tokenizer.json"),
    (shards, "model.safetensors.index.json"),
    (listed, "t.vocab.json"),
    (by_row, "t.vocab.json"),
    (spacy, "strings.json"),
    (spacy, "vectors.cfg"),
]


def with_odd_values(value: Any, odd: str) -> Iterator[str]:
    """The text of a value with one of its parts replaced, each in turn."""
    yield odd
    if isinstance(value, dict):
        for key in value:
            members = {name: json.dumps(member) for name, member in value.items()}
            for changed in with_odd_values(value[key], odd):
                yield "{" + ",".join(f"{json.dumps(n)}:{changed if n == key else m}" for n, m in members.items()) + "}"
            if odd.startswith('"'):  # a key
                yield "{" + ",".join(f"{odd if n == key else json.dumps(n)}:{m}" for n, m in members.items()) + "}"
    elif isinstance(value, list):
        for place in range(min(len(value), 3)):
            for changed in with_odd_values(value[place], odd):
                yield "[" + ",".join(changed if i == place else json.dumps(m) for i, m in enumerate(value)) + "]"


@pytest.mark.parametrize(("make", "name"), TABLES)
def test_odd_values(tmp_path: Path, make: Callable[[Path], Path], name: str) -> None:
    path = make(tmp_path)
    place = next(tmp_path.rglob(name))
    whole = place.read_text()
    assert len(embstore.open(path)) > 0
    refusals = []
    for odd in ODD:
        for text in with_odd_values(json.loads(whole), odd):
            place.write_text(text)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", embstore.EmbstoreWarning)
                    store = embstore.open(path)
            except (embstore.EmbstoreError, FileNotFoundError) as error:
                refusals.append(str(error))
            else:
                assert len(list(store.itos)) == len(store.vectors) > 0
    assert len(refusals) > len(ODD) // 2
    assert [message for message in refusals if len(message.splitlines()) != 1 or len(message) > 600] == []


NAMES = ["", ".", "..", "/etc/passwd", "../model.safetensors", "a\0b", "x" * 300, "\ud800", "a\\b", "C:x"]


@pytest.mark.parametrize("shard", NAMES)
def test_names_of_shards_that_are_no_files_of_the_folder(tmp_path: Path, shard: str) -> None:
    path = shards(tmp_path)
    path.write_text(json.dumps({"weight_map": {"embeddings.word_embeddings.weight": shard}}))
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(path)
    reason = f"the shard {shard[:80]!r} is not a file in the folder of the index"
    assert str(caught.value) == f"{path}: {reason}"
