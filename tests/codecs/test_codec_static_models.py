"""Folders for sentence-transformers and model2vec; benchmarks/interop loads them with these packages."""

from __future__ import annotations

import json
import pickle
import stat
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import embstore

WORDS = ["the", "frog", "žába"]
MATRIX = np.array([[0.5, -1.5], [2.25, 3], [1, 0.125]], np.float32)
LAYOUTS = {
    "static-embedding": ("0_StaticEmbedding", "embedding.weight"),
    "model2vec": (".", "embeddings"),
}


def write_model(tmp_path: Path, to: str, words: list[str] = WORDS, **saving: Any) -> tuple[Path, Any, Any]:
    """Folder, matrix and tokenizer of a table of three words."""
    embstore.save(tmp_path / "s.safetensors", words, MATRIX, **saving)
    embstore.convert(tmp_path / "s.safetensors", tmp_path / "model", to=to)
    inside, tensor = LAYOUTS[to]
    folder = tmp_path / "model" / inside
    tensors = load_file(folder / "model.safetensors")
    assert list(tensors) == [tensor]
    return tmp_path / "model", tensors[tensor], json.loads((folder / "tokenizer.json").read_text())


@pytest.mark.parametrize("to", LAYOUTS)
def test_unknown_words_get_a_row_of_zeros(tmp_path: Path, to: str) -> None:
    _, matrix, tokenizer = write_model(tmp_path, to)
    assert matrix.tolist() == [*MATRIX.tolist(), [0, 0]]
    assert tokenizer["model"] == {
        "type": "WordLevel",
        "vocab": {"the": 0, "frog": 1, "žába": 2, "[UNK]": 3},
        "unk_token": "[UNK]",
    }
    assert tokenizer["pre_tokenizer"] == {"type": "WhitespaceSplit"}


@pytest.mark.parametrize("to", LAYOUTS)
@pytest.mark.parametrize(
    ("words", "lowers"),
    [
        (["the", "frog", "žába"], True),
        (["the", "Frog", "3"], False),
        (["the", "[UNK]", "frog"], True),  # what is not found gets the row of [UNK]
        (["the", "[PAD]", "frog"], False),
        (["1", "2", "!"], False),  # nothing to convert
        (["青", "蛙", "1"], False),
        (["\u03b1\u03c3", "ß", "ǆ"], True),
        (["the", "ǅ", "frog"], False),  # a letter in title case
        (["the", "i̇stanbul", "frog"], True),  # the lower case of İstanbul
        (["the", "İstanbul", "frog"], False),
        (["the", "\U0001e030", "frog"], None),  # assigned by Unicode 15: unknown to Python 3.11
        (["the", "\U000e0080", "frog"], False),  # not assigned
    ],
)
def test_text_is_converted_to_lower_case_if_all_words_are(
    tmp_path: Path, to: str, words: list[str], lowers: bool | None
) -> None:
    tokenizer = write_model(tmp_path, to, words)[2]
    if lowers is None:
        lowers = unicodedata.category(words[1]) != "Cn"
    assert tokenizer["normalizer"] == ({"type": "Lowercase"} if lowers else None)
    if lowers:  # tokenizers converts each character alone: every word is still found
        found = ["".join(character.lower() for character in word) for word in words]
        assert [word for word in found if word != "[unk]"] == [word for word in words if word != "[UNK]"]


@pytest.mark.parametrize("to", LAYOUTS)
def test_the_report_counts_the_bytes_of_all_files(tmp_path: Path, to: str) -> None:
    embstore.save(tmp_path / "s.safetensors", WORDS, MATRIX)
    report = embstore.convert(tmp_path / "s.safetensors", tmp_path / "model", to=to)
    assert report.bytes == sum(path.stat().st_size for path in (tmp_path / "model").rglob("*") if path.is_file())


@pytest.mark.parametrize("to", LAYOUTS)
def test_a_table_with_its_own_unknown_word_keeps_it(tmp_path: Path, to: str) -> None:
    _, matrix, tokenizer = write_model(tmp_path, to, ["the", "<unk>", "frog"])
    assert matrix.tolist() == MATRIX.tolist()
    assert tokenizer["model"]["unk_token"] == "<unk>"


def test_files_of_sentence_transformers(tmp_path: Path) -> None:
    folder, _, _ = write_model(tmp_path, "static-embedding")
    kind = "sentence_transformers.models.StaticEmbedding"
    assert json.loads((folder / "modules.json").read_text()) == [
        {"idx": 0, "name": "0", "path": "0_StaticEmbedding", "type": kind}
    ]
    assert json.loads((folder / "config_sentence_transformers.json").read_text())["similarity_fn_name"] == "cosine"
    assert {path.name for path in folder.iterdir()} == {
        "0_StaticEmbedding", "modules.json", "config_sentence_transformers.json"
    }  # fmt: skip


def test_files_of_model2vec(tmp_path: Path) -> None:
    folder, matrix, _ = write_model(tmp_path, "model2vec", dtype="bfloat16")
    assert matrix.dtype == np.float32
    config = json.loads((folder / "config.json").read_text())
    assert (config["model_type"], config["normalize"], config["embedding_dtype"]) == ("model2vec", False, "float32")
    assert {path.name for path in folder.iterdir()} == {"model.safetensors", "tokenizer.json", "config.json"}


@pytest.mark.parametrize("to", LAYOUTS)
def test_float16_stays_float16(tmp_path: Path, to: str) -> None:
    assert write_model(tmp_path, to, dtype="float16")[1].dtype == np.float16


@pytest.mark.parametrize("to", LAYOUTS)
def test_it_reads_back(tmp_path: Path, to: str) -> None:
    folder, _, _ = write_model(tmp_path, to)
    for place in (folder, folder / LAYOUTS[to][0], folder / LAYOUTS[to][0] / "model.safetensors"):
        store = embstore.open(place)
        assert list(store.itos) == [*WORDS, "[UNK]"]
        assert store.vectors[:3].tolist() == MATRIX.tolist()
        assert pickle.loads(pickle.dumps(store)).itos[0] == WORDS[0]
    report = embstore.convert(folder, tmp_path / "back.safetensors")
    assert (report.rows, report.dim) == (4, 2)


@pytest.mark.parametrize("to", LAYOUTS)
def test_a_token_that_is_not_utf8_is_refused_and_leaves_no_folder(tmp_path: Path, to: str) -> None:
    with pytest.warns(embstore.EmbstoreWarning):
        embstore.save(tmp_path / "s.safetensors", ["ok", "caf\udce9"], MATRIX[:2])
    with pytest.raises(embstore.FormatError) as caught:
        embstore.convert(tmp_path / "s.safetensors", tmp_path / "model", to=to)
    reason = "the token b'caf\\xe9' is not UTF-8, as tokenizer.json must be: write a store"
    assert str(caught.value) == f"{tmp_path / 'model'}: {reason}"
    assert [path.name for path in tmp_path.iterdir()] == ["s.safetensors"]


def test_a_folder_is_never_replaced_and_its_mode_is_the_umasks(tmp_path: Path) -> None:
    folder, _, _ = write_model(tmp_path, "model2vec")
    with pytest.raises(embstore.EmbstoreError) as caught:
        embstore.convert(tmp_path / "s.safetensors", folder, to="model2vec", overwrite=True)
    assert str(folder) in str(caught.value)
    (tmp_path / "plain").mkdir()
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)
