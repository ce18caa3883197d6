"""Sources of an `Embedding` other than stores: other files, arrays, vocabularies without vectors."""

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


def test_a_text_file_in_a_zip(tmp_path: Path) -> None:
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


def test_an_array_without_words_is_viewed_if_frozen_and_copied_if_trained() -> None:
    rows = ROWS.copy()
    layer = Embedding.from_pretrained(rows)
    assert layer.weight.data_ptr() == rows.ctypes.data
    with pytest.raises(
        embstore.EmbstoreError,
        match=r"^the rows of this layer have no words: use from_pretrained\(array, tokens=words\)$",
    ):
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
         "the rows must be floating and (rows, dim), not torch.int64 of shape (6, 5);"
         " dtype=torch.float32 converts them"),
        (ROWS, {"tokens": ["a"]}, ValueError, "1 tokens for 6 rows: each row needs one"),
        (ROWS, {"key": "x"}, TypeError, "key: reading options are for a path, not for ndarray"),
        (ROWS, {"oov": "zero"}, TypeError,
         "oov and padding need tokens=, the words of the rows"),
        ("x", {"tokens": WORDS}, TypeError,
         "tokens= is for arrays: a file contains its words, or vocab= names the file that does"),
        (ROWS, {"max_norm": 1.0}, embstore.EmbstoreError,
         "max_norm scales rows in place, but the rows of a frozen layer may be shared: use freeze=False, which copies"
         " on write, and requires_grad_(False) if the rows must not be trained"),
        (ROWS, {"persistent": False, "freeze": False}, embstore.EmbstoreError,
         "persistent=False leaves the rows out of the state_dict: that needs freeze=True"),
        (ROWS, {"persistent": False}, embstore.EmbstoreError,
         "persistent=False needs rows from a store file with a checksum: write one with embstore.convert or"
         " embstore.save, and open that"),
    ],
)  # fmt: skip
def test_invalid_options_are_refused(
    source: object, options: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        Embedding.from_pretrained(source, **options)  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_a_vocabulary_without_vectors_gets_seeded_rows() -> None:
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


def test_initial_rows_of_a_vocabulary() -> None:
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
    with pytest.raises(TypeError, match=r"^an Encoder already has oov and padding: pass them to Encoder\(\.\.\.\)$"):
        Embedding.from_vocabulary(Encoder(Vocabulary(["a"])), 4, oov="zero")


def test_a_hashed_table_needs_no_vocabulary() -> None:
    layer = Embedding.from_vocabulary([], 16, oov="hash:500", std=0.1, padding=True)
    assert layer.weight.shape == (501, 16)
    assert not layer.weight[0].any()
    assert abs(float(layer.weight[1:].detach().std()) - 0.1) < 0.003
    ids = layer.encode(["new", "newer", "new"]).tolist()
    assert ids[0] == ids[2] != ids[1]
