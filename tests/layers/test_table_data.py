"""What `Tables.encode` takes: rows, dicts, frames and Arrow tables, with or without targets; and its messages."""

from __future__ import annotations

import pickle
import sqlite3
from collections import UserDict, defaultdict
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch.utils.data import DataLoader

import embstore
from embstore import Embedding, EmbeddingBag, Tables

pytestmark = pytest.mark.torch

ROWS: list[dict[str, Any]] = [
    {"age": 31, "bought": ["p1", "p2"], "state": "WA", "stars": 4, "paid": 0.5},
    {"age": 62.5, "bought": [], "state": "CA", "stars": 1, "paid": 2},
]
FEATURES: dict[str, Any] = {"age": [31, 62.5], "bought": ([0, 1], [0, 2]), "state": [1, 0]}
NUMBERS: dict[str, Any] = {"stars": [4, 1], "paid": [0.5, 2]}


def tables() -> Tables:
    return Tables(
        {
            "bought": EmbeddingBag.from_vocabulary(["p1", "p2"], 2, init=np.eye(2)),
            "state": Embedding.from_vocabulary(["CA", "WA"], 2, init=[[1, 2], [3, 4]]),
        },
        dense=["age"],
        targets=["stars", "paid"],
    )


class Pandas:
    """A data frame whose `columns` are names, whose `keys` are those, and whose columns are attributes too."""

    def __init__(self, columns: dict[str, Any]) -> None:
        self.held = columns
        self.column_names = "a column may have this name"

    @property
    def columns(self) -> Any:
        return np.array(list(self.held), object)

    def keys(self) -> Any:
        return self.columns

    def __len__(self) -> int:
        return 2

    def __getitem__(self, name: str) -> Any:
        return np.array([*self.held[name], None], object)[:-1]  # a KeyError for a column that is missing

    def __iter__(self) -> Any:
        return iter(self.held)


class Polars:
    """A data frame whose `columns` are names, and whose columns export Arrow data."""

    def __init__(self, columns: dict[str, Any]) -> None:
        self.held = columns

    @property
    def columns(self) -> list[str]:
        return list(self.held)

    def __getitem__(self, name: str) -> Any:
        return pa.chunked_array([self.held[name]])


class Unnamed:
    """Columns that cannot be listed."""

    def __init__(self, columns: dict[str, Any]) -> None:
        self.held = columns

    def __getitem__(self, name: str) -> Any:
        return self.held[name]


def in_columns(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: [row[name] for row in rows] for name in rows[0]}


CONTAINERS: dict[str, Any] = {
    "rows": list,
    "tuple": tuple,
    "other mappings": lambda rows: [UserDict(row) for row in rows],
    "dict": in_columns,
    "pandas": lambda rows: Pandas(in_columns(rows)),
    "polars": lambda rows: Polars(in_columns(rows)),
    "table": pa.Table.from_pylist,
    "record batch": pa.RecordBatch.from_pylist,
    "unnamed": lambda rows: Unnamed(in_columns(rows)),
}
container = pytest.mark.parametrize("make", CONTAINERS.values(), ids=CONTAINERS)


def without(*names: str) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in names} for row in ROWS]


def plain(batch: Any) -> dict[str, Any]:
    return {k: tuple(t.tolist() for t in v) if isinstance(v, tuple) else v.tolist() for k, v in batch.items()}


def message(error: type[Exception], call: Any) -> str:
    with pytest.raises(Exception) as caught:
        call()
    assert type(caught.value) is error
    return str(caught.value)


@container
def test_targets_that_no_row_has_are_left_out(make: Any) -> None:
    model = tables()
    collate = pickle.loads(pickle.dumps(model.collate))
    for encode in (model.encode, collate):
        assert plain(encode(make(ROWS))) == FEATURES | NUMBERS
        assert plain(encode(make(without("paid")))) == FEATURES | {"stars": [4, 1]}
        batch = encode(make(without("stars", "paid")))
        assert plain(batch) == FEATURES
        with pytest.raises(KeyError, match=r"^'stars'$"):
            batch["stars"]
    assert model(batch, concat=True).tolist() == [[31, 0.5, 0.5, 3, 4], [62.5, 0, 0, 1, 2]]


def test_prediction_by_a_data_loader() -> None:
    model, rows = tables(), without("stars", "paid") * 2
    batches = list(DataLoader(rows, batch_size=3, collate_fn=model.collate, num_workers=1))  # type: ignore[arg-type]
    assert [list(batch) for batch in batches] == [["age", "bought", "state"]] * 2
    assert torch.cat([model(batch, concat=True) for batch in batches])[:, 0].tolist() == [31, 62.5, 31, 62.5]


