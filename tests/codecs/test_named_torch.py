"""One tensor a name in files of torch, and words that are whole numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from support.refusals import short_refusal
from support.tables import words_and_rows

import embstore
from embstore.codecs import torch as codec
from embstore.files.input import Input

pytestmark = pytest.mark.torch

Saved = dict[str, torch.Tensor]
VECTORS: Saved = {"the": torch.tensor([0.5, -1.5]), "frog": torch.tensor([2.25, 3]), "žába": torch.tensor([1, 0.125])}
TABLE = (list(VECTORS), [vector.tolist() for vector in VECTORS.values()])
FOUND = "^words that are whole numbers, as decimal text: 3, the first '17'$"
MATRIX = torch.stack(list(VECTORS.values()))


def save_pt(folder: Path, value: Any) -> Path:
    torch.save(value, folder / "t.pt")
    return folder / "t.pt"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_dictionary_from_word_to_vector(tmp_path: Path, dtype: torch.dtype) -> None:
    vectors = {word: vector.to(dtype) for word, vector in VECTORS.items()}
    store = embstore.open(save_pt(tmp_path, vectors))
    assert (list(store.itos), store.vectors.tolist()) == TABLE
    assert store.dtype == str(dtype)[6:].replace("64", "32")


def test_bfloat16_of_safetensors(tmp_path: Path) -> None:
    save_file({word: vector.bfloat16() for word, vector in VECTORS.items()}, tmp_path / "t.safetensors")
    store = embstore.open(tmp_path / "t.safetensors")
    assert {word: store[word].tolist() for word in store.itos} == {word: v.tolist() for word, v in VECTORS.items()}
    assert (list(store.itos), store.dtype) == (sorted(VECTORS), "bfloat16")


def test_parameters_views_and_one_storage(tmp_path: Path) -> None:
    turned = MATRIX.t().contiguous()
    views = {word: turned[:, row] for row, word in enumerate(VECTORS)}  # rows with a stride
    assert words_and_rows(save_pt(tmp_path, views)) == TABLE
    parameters = {word: torch.nn.Parameter(vector) for word, vector in VECTORS.items()}
    assert words_and_rows(save_pt(tmp_path, parameters)) == TABLE


def test_a_dictionary_in_another(tmp_path: Path) -> None:
    value = {"vectors": VECTORS, "meta": {"dim": 2, "words": ["a", "b", "c"]}, "epoch": torch.tensor(3)}
    assert words_and_rows(save_pt(tmp_path, value)) == TABLE
    assert words_and_rows(save_pt(tmp_path, {"model": {"vectors": VECTORS}}), key="model.vectors") == TABLE


def test_several_dictionaries(tmp_path: Path) -> None:
    path = save_pt(tmp_path, {"de": {"a": torch.ones(2), "b": torch.ones(2)}, "en": VECTORS})
    which = "name one with `key=` (en, de)"
    assert short_refusal(path) == f"/t.pt: 2 groups of one vector for each name may be the table: {which}"
    assert words_and_rows(path, key="en") == TABLE
    assert short_refusal(path, key="en", vocab="x") == (
        "/t.pt: its words are the names of its vectors: leave the other words out"
    )


def test_many_blocks_stay_in_order_and_limit_stops(tmp_path: Path) -> None:
    vectors = {f"w{row}": torch.arange(row, row + 300).float() for row in reversed(range(3000))}
    expected = list(vectors), [vector.tolist() for vector in vectors.values()]
    assert words_and_rows(save_pt(tmp_path, vectors)) == expected
    assert words_and_rows(tmp_path / "t.pt", limit=2) == (["w2999", "w2998"], expected[1][:2])


def test_keys_that_are_ids(tmp_path: Path) -> None:
    path = save_pt(tmp_path, dict(zip((17, -4, 2**40), VECTORS.values(), strict=True)))
    with pytest.warns(embstore.EmbstoreWarning, match=FOUND):
        assert words_and_rows(path) == (["17", "-4", str(2**40)], TABLE[1])


@pytest.mark.parametrize(
    "value",
    [
        {"a": torch.ones(2)},
        {"a": torch.ones(2), "b": torch.ones(3)},
        {"a": torch.ones(2), "b": torch.ones(2).half()},
        {"a": torch.ones(2), "b": torch.ones(2).int()},
        {"a": torch.ones(2), "b": torch.tensor(1.0)},
        {"a": torch.ones(2), "b": torch.ones(2), ("c", 1): torch.ones(2)},
        {"state": {0: {"exp_avg": torch.ones(2), "step": torch.tensor(1.0)}}},
    ],
)
def test_what_is_not_one_vector_a_name(tmp_path: Path, value: Any) -> None:
    assert short_refusal(save_pt(tmp_path, value)).startswith("/t.pt: no tensor may be the table")


def test_layers_without_a_matrix(tmp_path: Path) -> None:
    path = save_pt(tmp_path, torch.nn.LayerNorm(4).state_dict())
    reason = "no matrix, and of the names of its vectors, 'weight' is that of a layer's parameter"
    assert short_refusal(path) == f"/t.pt: {reason}; `key='/'` takes all of them for words"
    assert words_and_rows(path, key="/") == (["weight", "bias"], [[1, 1, 1, 1], [0, 0, 0, 0]])
    path = save_pt(tmp_path, {"a": torch.ones(2), "b": torch.ones(3)})
    assert short_refusal(path, key="/") == "/t.pt: 'b' is float32 [3], but 'a' float32 [2]: expected vectors alike"


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (torch.zeros(1).expand(2), "b: 8 bytes of rows in a storage of 4: an expanded view"),
        (
            torch.ones(2).to_sparse(),
            "b: a torch.sparse_coo tensor of torch.float32, expected a dense floating-point tensor",
        ),
    ],
)
def test_each_vector_is_checked_before_it_is_read(tmp_path: Path, second: torch.Tensor, reason: str) -> None:
    path = save_pt(tmp_path, {"a": torch.ones(2), "b": second})
    assert short_refusal(path) == f"/t.pt:{reason}"


@pytest.mark.parametrize("ids", [[17, -4, 2**64 - 1], torch.tensor([17, -4, 5], dtype=torch.int16)])
def test_ids_beside_a_matrix_are_its_words(tmp_path: Path, ids: Any) -> None:
    path = save_pt(tmp_path, {"vectors": MATRIX, "ids": ids, "flags": torch.tensor([True, False, True])})
    listed = ids if isinstance(ids, list) else ids.tolist()
    with pytest.warns(embstore.EmbstoreWarning, match=FOUND):
        assert words_and_rows(path) == ([str(number) for number in listed], TABLE[1])
    (tmp_path / "t.vocab.txt").write_text("a\nb\nc\n")
    assert words_and_rows(path) == (["a", "b", "c"], TABLE[1])


def test_text_wins_and_several_lists_of_numbers_are_named(tmp_path: Path) -> None:
    value = {"vectors": MATRIX, "ids": torch.tensor([17, -4, 5]), "n": [1, 1, 2]}
    which = "name one with `vocab=` (n, ids)"
    assert short_refusal(save_pt(tmp_path, value)) == f"/t.pt: 2 lists of whole numbers may be the words: {which}"
    assert words_and_rows(save_pt(tmp_path, value | {"words": list(VECTORS)})) == TABLE


def test_numbers_beyond_64_bits_are_no_words(tmp_path: Path) -> None:
    path = save_pt(tmp_path, {"vectors": MATRIX, "ids": [1, 2, 2**64]})
    assert short_refusal(path).startswith("/t.pt: no words for 3 rows")


def test_the_names_of_dictionaries_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "MAX_NAMES", 100)
    path = save_pt(tmp_path, {"x" * 60: {"y" * 60: "v"}})
    assert short_refusal(path) == "/t.pt: names of more than 100 characters in nested dictionaries"


def test_dictionaries_that_are_in_many_others_are_bounded(tmp_path: Path) -> None:
    """Some kilobytes that describe a billion names."""
    inner: dict[str, Any] = {f"k{row}": torch.ones(2) for row in range(1000)}
    for _ in range(2):
        inner = {f"k{row}": inner for row in range(1000)}
    path = save_pt(tmp_path, inner)
    assert short_refusal(path) == "/t.pt: more than 100,000 entries in nested dictionaries"


def test_a_list_that_has_many_names_is_looked_at_once(tmp_path: Path) -> None:
    numbers, words = list(range(10)), [str(row) for row in range(10)]
    value = {f"n{row}": [numbers, words][row % 2] for row in range(1000)}
    content = codec._Content(Input(save_pt(tmp_path, {})))
    content.collect(value, "")
    assert (len(content.numbers), len(content.words)) == (500, 500)
    assert {key for _, key in content.checked} == {id(value), id(numbers), id(words)}
