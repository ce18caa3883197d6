"""Plain safetensors: common layouts, word lists, and refused files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from support.tables import words_and_vectors

import embstore
from embstore.codecs.huggingface import safetensors as codec
from embstore.codecs.registry.detection import sniff
from embstore.core.dtypes import to_bfloat16
from embstore.core.options import Dtype, ReadOptions
from embstore.files.input import Input

WORDS = ["the", "frog", "Ġqueen"]
MATRIX = np.array([[0.5, -1.5], [2.25, 3], [1, 0.125]], np.float32)
Arrays = dict[str, NDArray[Any]]


def save_model(folder: Path, tensors: Arrays, words: list[str] | None = WORDS, name: str = "model.safetensors") -> Path:
    save_file(tensors, folder / name)
    if words is not None:
        (folder / "vocab.txt").write_text("".join(word + "\n" for word in words), encoding="utf-8")
    return folder / name


@pytest.mark.parametrize(
    "name",
    [
        "embeddings",
        "embedding.weight",
        "vectors",
        "embeddings.word_embeddings.weight",
        "bert.embeddings.word_embeddings.weight",
        "wte.weight",
        "transformer.wte.weight",
        "model.embed_tokens.weight",
    ],
)
def test_the_table_is_found_among_other_matrices(tmp_path: Path, name: str) -> None:
    others = {"layer.0.weight": np.ones((3, 2), np.float32), "bert.embeddings.position_embeddings.weight": MATRIX}
    words, vectors = words_and_vectors(save_model(tmp_path, {**others, name: MATRIX}))
    assert words == WORDS
    assert vectors.tobytes() == MATRIX.tobytes()


def test_a_single_matrix_of_any_name_is_the_table(tmp_path: Path) -> None:
    path = save_model(
        tmp_path, {"unheard.of": MATRIX, "bias": np.ones(9, np.float32), "ids": np.ones((1, 3), np.int64)}
    )
    assert words_and_vectors(path)[1].tolist() == MATRIX.tolist()


def test_several_candidates_are_listed_and_key_chooses(tmp_path: Path) -> None:
    path = save_model(tmp_path, {"encoder.embed_tokens.weight": MATRIX, "decoder.embed_tokens.weight": MATRIX * 2})
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(path)
    listed = "decoder.embed_tokens.weight F32 [3, 2], encoder.embed_tokens.weight F32 [3, 2]"
    assert str(caught.value) == f"{path}: 2 tensors may be the table: name one with `key=` ({listed})"
    assert words_and_vectors(path, key="decoder.embed_tokens.weight")[1].tolist() == (MATRIX * 2).tolist()


def test_a_file_without_a_matrix_lists_its_tensors(tmp_path: Path) -> None:
    path = save_model(tmp_path, {"bias": np.ones(3, np.float32)})
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(path)
    assert str(caught.value) == f"{path}: no tensor may be the table, as none is a matrix: it has bias F32 [3]"


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("nix", ": no tensor 'nix': it has tokens I8 [3, 2], ids I64 [3]"),
        ("ids", ":ids: I64 [3], expected rows of F32, F16, BF16 or F64"),
        (
            "tokens",
            ":tokens: whole numbers (I8), not embeddings; `dtype='float32'` converts them",
        ),
    ],
)
def test_a_key_that_is_no_matrix_is_refused(tmp_path: Path, key: str, message: str) -> None:
    path = save_model(tmp_path, {"ids": np.arange(3), "tokens": np.ones((3, 2), np.int8)})
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(path, key=key)
    assert str(caught.value) == f"{path}{message}"


def test_integers_are_converted_to_dtype(tmp_path: Path) -> None:
    path = save_model(tmp_path, {"vectors": np.array([[1, -2], [3, 4], [5, 127]], np.int8)})
    store = embstore.open(path, key="vectors", dtype="float16")
    assert store.dtype == "float16"
    assert store.vectors.tolist() == [[1, -2], [3, 4], [5, 127]]


def raw_file(path: Path, dtype: str, shape: list[int], data: bytes, pad: int = 0) -> Path:
    """A file with `pad` bytes of another tensor before the matrix, so that its offset may be odd."""
    entries = {
        "a": {"dtype": "U8", "shape": [pad], "data_offsets": [0, pad]},
        "vectors": {"dtype": dtype, "shape": shape, "data_offsets": [pad, pad + len(data)]},
    }
    header = json.dumps(entries).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(pad) + data)
    return path


@pytest.mark.parametrize("pad", [0, 1, 3])
@pytest.mark.parametrize(
    ("dtype", "data", "kept"),
    [
        ("F32", MATRIX.tobytes(), "float32"),
        ("F16", MATRIX.astype("<f2").tobytes(), "float16"),
        ("F64", MATRIX.astype("<f8").tobytes(), "float32"),
        ("BF16", to_bfloat16(MATRIX).tobytes(), "bfloat16"),
    ],
)
def test_every_float_at_every_offset(tmp_path: Path, dtype: str, data: bytes, kept: str, pad: int) -> None:
    path = raw_file(tmp_path / "m.safetensors", dtype, [3, 2], data, pad)
    (tmp_path / "vocab.txt").write_text("a\nb\nc\n")
    store = embstore.open(path)
    assert store.dtype == kept
    assert store.vectors.astype(np.float32).tolist() == MATRIX.tolist()
    embstore.convert(path, tmp_path / "s.safetensors")
    again = embstore.open(tmp_path / "s.safetensors")
    assert (again.dtype, again.vectors.astype(np.float32).tolist()) == (kept, MATRIX.tolist())


def test_mapping_and_weights_of_model2vec(tmp_path: Path) -> None:
    """The vector of token i is weights[i] * embeddings[mapping[i]], as in model2vec's StaticModel."""
    tensors = {
        "embeddings": MATRIX[:2].astype(np.float16),
        "mapping": np.array([1, 0, 1]),
        "weights": np.array([2, 1, 0.5]),
    }
    words, vectors = words_and_vectors(save_model(tmp_path, tensors))
    assert words == WORDS
    assert vectors.tolist() == [[4.5, 6], [0.5, -1.5], [1.125, 1.5]]


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (
            {"mapping": np.array([0, 1, 3])},
            ":embeddings: 3 rows, but a word has row 3: these words belong to another file",
        ),
        (
            {"mapping": np.array([0, 1, -1])},
            ":embeddings: 3 rows, but a word has row -1: these words belong to another file",
        ),
        ({"mapping": np.array([0, 1])}, ":mapping: 2 rows, but a word has row 2: these words belong to another file"),
        ({"weights": np.ones(2)}, ":weights: 2 rows, but a word has row 2: these words belong to another file"),
        ({"weights": np.ones(3, np.int32)}, ":weights: I32 [3], expected one F32 or F64 or F16 per token"),
    ],
)
def test_model2vec_tensors_that_contradict_each_other(tmp_path: Path, extra: Arrays, message: str) -> None:
    path = save_model(tmp_path, {"embeddings": MATRIX, **extra})
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(path)
    assert str(caught.value) == f"{path}{message}"