@pytest.mark.parametrize("kind", CONTAINERS)
@pytest.mark.parametrize("name", ["age", "bought", "state"])
def test_a_feature_that_is_missing_is_named(kind: str, name: str) -> None:
    place = "row 0 has no" if kind in ("rows", "tuple", "other mappings") else "the data have no column"
    others = ", ".join(repr(each) for each in ROWS[0] if each != name)
    only = "" if kind == "unnamed" else f", only {others}"
    data = CONTAINERS[kind](without(name))
    assert message(ValueError, lambda: tables().encode(data)) == f"{place} {name!r}{only}"


def test_a_feature_or_a_target_that_some_rows_lack() -> None:
    rows = [ROWS[0], *without("state"), ROWS[1]]
    assert (
        message(ValueError, lambda: tables().encode(rows))
        == "row 1 has no 'state', only 'age', 'bought', 'stars', 'paid'"
    )
    rows = [ROWS[0], *without("stars")]
    assert message(ValueError, lambda: tables().encode(rows)) == (
        "row 1 has no 'stars', only 'age', 'bought', 'state', 'paid': a target must be in all rows, or in none"
    )
    rows = [*without("paid"), ROWS[1]]
    assert message(ValueError, lambda: tables().collate(rows)).startswith("row 0 has no 'paid', only ")


def test_a_name_that_is_nearly_right_is_suggested() -> None:
    columns = in_columns(ROWS)
    columns["State"] = columns.pop("state")
    assert message(ValueError, lambda: tables().encode(columns)) == (
        "the data have no column 'state', only 'age', 'bought', 'stars', 'paid', 'State'; did you mean 'State'?"
    )
    rows = [row | {"bougth": []} for row in without("bought")]
    assert message(ValueError, lambda: tables().encode(rows)).endswith(" 'bougth'; did you mean 'bougth'?")
    assert message(ValueError, lambda: tables().encode({f"c{i}": [1] for i in range(200)})) == (
        "the data have no column 'age', only 'c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7', 'c8', 'c9', 190 more"
    )
    assert message(ValueError, lambda: tables().encode({})) == "the data have no column 'age', only none"


def test_a_default_is_no_column() -> None:
    rows: Any = [defaultdict(int, row) for row in without("age")]
    assert message(ValueError, lambda: tables().encode(rows)).startswith("row 0 has no 'age', only ")
    assert len(rows[0]) == 4


TYPED = pa.Table.from_pylist(ROWS).slice(0, 0)
NOTHING: dict[str, Any] = {name: [] for name in ROWS[0]}


@pytest.mark.parametrize(
    "data",
    [
        [],
        (),
        NOTHING,
        Pandas(NOTHING),
        Polars({name: TYPED[name].combine_chunks() for name in NOTHING}),
        Unnamed(NOTHING),
        TYPED,
        pa.RecordBatch.from_pylist(ROWS).slice(0, 0),
    ],
)
def test_no_rows(data: Any) -> None:
    model = tables()
    batch = model.encode(data)
    assert plain(batch) == {"age": [], "bought": ([], []), "state": [], "stars": [], "paid": []}
    assert model(batch, concat=True).shape == (0, 5)


def test_a_column_that_is_there_twice() -> None:
    table = pa.Table.from_arrays([pa.array([1, 2])] * 2, ["age", "age"])
    assert message(ValueError, lambda: tables().encode(table)) == "the data have 2 columns 'age', expected one"


def test_structured_arrays_are_columns() -> None:
    array = np.array([(31, "WA"), (62, "CA")], [("age", "f4"), ("state", "U2")])
    model = Tables({"state": tables()["state"]}, dense=["age"], targets=["stars"])
    assert plain(model.encode(array)) == {"age": [31, 62], "state": [1, 0]}


