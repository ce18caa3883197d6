"""Files of torch.save: tensors, state dicts and torchtext's caches; nothing is unpickled."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from support.refusals import short_refusal
from support.tables import rows_by_word
from support.vocab_files import with_vocab_json

import embstore

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
    layers = torch.nn.ModuleDict({"emb": torch.nn.Embedding(3, 2), "out": torch.nn.Linear(2, 5)})
    path = save_pt(tmp_path, layers.state_dict())
    listed = "emb.weight float32 [3, 2], out.weight float32 [5, 2], out.bias float32 [5]"
    assert short_refusal(path) == f"/table.pt: 2 tensors may be the table: name one with key= ({listed})"
    assert short_refusal(path, key="emb") == f"/table.pt: no tensor 'emb': it has {listed}"
    assert short_refusal(path, key="out.bias") == "/table.pt:out.bias: an array of shape (5,), expected (rows, dim)"
    store = embstore.open(path, key="emb.weight")
    assert store.vectors.tolist() == layers["emb"].state_dict()["weight"].tolist()


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


def test_python_objects_are_refused_with_a_cure(tmp_path: Path) -> None:
    cure = "if you trust it, torch.save(torch.load(old, weights_only=False).state_dict(), new) leaves them out"
    path = save_pt(tmp_path, torch.nn.Embedding(3, 2))
    assert short_refusal(path) == f"/table.pt: contains Python objects, which would be unpickled: {cure}"


def test_the_old_format_is_refused_with_a_cure(tmp_path: Path) -> None:
    path = tmp_path / "old.pt"
    torch.save(MATRIX, path, _use_new_zipfile_serialization=False)
    cure = "torch.save(torch.load(old, weights_only=True), new) converts it"
    assert short_refusal(path) == f"/old.pt: written by torch before 1.6, so it cannot be memory-mapped: {cure}"


def test_a_pickle_is_refused_with_the_two_lines_that_save_what_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = (
        "import embstore, pickle; table = pickle.load(open(old, 'rb'))",
        "embstore.save('new.safetensors', list(table), list(table.values()))",
    )
    reason = "a pickle, which may run any code when it is loaded. Where you trust it, two lines save what it holds"
    for protocol in range(6):
        path = tmp_path / f"{protocol}.kv"
        path.write_bytes(pickle.dumps(dict(zip(WORDS, MATRIX.numpy(), strict=True)), protocol))
        expected = f"/{protocol}.kv: {reason}: `{lines[0]}` and, for a dict of words and vectors, `{lines[1]}`"
        assert short_refusal(path) == expected
    monkeypatch.chdir(tmp_path)
    with path.open("rb") as file:  # the first line, but that the file is closed
        exec(lines[1], {"embstore": embstore, "table": pickle.load(file)})
    assert embstore.open("new.safetensors").vectors.tolist() == MATRIX.tolist()
    assert short_refusal(path, format="torch") == "/5.kv: not a zip, which is what torch.save writes"


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
    assert short_refusal(path) == "/table.pt: no tensor may be the table: name one with key= (no tensors)"
