"""`embstore.save` takes vectors as people have them: tensors, data frames, columns, and lists of rows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from numpy.typing import NDArray
from support.columns import Series, assert_saved
from support.running import output_of

import embstore

WORDS = ["the", "frog"]
ROWS = np.array([[0.5, -1.5, 2.25], [3.0, 0.1, -0.0]], np.float32)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.safetensors"


def check(path: Path, rows: NDArray[Any] = ROWS, dtype: str = "float32") -> None:
    assert_saved(path, WORDS, rows, dtype)


class Frame:
    """A data frame as pandas has it: NumPy gets its numbers, and Arrow its columns."""

    shape = (2, 3)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return ROWS.astype(object)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        raise AssertionError("columns, not rows")


def fixed(rows: NDArray[Any]) -> pyarrow.Array:
    return pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(rows.reshape(-1)), rows.shape[1])


SEVERAL_WAYS: dict[str, Any] = {
    "a list of arrays": list(ROWS),
    "a tuple of lists": tuple(ROWS.tolist()),
    "an array of objects": ROWS.astype(object),
    "an array of arrays": Series(list(ROWS)).__array__(),
    "a series of arrays": Series(list(ROWS)),
    "a series of lists": Series(ROWS.tolist()),
    "a series of tuples": Series([tuple(row) for row in ROWS.tolist()]),
    "a data frame": Frame(),
    "lists of fixed size": fixed(ROWS),
    "a slice of lists of fixed size": fixed(np.concatenate([ROWS[::-1], ROWS]))[2:],
    "lists": pyarrow.array(ROWS.tolist(), pyarrow.list_(pyarrow.float32())),
    "large lists of doubles": pyarrow.array(ROWS.tolist(), pyarrow.large_list(pyarrow.float64())),
    "several chunks": pyarrow.chunked_array([fixed(ROWS[:1]), fixed(ROWS[1:])]),
    "a table": pyarrow.table({name: ROWS[:, i] for i, name in enumerate("abc")}),
}


@pytest.mark.parametrize("vectors", SEVERAL_WAYS.values(), ids=SEVERAL_WAYS)
def test_rows_are_saved_exactly(out: Path, vectors: Any) -> None:
    embstore.save(out, WORDS, vectors)
    check(out)


@pytest.mark.parametrize("tokens", [pyarrow.array(WORDS), pyarrow.chunked_array([WORDS]), np.array(WORDS), iter(WORDS)])
def test_columns_of_words(out: Path, tokens: Any) -> None:
    embstore.save(out, tokens, ROWS)
    check(out)


def test_a_null_among_the_words_is_refused(out: Path) -> None:
    with pytest.raises(TypeError, match=r"^token 1 is None, expected a str$"):
        embstore.save(out, pyarrow.array(["the", None]), ROWS)


HALF = ROWS.astype(np.float16)


@pytest.mark.parametrize("vectors", [HALF, list(HALF), Series(list(HALF)), fixed(HALF), HALF.astype(">f2")], ids=str)
def test_float16_stays_float16(out: Path, vectors: Any) -> None:
    embstore.save(out, WORDS, vectors)
    check(out, HALF, "float16")


def test_whole_numbers_among_floating_rows_are_numbers(out: Path) -> None:
    embstore.save(out, WORDS, Series([[1, 2], [0.5, 4]]))
    check(out, np.array([[1, 2], [0.5, 4]], np.float32))


RAGGED = "row 1 of the vectors has 1 numbers, expected 2 as in row 0"
REFUSED: list[tuple[Any, str]] = [
    ([[1.0, 2.0], [1.0]], RAGGED),
    (Series([[1.0, 2.0], [1.0]]), RAGGED),
    (Series([np.ones(2), np.ones(1)]), RAGGED),
    (pyarrow.array([[1.0, 2.0], [1.0]]), RAGGED),
    ([[1.0, 2.0], [1.0, "x"]], "row 1 of the vectors is [1.0, 'x'], expected a row of numbers"),
    ([[1.0, 2.0], [1.0, None]], "row 1 of the vectors is [1.0, None], expected a row of numbers"),
    (Series([[1.0, 2.0], None]), "row 1 of the vectors is None, expected a row of numbers"),
    (Series([[1.0, 2.0], float("nan")]), "row 1 of the vectors is nan, expected a row of numbers"),
    ([[1.0], [[1.0], [2.0, 3.0]]], "row 1 of the vectors is [[1.0], [2.0, 3.0]], expected a row of numbers"),
    (Series(["a", [1.0]]), "row 0 of the vectors is 'a', expected a row of numbers"),
    (
        [[0.5] * 2, ["x" * 60] * 2],
        f"row 1 of the vectors is {str(['x' * 60])[:-1][:57]}..., expected a row of numbers",
    ),
    (pyarrow.array([[1.0], None]), "row 1 of the vectors is null, expected a row of numbers"),
    (pyarrow.array([[1.0, 2.0], [3.0, None]]), "row 1 of the vectors contains a null, expected a row of numbers"),
    (pyarrow.array([1.0, 2.0]), "vectors in a column of double: expected a column of lists of numbers"),
    (pyarrow.array([[1], [2]]), "vectors of int64: expected a floating dtype; convert them with astype first"),
    (Series([[1], [2]]), "vectors of int64: expected a floating dtype; convert them with astype first"),
    (pyarrow.array([["a"], ["b"]]), "vectors of object: expected a floating dtype; convert them with astype first"),
    (pyarrow.array([], pyarrow.list_(pyarrow.float32())), "2 tokens need vectors of shape (2, dim), not (0, 0)"),
    (np.zeros(2, [("a", "f4")]), "2 tokens need vectors of shape (2, dim), not (2,)"),
    ([], "2 tokens need vectors of shape (2, dim), not (0,)"),
    ({"a": 1.0}, "2 tokens need vectors of shape (2, dim), not ()"),
]


@pytest.mark.parametrize(("vectors", "message"), REFUSED)
def test_what_is_no_matrix_is_named(out: Path, vectors: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        embstore.save(out, WORDS, vectors)
    assert not out.exists()


def test_arrays_and_columns_import_no_other_library(out: Path) -> None:
    code = (
        "import sys, numpy as np, embstore; embstore.save(sys.argv[1], ['a'], [np.ones(2)]);"
        "print({'torch', 'pyarrow', 'pandas', 'polars'} & sys.modules.keys())"
    )
    assert output_of(code, out) == "set()\n"


def test_words_of_a_mapping_to_rows_are_taken_by_row(out: Path) -> None:
    """Tokenizers of transformers return such mappings in any order."""
    rows = np.eye(3, dtype=np.float32)
    embstore.save(out, {"c": 2, "a": 0, "b": 1}, rows)
    saved = embstore.open(out)
    assert list(saved) == ["a", "b", "c"]
    np.testing.assert_array_equal(saved["c"], rows[2])
    embstore.save(out, {"c": 7, "a": 9, "b": 0}, rows, overwrite=True)  # counts
    assert list(embstore.open(out)) == ["c", "a", "b"]