@pytest.mark.parametrize(
    ("data", "error", "expected"),
    [
        (["age"], TypeError, "row 0 is a str, expected a dict"),
        ([ROWS[0], ("age", 31)], TypeError, "row 1 is a tuple, expected a dict"),
        ([[31, "WA"]], TypeError, "row 0 is a list, expected a dict"),
        (ROWS[0], ValueError, "the column 'age' is 31, not a list or an array: one row is encoded as a list, [row]"),
        ({"age": [31, 62], "bought": [[], []], "state": "WA"}, ValueError,
         "the column 'state' is 'WA', not a list or an array: one row is encoded as a list, [row]"),
        (in_columns(ROWS) | {"age": np.array(3)}, ValueError,
         "the column 'age' is array(3), not a list or an array: one row is encoded as a list, [row]"),
        (in_columns(ROWS) | {"age": [31, None]}, ValueError, "the column 'age' has None in row 1, expected a number"),
        (in_columns(ROWS) | {"age": ["31", "62"]}, ValueError, "the column 'age' has '31' in row 0, expected a number"),
        (in_columns(ROWS) | {"stars": [None, None]}, ValueError,
         "the column 'stars' has None in row 0, expected a number"),
        (in_columns(ROWS) | {"age": [[1], [2, 3]]}, ValueError,
         "the column 'age' has lists of different lengths, expected numbers"),
        (in_columns(ROWS) | {"paid": [1]}, ValueError,
         "the columns differ in length: {'age': 2, 'bought': 2, 'state': 2, 'stars': 2, 'paid': 1}"),
        *(
            (data, TypeError, "expected a list of rows, each a dict, or columns by name (a dict, a DataFrame, an Arrow "
             f"table), not {type(data).__name__}")
            for data in (None, "rows", iter(ROWS), np.eye(2), 3)
        ),
    ],
)  # fmt: skip
def test_what_is_no_data_is_told(data: Any, error: type[Exception], expected: str) -> None:
    for encode in (tables().encode, tables().collate):
        assert message(error, lambda encode=encode: encode(data)) == expected


def test_rows_of_a_database() -> None:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    rows = connection.execute("select 31 as age").fetchall()
    assert message(TypeError, lambda: tables().encode(rows)) == "row 0 is a Row, expected a dict"
    connection.close()


def test_raw_words_go_through_encode() -> None:
    words = embstore.Embedding.from_vocabulary(["frog", "toad"], 2, init=np.eye(2))
    bag = embstore.EmbeddingBag.from_vocabulary(["frog", "toad"], 2, init=np.eye(2), mode="sum")
    of_words, of_both = "layer(layer.encode(words))", "layer(*layer.encode(words))"
    of_bags = "layer(*layer.encode(bags))"

    def told(layer: str, kind: str, call: str) -> str:
        return f"the input of {layer} is a tensor of ids, not {kind}: words go through encode, as in {call}"

    for given, kind in (
        (["frog"], "list"),
        ("frog", "str"),
        (("frog",), "tuple"),
        (np.array(["frog"]), "ndarray"),
        (pa.array(["frog"]), "StringArray"),
        (None, "NoneType"),
    ):
        assert message(TypeError, lambda given=given: words(given)) == told("Embedding", kind, of_words)
        assert message(TypeError, lambda given=given: bag(given)) == told("EmbeddingBag", kind, of_bags)
    encoded = bag.encode([["frog"]])
    assert message(TypeError, lambda: bag(encoded)) == told("EmbeddingBag", "tuple", of_bags)
    assert eval(of_words, {"layer": words, "words": ["toad", "frog"]}).tolist() == [[0, 1], [1, 0]]
    several = embstore.Embedding.from_vocabulary(["frog", "toad"], 2, oov="hash:3:2")
    assert message(TypeError, lambda: several(several.encode(["frog"]))) == told("Embedding", "tuple", of_both)
    assert eval(of_both, {"layer": several, "words": ["toad", "qzxv"]}).shape == (2, 2)
    bags = [["toad", "frog"], []]
    assert eval(of_bags, {"layer": bag, "bags": bags}).tolist() == [[1, 1], [0, 0]]


def test_raw_rows_go_through_encode() -> None:
    model, told = tables(), "rows and columns go through encode, as in tables(tables.encode(data))"
    columns = in_columns(ROWS)
    batch: Any = model.encode(ROWS)
    for data, expected in (
        (ROWS, "the input of Tables is a batch, not a list"),
        (columns, "'age' in the batch is not made of tensors"),
        (batch | {"age": []}, "'age' in the batch is not made of tensors"),
        (batch | {"bought": columns["bought"]}, "'bought' in the batch is not made of tensors"),
        ({"age": batch["age"]}, "the batch has no 'bought', only 'age'"),
        ({}, "the batch has no 'age', only nothing"),
    ):
        assert message(TypeError, lambda data=data: model(data)) == f"{expected}: {told}"
    assert eval(told.split(" as in ")[1], {"tables": model, "data": columns})["age"].tolist() == [31, 62.5]


@pytest.mark.parametrize("column", [[3, 1, None, 4], pa.array([3, 1, None, 4]), pa.chunked_array([[3, 1], [None, 4]])])
@pytest.mark.parametrize("role", ["dense", "targets"])
def test_a_missing_number_is_named_alike_in_rows_and_columns(column: Any, role: str) -> None:
    words = embstore.Embedding.from_vocabulary(["a"], 2)
    model = embstore.Tables({"word": words}, **{role: ["y"]})  # type: ignore[arg-type]
    expected = "the column 'y' has None in row 2, expected a number"
    assert message(ValueError, lambda: model.encode({"word": ["a"] * 4, "y": column})) == expected