def save_shards(folder: Path, weight_map: dict[str, str]) -> Path:
    save_file({"model.norm.weight": np.ones(2, np.float32)}, folder / "model-00001-of-00002.safetensors")
    save_file({"model.embed_tokens.weight": MATRIX}, folder / "model-00002-of-00002.safetensors")
    (folder / "vocab.txt").write_text("".join(word + "\n" for word in WORDS), encoding="utf-8")
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"metadata": {"total_size": 32}, "weight_map": weight_map}))
    return path


SHARDS = {
    "model.norm.weight": "model-00001-of-00002.safetensors",
    "model.embed_tokens.weight": "model-00002-of-00002.safetensors",
}


def test_a_folder_is_read_by_its_index_before_its_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "llama"
    folder.mkdir()
    save_shards(folder, SHARDS)
    save_model(folder, {"vectors": -MATRIX})
    monkeypatch.chdir(folder)
    for place in (folder, Path()):
        assert sniff(Input(place)).name == "safetensors"
        store = embstore.open(place)
        assert (list(store.itos), store.vectors.tolist()) == (WORDS, MATRIX.tolist())
        assert store.metadata["embstore.source.name"] == "llama/model-00002-of-00002.safetensors"
    assert embstore.open("model.safetensors").metadata["embstore.source.name"] == "model.safetensors"


@pytest.mark.parametrize("form", [None, "safetensors"])
def test_other_folders_are_refused(tmp_path: Path, form: str | None) -> None:
    (tmp_path / "model.safetensors").mkdir()
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(tmp_path, format=form)
    reason = "a folder that is not known as a table: name one of its folders (model.safetensors/)"
    assert str(caught.value) == f"{tmp_path}: {reason}"


