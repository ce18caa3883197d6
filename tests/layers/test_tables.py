"""`Tables`: rows or columns in, a batch of tensors, and vectors by feature or one matrix out."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pyarrow
import pytest
import torch
from torch.utils.data import DataLoader

import embstore
from embstore import Embedding, EmbeddingBag, Tables

pytestmark = pytest.mark.torch

ROWS: list[dict[str, Any]] = [
    {"age": 31, "bought": ["p1", "p3"], "state": "WA", "review": ["good", "but", "bad"], "stars": 4, "id": "x"},
    {"age": 62.5, "bought": [], "state": "CA", "review": [], "stars": 1, "id": "y"},
    {"age": 18, "bought": ["p2"], "state": "??", "review": ["good"], "stars": 5, "id": "z"},
]
COLUMNS = {name: [row[name] for row in ROWS] for name in ROWS[0]}


def shop_tables(**options: Any) -> Tables:
    products = EmbeddingBag.from_pretrained(np.eye(3, dtype="f4") * 2, tokens=["p1", "p2", "p3"], mode="sum")
    states = Embedding.from_vocabulary(["CA", "WA"], 2, oov="zero", init=[[1, 2], [3, 4]])
    words = np.array([[1], [2], [3]], np.float32)
    review = Embedding.from_pretrained(words, tokens=["good", "bad", "but"], padding=True)
    layers: dict[str, Embedding | EmbeddingBag] = {"bought": products, "state": states, "review": review}
    return Tables(layers, **({"dense": ["age"], "targets": ["stars"], "lengths": {"review": 2}} | options))


def plain(batch: Any) -> dict[str, Any]:
    return {k: tuple(t.tolist() for t in v) if isinstance(v, tuple) else v.tolist() for k, v in batch.items()}


BATCH = {
    "age": [31, 62.5, 18],
    "bought": ([0, 2, 1], [0, 2, 2]),
    "state": [1, 0, 2],
    "review": [[0, 2], [3, 3], [0, 3]],
    "stars": [4, 1, 5],
}
FRAMES = {
    "rows": ROWS,
    "tuple of rows": tuple(ROWS),
    "columns": COLUMNS,
    "arrow": pyarrow.Table.from_pylist(ROWS),
    "arrow of float32": pyarrow.table(COLUMNS | {"age": pyarrow.array(COLUMNS["age"], pyarrow.float32())}),
    "arrays": COLUMNS | {"age": np.array(COLUMNS["age"]), "stars": np.array(COLUMNS["stars"])},
}


@pytest.mark.parametrize("data", FRAMES.values(), ids=FRAMES.keys())
def test_rows_and_columns_become_the_same_batch(data: Any) -> None:
    batch = shop_tables().encode(data)
    assert list(batch) == ["age", "bought", "state", "review", "stars"]
    assert plain(batch) == BATCH
    assert isinstance(batch["age"], torch.Tensor)
    assert batch["age"].dtype == torch.float32


def test_forward_gives_the_vectors_of_each_feature() -> None:
    found = shop_tables()(shop_tables().encode(ROWS))
    assert plain(found) == {
        "age": [31, 62.5, 18],
        "bought": [[2, 0, 2], [0, 0, 0], [0, 2, 0]],
        "state": [[3, 4], [1, 2], [0, 0]],
        "review": [[[1], [3]], [[0], [0]], [[1], [0]]],
    }


def test_concat_gives_one_matrix_dense_columns_first() -> None:
    model = shop_tables()
    matrix = model(model.encode(ROWS), concat=True)
    assert matrix.tolist() == [
        [31, 2, 0, 2, 3, 4, 1, 3],
        [62.5, 0, 0, 0, 1, 2, 0, 0],
        [18, 0, 2, 0, 0, 0, 1, 0],
    ]
    assert matrix.shape[1] == model.out_features == 8


def test_lists_of_different_lengths_cannot_be_concatenated() -> None:
    model = shop_tables(lengths={})
    batch = model.encode(ROWS)
    assert model(batch)["review"].shape == (3, 3, 1)
    with pytest.raises(ValueError, match=r"^'review' has lists of words of different lengths: set one with lengths="):
        model(batch, concat=True)


def test_no_rows_give_an_empty_batch() -> None:
    model = shop_tables()
    assert model(model.encode([]), concat=True).shape == (0, 8)
    assert model(model.encode({name: [] for name in COLUMNS}), concat=True).shape == (0, 8)


def test_bags_with_the_last_offset() -> None:
    bag = EmbeddingBag.from_vocabulary(["p1", "p2"], 2, mode="sum", init=np.eye(2), include_last_offset=True)
    model = Tables({"bought": bag})
    batch = model.encode([{"bought": ["p1", "p1"]}, {"bought": []}, {"bought": ["p2"]}])
    assert plain(batch) == {"bought": ([0, 0, 1], [0, 2, 2, 3])}
    assert model(batch, concat=True).tolist() == [[2, 0], [0, 0], [0, 1]]


def test_collate_pickles_without_vectors(tmp_path: Any) -> None:
    path = tmp_path / "wide.safetensors"
    embstore.save(path, ["a", "b"], np.ones((2, 10_000), "f4"))
    model = Tables({"word": Embedding.from_pretrained(path, oov="zero"), "bag": EmbeddingBag.from_pretrained(path)})
    data = pickle.dumps(model.collate)
    assert len(data) < 4096
    batch = pickle.loads(data)([{"word": "b", "bag": ["a", "b"]}])
    assert plain(batch) == {"word": [1], "bag": ([0, 1], [0])}


def test_batches_of_a_data_loader() -> None:
    model = shop_tables()
    batches = list(DataLoader(ROWS, batch_size=2, collate_fn=model.collate))  # type: ignore[arg-type]
    assert plain(batches[1]) == plain(model.encode(ROWS[2:]))
    whole = model(model.encode(ROWS), concat=True)
    assert torch.equal(torch.cat([model(batch, concat=True) for batch in batches]), whole)


def test_move_moves_all_tensors_of_a_batch() -> None:
    batch = shop_tables().encode(ROWS)
    moved = Tables.move(batch, "meta")
    assert list(moved) == list(batch)
    parts = [part for inputs in moved.values() for part in (inputs if isinstance(inputs, tuple) else [inputs])]
    assert [part.device.type for part in parts] == ["meta"] * 6
    assert plain(Tables.move(batch, "cpu")) == plain(batch)
    pinned: Any = {name: list(inputs) if isinstance(inputs, tuple) else inputs for name, inputs in batch.items()}
    assert torch.equal(shop_tables()(pinned, concat=True), shop_tables()(batch, concat=True))


def test_a_module_of_named_layers() -> None:
    model = shop_tables()
    assert list(model) == ["bought", "state", "review"]
    assert len(model) == 3
    assert isinstance(model["bought"], EmbeddingBag)
    assert list(model.state_dict()) == ["layers.bought.weight", "layers.state.weight", "layers.review.weight"]
    assert [name for name, parameter in model.named_parameters() if parameter.requires_grad] == ["layers.state.weight"]
    twin = shop_tables()
    twin.load_state_dict(model.state_dict())
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    batch = model.encode(ROWS)
    assert torch.equal(compiled(batch, concat=True), twin(batch, concat=True))


LAYER = Embedding.from_vocabulary(["a"], 2)


@pytest.mark.parametrize(
    ("layers", "options", "error", "message"),
    [
        ({"a": LAYER}, {"dense": ["a"]}, ValueError, "'a' appears twice among the layers, dense columns and targets"),
        ({"a.b": LAYER}, {}, ValueError, "torch.nn.ModuleDict does not accept the name 'a.b': rename the feature"),
        ({"items": LAYER}, {}, ValueError, "torch.nn.ModuleDict does not accept the name 'items': rename the feature"),
        ({"a": LAYER}, {"lengths": {"b": 3}}, ValueError, "lengths: 'b' is not the name of an Embedding"),
        ({"a": Embedding(2, 2)}, {}, embstore.EmbstoreError,
         "the layer 'a' has no words: use from_pretrained(array, tokens=words)"),
    ],
)  # fmt: skip
def test_invalid_tables_are_refused(layers: Any, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        Tables(layers, **options)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([ROWS[0], {"age": 3}], "row 1 has no 'bought', only 'age'"),
        (COLUMNS | {"age": [1]},
         "the columns differ in length: {'age': 1, 'bought': 3, 'state': 3, 'review': 3, 'stars': 3}"),
        (COLUMNS | {"age": [[1], [2], [3]]},
         "the dense column 'age' has the shape (3, 1), expected a number in each row"),
    ],
)  # fmt: skip
def test_invalid_data_is_refused(data: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        shop_tables().encode(data)
    assert str(caught.value) == message
