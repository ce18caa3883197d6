"""JSON of others with any value anywhere: a table, or an error of one short line that names the file."""

from __future__ import annotations

import copy
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from support.memory import peak_of
from support.paths import FORMATS
from support.refusals import short_refusal

import embstore
from embstore.codecs.shared.json_file import parse_json
from embstore.core.errors import FormatError

WORDS = ["the", "cat", "sat"]
ODD = {
    "null": "null", "true": "true", "false": "false", "zero": "0", "minus one": "-1", "fraction": "1.5",
    "float": "0.0", "infinite": "1e400", "nan": "NaN", "empty": '""', "nul": '"\\u0000"', "line": '"a\\nb"',
    "high surrogate": '"\\ud800"', "escaped byte": '"\\udc80"', "list": "[]", "object": "{}", "lists": "[[]]",
    "long": '"' + "x" * (1 << 20) + '"', "deep": "[" * 100_000 + "]" * 100_000, "twice": '{"a": 1, "a": 2}',
    "5,000 digits": "9" * 5000, "64 bits": str(1 << 64), "a word": '"cat"', "a path": '"/etc/passwd"',
}  # fmt: skip
MARK = "the value is here"
MODEL = {"vocab": {"the": 0, "cat": 1, "sat": 2}}
FILES: dict[str, Any] = {
    "tokenizer.json": {"model": MODEL, "added_tokens": [{"content": "sat", "id": 2}]},
    "unigram/tokenizer.json": {"model": {"vocab": [["the", -1.5], ["cat", -2], ["sat", 0]]}, "added_tokens": None},
    "vocab.json": WORDS,
    "object/vocab.json": MODEL["vocab"],
    "model.safetensors.index.json": {"metadata": {}, "weight_map": {"embedding.weight": "model.safetensors"}},
}


def places_in(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places_in(inner, (*place, key))


def with_odd(value: Any, odd: str) -> Iterator[str]:
    """Yield the JSON of a value with an odd one in each place in turn, and with an odd key where that is a string."""
    for place in places_in(value):
        changed = {"": copy.deepcopy(value)}
        at: Any = changed
        for key in ("", *place)[:-1]:
            at = at[key]
        at[("", *place)[-1]] = MARK
        yield json.dumps(changed[""]).replace(f'"{MARK}"', odd)
        if odd.startswith('"') and place and isinstance(place[-1], str):
            at[MARK] = at.pop(("", *place)[-1])
            yield json.dumps(changed[""]).replace(f'"{MARK}"', odd, 1)


def check(path: Path, file: Path, versions: Iterator[str]) -> None:
    """Each version of a file gives a table of whole rows or an error: any other exception fails the test."""
    for text in versions:
        file.write_text(text)
        said = ""
        try:
            store = embstore.open(path)
        except FormatError as error:
            said = str(error)
        else:
            assert 1 <= len(store.itos) <= 10
            assert all(store[word].tolist() in ROWS for word in store.itos)
        assert said.isprintable()
        assert len(said) < 600


ROWS = [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with model.safetensors of three rows."""
    folder = tmp_path / "model"
    folder.mkdir()
    embstore.save(tmp_path / "t", WORDS, ROWS)
    embstore.convert(tmp_path / "t", folder / "model.safetensors", to="safetensors")
    (folder / "model.vocab.txt").rename(folder / "vocab.txt")
    return folder


@pytest.mark.filterwarnings("ignore::embstore.EmbstoreWarning")
@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", FILES)
def test_files_beside_a_matrix(name: str, odd: str, model: Path) -> None:
    file = model / Path(name).name
    (model / "vocab.txt").unlink() if file.name == "vocab.json" else None
    check(model, file, with_odd(FILES[name], ODD[odd]))


@pytest.mark.filterwarnings("ignore::embstore.EmbstoreWarning")
@pytest.mark.parametrize("odd", ODD)
def test_the_entity_names_of_biggraph(odd: str, tmp_path: Path) -> None:
    path = tmp_path / "embeddings_user_0.h5"
    with h5py.File(path, "w") as file:
        file["embeddings"] = np.array(ROWS, np.float32)
    check(path, tmp_path / "entity_names_user_0.json", with_odd(WORDS[:1], ODD[odd]))


@pytest.mark.filterwarnings("ignore::embstore.EmbstoreWarning")
@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", ["strings.json", "vectors.cfg"])
def test_files_of_spacy(name: str, odd: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    golden = next(file.parent for file in sorted(FORMATS.glob(f"spacy/valid/**/{name}")))
    shutil.copytree(golden, tmp_path / "vectors")
    monkeypatch.setattr(f"{__name__}.ROWS", embstore.open(golden).vectors.tolist())
    check(
        tmp_path / "vectors", tmp_path / "vectors" / name, with_odd(json.loads((golden / name).read_text()), ODD[odd])
    )


SHARDS = {
    "": "the shard '' is not in the folder of the index",
    ".": "the shard '.' is not in the folder of the index",
    "..": "the shard '..' is not in the folder of the index",
    "../x": "the shard '../x' is not in the folder of the index",
    "/etc/passwd": "the shard '/etc/passwd' is not in the folder of the index",
    "model.safetensors/": "the shard 'model.safetensors/' is not in the folder of the index",
    "a\0b": "the shard 'a\\x00b' has a name that no file can have",
    "\ud800": "the shard '\\ud800' has a name that no file can have",
    "\udc80x": "the shard '\\udc80x' cannot be opened: No such file or directory",
    "x" * 300: f"the shard '{'x' * 60}'... cannot be opened: File name too long",
    "none": "the shard 'none' cannot be opened: No such file or directory",
}


@pytest.mark.parametrize("shard", SHARDS, ids=ascii)
def test_names_of_shards(shard: str, model: Path) -> None:
    index = model / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"embedding.weight": shard}}))
    assert short_refusal(index) == f"/{index.name}: {SHARDS[shard]}"


def test_shards_that_are_no_files(model: Path) -> None:
    (model / "folder").mkdir()
    os.mkfifo(model / "pipe")
    index = model / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"embedding.weight": "folder"}}))
    assert short_refusal(index) == "/folder: a folder, expected a regular file"
    index.write_text(json.dumps({"weight_map": {"embedding.weight": "pipe"}}))
    assert short_refusal(index) == "/pipe: a pipe, socket or device, expected a regular file"


REFUSED = {
    '{"model": {"vocab": {"a": 0}}, "added_tokens": [{"content": [], "id": 1}]}': (
        ":added_tokens: an added token has a content and an id"
    ),
    '{"model": {"vocab": {"a": 0}}, "added_tokens": {}}': ":added_tokens: a dict, expected a list",
    '{"model": {"vocab": [["a", 0], [null, 0]]}}': ":model.vocab: a tokenizer without a vocabulary",
    '{"a": [[[]]]}': ": the word 'a' has the row a list, expected a whole number from 0",
    '{"a": "' + "x" * 99 + '"}': f": the word 'a' has the row '{'x' * 60}'..., expected a whole number from 0",
}


@pytest.mark.parametrize("text", REFUSED)
def test_messages(text: str, model: Path) -> None:
    (model / "tokenizer.json").write_text(text)
    assert short_refusal(model) == f"/model/tokenizer.json{REFUSED[text]}"


def test_the_memory_of_odd_json_is_bounded_by_its_size() -> None:
    data = ("[" * 100_000).encode()

    def parse() -> None:
        with pytest.raises(FormatError):
            parse_json(data, "t.json", "a word list")

    assert peak_of(parse) < 8 << 20