def test_shards_are_read_through_their_index(tmp_path: Path) -> None:
    path = save_shards(tmp_path, SHARDS)
    assert sniff(Input(path)).name == "safetensors"
    assert words_and_vectors(path)[1].tolist() == MATRIX.tolist()
    assert words_and_vectors(path, key="model.embed_tokens.weight")[0] == WORDS


@pytest.mark.parametrize(
    ("weight_map", "key", "message"),
    [
        (
            {"wte.weight": "../secret.safetensors"},
            None,
            "the shard '../secret.safetensors' is not in the folder of the index",
        ),
        (SHARDS, "nix", "no tensor 'nix' in the weight_map: it has model.embed_tokens.weight, model.norm.weight"),
        ({"a": "b", "c": "d"}, None, "no tensor may be the table: name one with `key=` (a, c)"),
        (["wte.weight"], None, "not an index of shards: it has no weight_map of names of files"),
    ],
)
def test_a_wrong_index_is_refused(tmp_path: Path, weight_map: Any, key: str | None, message: str) -> None:
    path = save_shards(tmp_path, weight_map)
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(path, key=key)
    assert str(caught.value) == f"{path}: {message}"


ADDED = [{"id": 0, "content": "the"}, {"id": 2, "content": "Ġqueen", "special": True}]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tokenizer.json", {"model": {"type": "BPE", "vocab": {"frog": 1, "the": 0}}, "added_tokens": ADDED}),
        (
            "tokenizer.json",
            {"model": {"type": "Unigram", "vocab": [["the", -1.5], ["frog", 0]]}, "added_tokens": ADDED},
        ),
        ("vocab.json", {"frog": 1, "Ġqueen": 2, "the": 0}),
        ("vocab.json", WORDS),
        ("model.vocab.json", WORDS),
    ],
)
def test_words_from_json(tmp_path: Path, name: str, content: Any) -> None:
    path = save_model(tmp_path, {"vectors": MATRIX}, words=None)
    (tmp_path / name).write_text(json.dumps(content))
    assert words_and_vectors(path)[0] == WORDS


@pytest.mark.parametrize(
    "content",
    ["the\nfrog\nĠqueen\n", "the\nfrog\nĠqueen", "\ufeffthe\r\nfrog\r\nĠqueen\r\n"],
    ids=["lf", "no end", "bom crlf"],
)
def test_words_from_lines(tmp_path: Path, content: str) -> None:
    path = save_model(tmp_path, {"vectors": MATRIX}, words=None)
    (tmp_path / "my words").write_bytes(content.encode())
    assert words_and_vectors(path, vocab=tmp_path / "my words")[0] == WORDS


def test_rows_without_a_word_are_left_out_and_counted(tmp_path: Path) -> None:
    path = save_model(tmp_path, {"vectors": MATRIX}, words=None)
    (tmp_path / "vocab.json").write_text('{"c": 2, "a": 0, "A": 0}')
    with pytest.warns(embstore.EmbstoreWarning, match=r"^rows without a word left out: 1$"):
        words, vectors = words_and_vectors(path)
    assert words == ["a", "A", "c"]
    assert vectors.tolist() == MATRIX[[0, 0, 2]].tolist()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": 3}', "{path}:vectors: 3 rows, but a word has row 3: these words belong to another file"),
        ('{"a": -1}', "{words}: the word 'a' has the row -1, expected a whole number from 0"),
        ('{"a": true}', "{words}: the word 'a' has the row True, expected a whole number from 0"),
        ("7", "{words}: expected a list of words, an object from word to row, or a tokenizer.json"),
        ("[" * 100_000, "{words}: nested too deeply to be a word list"),
        (
            "{",
            "{words}: not JSON, expected a word list: "
            "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ),
        ('{"model": {}}', "{words}:model.vocab: a tokenizer without a vocabulary"),
        (
            '{"model": {"vocab": {}}, "added_tokens": [1]}',
            "{words}:added_tokens: an added token has a content and an id",
        ),
    ],
)
def test_wrong_word_lists_are_refused(tmp_path: Path, content: str, message: str) -> None:
    path = save_model(tmp_path, {"vectors": MATRIX}, words=None)
    words = tmp_path / "vocab.json"
    words.write_text(content)
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(path)
    assert str(caught.value) == message.format(path=path, words=words)


def test_missing_words_list_the_names_of_the_files(tmp_path: Path) -> None:
    path = save_model(tmp_path, {"vectors": MATRIX}, words=None)
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(path)
    looked = "model.vocab.txt, model.vocab.json, tokenizer.json, vocab.txt, vocab.json, encoder.json, words.npy"
    assert (
        str(caught.value)
        == f"{path}: no words for 'vectors': none of {looked} next to it; `vocab=` names a file with the words"
    )


