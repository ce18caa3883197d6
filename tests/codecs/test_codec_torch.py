"""Files of torch.save: tensors, state dicts and torchtext's caches; nothing is unpickled."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from support.refusals import refusal, short_refusal
from support.running import output_of
from support.tables import rows_by_word
from support.vocab_files import with_vocab_json

import embstore
from embstore.codecs.registry.detection import sniff
from embstore.files.input import Input

pytestmark = pytest.mark.torch

WORDS = ["the", "frog", "naïve"]
MATRIX = torch.tensor([[0.5, -1.5], [2.25, 3], [1, 0.125]])


def save_pt(folder: Path, value: Any, words: object = WORDS) -> Path:
    path = folder / "table.pt"
    torch.save(value, path)
    return with_vocab_json(path, words)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("turned", [False, True])
def test_a_tensor_and_the_words_beside_it(tmp_path: Path, dtype: torch.dtype, turned: bool) -> None:
    matrix = MATRIX.to(dtype)
    store = embstore.open(save_pt(tmp_path, matrix.t().contiguous().t() if turned else matrix))
    assert list(store.itos) == WORDS
    assert store.vectors.tolist() == MATRIX.tolist()
    assert store.dtype == str(dtype)[6:].replace("64", "32")


def test_a_state_dict(tmp_path: Path) -> None:
    layers = torch.nn.ModuleDict({"side": torch.nn.Embedding(3, 2), "out": torch.nn.Linear(2, 5)})
    path = save_pt(tmp_path, layers.state_dict())
    listed = "out.weight float32 [5, 2], side.weight float32 [3, 2]"
    assert short_refusal(path) == f"/table.pt: 2 tensors may be the table: name one with `key=` ({listed})"
    assert short_refusal(path, key="side") == f"/table.pt: no tensor 'side': it has {listed}, out.bias float32 [5]"
    assert short_refusal(path, key="out.bias") == "/table.pt:out.bias: an array of shape (5,), expected (rows, dim)"
    store = embstore.open(path, key="side.weight")
    assert store.vectors.tolist() == layers["side"].state_dict()["weight"].tolist()


@pytest.mark.parametrize("name", ["emb.weight", "module.tok_embeddings.weight", "_orig_mod.transformer.wte.weight"])
def test_a_known_name_among_many_matrices(tmp_path: Path, name: str) -> None:
    others = {"layers.0.wq.weight": -MATRIX, "output.weight": -MATRIX, "transformer.wpe.weight": -MATRIX}
    path = save_pt(tmp_path, {"epoch": 3, "model": {**others, name: MATRIX}})
    assert embstore.open(path).vectors.tolist() == MATRIX.tolist()


def test_tied_weights_are_one_table(tmp_path: Path) -> None:
    tied = {"a.embed_tokens.weight": MATRIX, "b.embed_tokens.weight": MATRIX, "c.embed_tokens.weight": MATRIX.clone()}
    assert embstore.open(save_pt(tmp_path, tied)).vectors.tolist() == MATRIX.tolist()
    path = save_pt(tmp_path, {**tied, "d.embed_tokens.weight": MATRIX * 2})
    listed = ", ".join(f"{side}.embed_tokens.weight float32 [3, 2]" for side in "abcd")
    assert short_refusal(path) == f"/table.pt: 4 tensors may be the table: name one with `key=` ({listed})"


def test_tied_weights_are_compared_only_where_they_have_numbers(tmp_path: Path) -> None:
    wide = torch.zeros(1, 1)
    path = save_pt(tmp_path, {"a.wte.weight": wide.expand(1 << 40, 3), "b.wte.weight": wide.clone().expand(1 << 40, 3)})
    listed = ", ".join(f"{side}.wte.weight float32 [1099511627776, 3]" for side in "ab")
    assert short_refusal(path) == f"/table.pt: 2 tensors may be the table: name one with `key=` ({listed})"


@pytest.mark.parametrize(
    "value",
    [[WORDS, MATRIX], (MATRIX, WORDS), [{"lr": 0.5}, [MATRIX, 3, WORDS]], (0.5, {"state": (WORDS, MATRIX)})],
    ids=["list", "tuple", "nested list", "nested tuple"],
)
def test_lists_and_tuples_are_looked_into(tmp_path: Path, value: object) -> None:
    store = embstore.open(save_pt(tmp_path, value, None))
    assert (list(store.itos), store.vectors.tolist()) == (WORDS, MATRIX.tolist())


def test_an_output_layer_alone_is_read_with_a_warning(tmp_path: Path) -> None:
    path = save_pt(tmp_path, {"lm_head.weight": MATRIX, "norm.weight": MATRIX[0]})
    message = "rows of lm_head.weight, the output layer of a model, not its embeddings: 3"
    with pytest.warns(embstore.EmbstoreWarning, match=f"^{message}$"):
        assert embstore.open(path).vectors.tolist() == MATRIX.tolist()
    assert embstore.open(path, key="lm_head.weight").vectors.tolist() == MATRIX.tolist()


def test_quantized_rows_are_refused_by_name(tmp_path: Path) -> None:
    codes = torch.zeros(3, 2, dtype=torch.uint8)
    state = {"wte.weight": codes, "wte.weight.absmax": torch.ones(3), "h.0.weight": MATRIX, "h.1.weight": MATRIX}
    reason = "quantized: uint8 [3, 2], to be scaled by wte.weight.absmax, which embstore cannot do"
    for options in ({}, {"key": "wte.weight"}, {"dtype": "float32"}):
        found = short_refusal(save_pt(tmp_path, state), **options)
        assert found == f"/table.pt:wte.weight: {reason}; read the checkpoint that it was made from"


def save_checkpoint(folder: Path, name: str = "pytorch_model.bin", words: list[str] = WORDS) -> Path:
    folder.mkdir(exist_ok=True)
    torch.save({"bert.embeddings.word_embeddings.weight": MATRIX, "bert.pooler.weight": -MATRIX}, folder / name)
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in words), encoding="utf-8")
    return folder / name


def test_a_checkpoint_and_its_folder(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path / "bert")
    for place, name in ((path, path.name), (path.parent, f"bert/{path.name}")):
        store = embstore.open(place)
        assert (list(store.itos), store.vectors.tolist()) == (WORDS, MATRIX.tolist())
        assert store.metadata["embstore.source.name"] == name


def test_a_checkpoint_may_have_more_rows_than_words(tmp_path: Path) -> None:
    """As one of safetensors may; another file of torch.save may not."""
    path = save_checkpoint(tmp_path / "bert", words=WORDS[:2])
    for place in (path, path.parent):
        with pytest.warns(embstore.EmbstoreWarning, match="^rows without a word left out: 1$"):
            assert rows_by_word(embstore.open(place)) == {"the": [0.5, -1.5], "frog": [2.25, 3]}
    other = path.rename(path.with_name("other.bin"))
    words = path.with_name("vocab.txt")
    reason = f"3 rows, but 2 words in {words}; a JSON object from word to row may skip rows"
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(other)
    assert str(caught.value) == f"{other}: {reason}"


def save_shards(folder: Path) -> Path:
    name = "pytorch_model-00001-of-00002.bin"
    save_checkpoint(folder, name)
    torch.save({"lm_head.weight": -MATRIX}, folder / name.replace("00001", "00002", 1))
    names = {"lm_head.weight": name.replace("00001", "00002", 1), "bert.embeddings.word_embeddings.weight": name}
    path = folder / "pytorch_model.bin.index.json"
    path.write_text(json.dumps({"metadata": {"total_size": 48}, "weight_map": names}, indent=2))
    return path


def test_shards_are_read_through_their_index(tmp_path: Path) -> None:
    path = save_shards(tmp_path)
    assert sniff(Input(path)).name == "torch"
    for place in (path, tmp_path):
        store = embstore.open(place)
        assert (list(store.itos), store.vectors.tolist()) == (WORDS, MATRIX.tolist())
    (tmp_path / "model.safetensors").write_bytes(b"")  # safetensors come first
    assert sniff(Input(tmp_path)).name == "safetensors"


def test_word_embeddings_of_sentence_transformers(tmp_path: Path) -> None:
    """The layout of `WordEmbeddings.save` in sentence-transformers 3, and its word list, which is never shorter."""
    folder = tmp_path / "0_WordEmbeddings"
    folder.mkdir()
    modules = [{"idx": 0, "name": "0", "path": folder.name, "type": "sentence_transformers.models.WordEmbeddings"}]
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    torch.save({"emb_layer.weight": MATRIX}, folder / "pytorch_model.bin")
    words = folder / "whitespacetokenizer_config.json"
    words.write_text(json.dumps({"vocab": WORDS, "stop_words": ["the"], "do_lower_case": False}))
    assert rows_by_word(embstore.open(tmp_path)) == dict(zip(WORDS, MATRIX.tolist(), strict=True))
    words.write_text(json.dumps({"vocab": WORDS[:2], "stop_words": [], "do_lower_case": False}))
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(tmp_path)
    reason = f"3 rows, but 2 words in {words}; a JSON object from word to row may skip rows"
    assert str(caught.value) == f"{folder / 'pytorch_model.bin'}: {reason}"


@pytest.mark.parametrize("name", ["consolidated.00.pth", "consolidated.01.pth"])
def test_a_part_of_a_checkpoint_of_meta_is_refused(tmp_path: Path, name: str) -> None:
    for part in ("consolidated.00.pth", "consolidated.01.pth"):
        save_checkpoint(tmp_path, part)
    reason = "one of several files that each have a part of the table: read the checkpoint as Hugging Face has it"
    assert short_refusal(tmp_path / name) == f"/{name}: {reason}"


def test_one_file_of_meta_is_read(tmp_path: Path) -> None:
    assert embstore.open(save_checkpoint(tmp_path, "consolidated.00.pth")).vectors.tolist() == MATRIX.tolist()


def test_what_training_leaves_is_looked_into(tmp_path: Path) -> None:
    path = save_pt(tmp_path, {"model": {"emb.weight": torch.nn.Parameter(MATRIX)}, "epoch": 3, "words": WORDS}, None)
    store = embstore.open(path)
    assert (list(store.itos), store.vectors.tolist()) == (WORDS, MATRIX.tolist())
    stoi = {"naïve": 2, "the": 0}
    path = save_pt(tmp_path, {"weight": MATRIX, "vocab": stoi}, None)
    with pytest.warns(embstore.EmbstoreWarning, match="^rows without a word left out: 1$"):
        store = embstore.open(path, vocab="vocab")
    assert rows_by_word(store) == {"the": [0.5, -1.5], "naïve": [1, 0.125]}
    assert (
        short_refusal(save_pt(tmp_path, {"w": MATRIX, "v": {"a": -1}}, None), vocab="v")
        == "/table.pt:v: the word 'a' has row -1"
    )


def test_a_cache_of_torchtext(tmp_path: Path) -> None:
    path = save_pt(tmp_path, (WORDS, {word: row for row, word in enumerate(WORDS)}, MATRIX, 2), None)
    store = embstore.open(path)
    assert (list(store.itos), store.vectors.tolist()) == (WORDS, MATRIX.tolist())


def test_torch_reads_what_it_writes(tmp_path: Path) -> None:
    embstore.save(tmp_path / "s.safetensors", WORDS, MATRIX.numpy())
    embstore.convert(tmp_path / "s.safetensors", tmp_path / "t.pt", dtype="bfloat16")
    itos, stoi, vectors, dim = torch.load(tmp_path / "t.pt", weights_only=True)
    assert (itos, stoi, dim) == (WORDS, {"the": 0, "frog": 1, "naïve": 2}, 2)
    assert vectors.dtype == torch.bfloat16
    assert vectors.tolist() == MATRIX.tolist()


def test_whole_numbers_need_a_dtype(tmp_path: Path) -> None:
    path = save_pt(tmp_path, torch.tensor([[1, 2], [3, 4], [5, 6]]))
    assert short_refusal(path) == "/table.pt: whole numbers (int64), not embeddings; `dtype='float32'` converts them"
    assert embstore.open(path, dtype="float16").vectors.tolist() == [[1, 2], [3, 4], [5, 6]]


def test_python_objects_are_named(tmp_path: Path) -> None:
    """What the message tells to type is executed in tests/cures."""
    path = save_pt(tmp_path, torch.nn.Embedding(3, 2))
    start = "/table.pt: contains Python objects (torch.nn.modules.sparse.Embedding), which would be unpickled: if you"
    assert short_refusal(path).startswith(start)


def test_the_lines_that_leave_objects_out_name_a_new_file(tmp_path: Path) -> None:
    path = save_pt(tmp_path, torch.nn.Embedding(3, 2))
    for name in ("table.pth", "table.ckpt", "table.weights.pt"):
        assert short_refusal(path).endswith(f"weights_only=False)), '/{name}')` leaves them out")
        (tmp_path / name).touch()


def test_a_pickle_is_refused_with_the_lines_that_save_what_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    reason = (
        "a pickle of words and their vectors, which may run any code when it is loaded. Where you trust it, save what "
        "it holds: "
    )
    for protocol in range(6):
        path = Path(f"v{protocol}.kv")
        path.write_bytes(pickle.dumps(dict(zip(WORDS, MATRIX.numpy(), strict=True)), protocol))
        lines = (
            f"import embstore, pickle; table = pickle.load(open('{path}', 'rb')); "
            f"embstore.save('v{protocol}.safetensors', list(table), list(table.values()))"
        )
        assert refusal(path) == refusal(path, format="torch") == f"{path}: {reason}`{lines}`"
        assert output_of(lines) == ""
        store = embstore.open(f"v{protocol}.safetensors")
        assert (list(store.itos), store.vectors.tolist()) == (WORDS, MATRIX.tolist())


def test_a_pickle_of_tensors_is_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "by_word": dict(zip(WORDS, MATRIX, strict=True)),
        "pair": (WORDS, MATRIX),
        "turned": (MATRIX, WORDS),
        "named": {"words": WORDS, "vectors": MATRIX},
        "pairs": list(zip(WORDS, MATRIX, strict=True)),
    }.items():
        Path(f"{name}.pkl").write_bytes(pickle.dumps(value))
        (lines,) = re.findall("`([^`]+)`", refusal(Path(f"{name}.pkl")))
        assert output_of(lines) == ""
        store = embstore.open(f"{name}.safetensors")
        assert (list(store.itos), store.vectors.tolist()) == (WORDS, MATRIX.tolist())


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (MATRIX.to_sparse(), "a torch.sparse_coo tensor of torch.float32, expected a dense floating-point tensor"),
        (
            MATRIX.to(torch.complex64),
            "a torch.strided tensor of torch.complex64, expected a dense floating-point tensor",
        ),
        (torch.zeros(1, 1).expand(1 << 40, 3), f"{12 << 40:,} bytes of rows in a storage of 4: an expanded view"),
    ],
    ids=["sparse", "complex", "expanded"],
)
def test_tensors_that_are_no_table(tmp_path: Path, value: torch.Tensor, reason: str) -> None:
    path = save_pt(tmp_path, {"t": value}, {"a": 0})
    assert short_refusal(path, key="t") == f"/table.pt:t: {reason}"


def test_no_tensor_at_all(tmp_path: Path) -> None:
    path = save_pt(tmp_path, {"epoch": 3})
    assert short_refusal(path) == "/table.pt: no tensor may be the table, as none is a matrix: it has no tensors"
