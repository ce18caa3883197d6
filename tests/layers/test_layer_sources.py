"""What an `Embedding` can be made from besides a store: foreign files, arrays, vocabularies alone."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

import embstore
from embstore import Embedding, Encoder, Vocabulary

pytestmark = pytest.mark.torch

WORDS = ["the", "frog", "paris", "Paris", "<unk>", "naïve"]
ROWS = np.random.default_rng(5).standard_normal((len(WORDS), 5), np.float32)


def test_a_foreign_file_inside_a_zip_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.txt", "x 1 2\ny 3 4\n")
        archive.writestr("b.txt", "x 5 6 7\n")
    layer = Embedding.from_pretrained(tmp_path / "two.zip", member="a.txt", padding=True)
    assert layer.weight.tolist() == [[1, 2], [3, 4], [0, 0]]
    assert layer.encode([["y", "x"], ["x"]]).tolist() == [[1, 0], [0, 2]]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_an_array_with_its_words_keeps_its_dtype(dtype: torch.dtype) -> None:
    rows = torch.from_numpy(ROWS).to(dtype)
    layer = Embedding.from_pretrained(rows, tokens=WORDS, oov="zero", padding=True)
    assert torch.equal(layer.weight, torch.cat([rows, rows[:2] * 0]))
    assert layer.encode(["Paris", "?"]).tolist() == [3, 7]
    assert Embedding.from_pretrained(rows, tokens=WORDS).weight.data_ptr() == rows.data_ptr()


def test_an_array_without_words_is_what_torch_makes_of_it_but_never_trained_in_place() -> None:
    rows = ROWS.copy()
    layer = Embedding.from_pretrained(rows)
    assert layer.weight.data_ptr() == rows.ctypes.data
    with pytest.raises(embstore.EmbstoreError, match=r"^this layer's rows came without words: from_pretrained\(array,"):
        layer.encode(["the"])
    trained = Embedding.from_pretrained(rows, freeze=False)
    with torch.no_grad():
        trained.weight.zero_()
    np.testing.assert_array_equal(rows, ROWS)


@pytest.mark.parametrize(
    ("source", "options", "error", "message"),
    [
        (ROWS[0], {}, ValueError, "the rows must be floating and (rows, dim), not torch.float32 of shape (5,)"),
        (ROWS.astype(int), {}, ValueError,
         "the rows must be floating and (rows, dim), not torch.int64 of shape (6, 5)"),
        (ROWS, {"tokens": ["a"]}, ValueError, "1 tokens for 6 rows: each row needs one"),
        (ROWS, {"key": "x"}, TypeError, "key: options of reading are for a path, not for ndarray"),
        (ROWS, {"oov": "zero"}, TypeError,
         "oov and padding say what words become: they need tokens=, the words of the rows"),
        ("x", {"tokens": WORDS}, TypeError,
         "tokens= names the rows of an array; a file's words are read with it, or given as vocab="),
        (ROWS, {"max_norm": 1.0}, embstore.EmbstoreError,
         "max_norm scales rows in place, but a frozen layer shares its rows with whatever else is over the same map:"
         " freeze=False gives it a copy-on-write map of its own, and requires_grad_(False) keeps that untrained"),
        (ROWS, {"persistent": False, "freeze": False}, embstore.EmbstoreError,
         "persistent=False leaves the rows out of the state_dict: that needs freeze=True"),
        (ROWS, {"persistent": False}, embstore.EmbstoreError,
         "persistent=False refers to a store file by its sha256, and these rows come from none: write one with"
         " embstore.convert or embstore.save, and open that"),
    ],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused(
    source: object, options: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        Embedding.from_pretrained(source, **options)  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_a_vocabulary_without_vectors_begins_with_seeded_rows() -> None:
    states = ["CA", "WA", "NY"]
    state = torch.random.get_rng_state()
    layer, again = (Embedding.from_vocabulary(Vocabulary(states), 4, oov="zero", padding=True, seed=3) for _ in "ab")
    assert torch.equal(torch.random.get_rng_state(), state)
    assert layer.weight.requires_grad
    assert torch.equal(layer.weight, again.weight)
    assert layer.weight.shape == (5, 4)
    assert layer.padding_idx == 3
    assert not layer.weight[3:].any()
    assert layer.encode(["WA", "??"]).tolist() == [1, 4]
    assert len(set(layer.weight[:3].flatten().tolist())) == 12


def test_a_vocabulary_may_be_given_its_rows() -> None:
    rows = torch.arange(8.0).reshape(2, 4)
    layer = Embedding.from_vocabulary(["a", "b"], 4, oov="mean", init=rows, freeze=True)
    assert layer.weight.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [2, 3, 4, 5]]
    assert not layer.weight.requires_grad
    whole = Embedding.from_vocabulary(Encoder(Vocabulary(["a"]), "zero"), 4, init=rows)
    assert whole.weight.tolist() == rows.tolist()
    with torch.no_grad():
        whole.weight.zero_()
    assert rows.sum() == 28
    with pytest.raises(ValueError, match=r"^init has the shape \(2, 4\), expected \(1, 4\)$"):
        Embedding.from_vocabulary(["a"], 4, init=rows)
    with pytest.raises(TypeError, match=r"^oov and padding are the encoder's own: give them to Encoder\(\.\.\.\)$"):
        Embedding.from_vocabulary(Encoder(Vocabulary(["a"])), 4, oov="zero")


def test_a_table_of_hashed_words_alone_needs_no_vocabulary() -> None:
    layer = Embedding.from_vocabulary([], 16, oov="hash:500", std=0.1, padding=True)
    assert layer.weight.shape == (501, 16)
    assert not layer.weight[0].any()
    assert abs(float(layer.weight[1:].detach().std()) - 0.1) < 0.003
    ids = layer.encode(["new", "newer", "new"]).tolist()
    assert ids[0] == ids[2] != ids[1]