def test_provenance_of_a_table_and_of_a_part_of_a_checkpoint(tmp_path: Path) -> None:
    large = np.ones((64, 32), np.float32)
    words = [f"w{i}" for i in range(64)]
    path = save_model(tmp_path, {"vectors": large}, words)
    source = codec.read(Input(path), ReadOptions())
    assert sum(len(batch.tokens) for batch in source.batches) == 64
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    size = str(path.stat().st_size)
    assert source.provenance() == {"name": "model.safetensors", "format": "safetensors", "size": size, "sha256": digest}
    path = save_model(tmp_path, {"vectors": large, "bias": np.ones(9999, np.float32)}, words)
    source = codec.read(Input(path), ReadOptions())
    list(source.batches)
    assert source.provenance() == {
        "name": "model.safetensors",
        "format": "safetensors",
        "size": str(path.stat().st_size),
    }


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_written_is_read_by_the_library_and_reads_back(tmp_path: Path, dtype: Dtype) -> None:
    embstore.save(tmp_path / "s.safetensors", WORDS, MATRIX, dtype=dtype)
    embstore.convert(tmp_path / "s.safetensors", tmp_path / "plain.safetensors", to="safetensors")
    assert (tmp_path / "plain.vocab.txt").read_bytes() == "the\nfrog\nĠqueen\n".encode()
    words, vectors = words_and_vectors(tmp_path / "plain.safetensors")
    assert (words, vectors.astype(np.float32).tolist()) == (WORDS, MATRIX.tolist())
    if dtype != "bfloat16":  # safetensors.numpy does not support it
        loaded = load_file(tmp_path / "plain.safetensors")
        assert list(loaded) == ["embedding.weight"]
        assert loaded["embedding.weight"].tobytes() == MATRIX.astype(dtype).tobytes()


@pytest.mark.parametrize("word", ["a\nb", "a\r", "\ufeffa"])
def test_words_with_line_breaks_are_written_as_json(tmp_path: Path, word: str) -> None:
    embstore.save(tmp_path / "s.safetensors", [word, "ok"], MATRIX[:2])
    embstore.convert(tmp_path / "s.safetensors", tmp_path / "plain.safetensors", to="safetensors")
    assert json.loads((tmp_path / "plain.vocab.json").read_text()) == [word, "ok"]
    assert words_and_vectors(tmp_path / "plain.safetensors")[0] == [word, "ok"]


def test_a_store_in_a_folder_is_reported(tmp_path: Path) -> None:
    embstore.save(tmp_path / "model.safetensors", ["a"], np.ones((1, 2), np.float32))
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(tmp_path)
    assert str(caught.value) == f"{tmp_path}: model.safetensors in this folder is a store: open that file instead"


def test_weights_beyond_float32_make_rows_that_are_counted(tmp_path: Path) -> None:
    tensors = {"embeddings": np.full((2, 2), 2, np.float32), "weights": np.array([1e300, 2e38])}
    save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "vocab.txt").write_text("the\nfrog\n")
    with pytest.warns(embstore.EmbstoreWarning, match=r"^rows with NaN, Inf or a value beyond the dtype: 2, the first"):
        found = embstore.open(tmp_path / "model.safetensors", format="safetensors")
    assert found.vectors.tolist() == [[np.inf] * 2] * 2


def test_an_index_and_a_header_of_more_than_a_megabyte(tmp_path: Path) -> None:
    """As those of the largest models; a store's header is limited to 1 MB."""
    shape = {"dtype": "F32", "shape": [0], "data_offsets": [8, 8]}
    entries = {f"layer.{i}.{'x' * 100}": shape for i in range(9000)}
    header = json.dumps({"wte.weight": {"dtype": "F32", "shape": [2, 1], "data_offsets": [0, 8]}, **entries}).encode()
    assert len(header) > 1 << 20
    vectors = np.array([[1], [2]], "<f4")
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + vectors.tobytes())
    (tmp_path / "vocab.txt").write_text("the\nfrog\n")
    weight_map = {**dict.fromkeys(entries, "other.safetensors"), "wte.weight": path.name}
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": weight_map}))
    assert index.stat().st_size > 1 << 20
    for place in (path, index, tmp_path):
        assert embstore.open(place, format="safetensors").vectors.tolist() == [[1], [2]]
