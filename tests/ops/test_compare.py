"""`compare` against a word-by-word reference, and the loss of conversions to fewer bits."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.tables import in_memory

import embstore
from embstore.core.options import Dtype
from embstore.ops.compare import compare
from embstore.ops.difference import Difference
from embstore.ops.loss import convert_and_compare

NAN, INF = math.nan, math.inf


def about(number: float) -> Any:
    return pytest.approx(number, rel=1e-15)


def test_all_fields_of_a_difference() -> None:
    a = in_memory({"the": [1, 2], "of": [3, 4], "and": [0, 5], "à": [1, 1]})
    b = in_memory({"of": [3, 4.5], "the": [1, 2], "and": [-3, 5], "x": [0, 0], "y": [1, 0], "z": [2, 0]})
    cosine_of = 27 / (5 * math.hypot(3, 4.5))
    cosine_and = 5 / math.hypot(3, 5)
    assert compare(a, b, atol=0.5) == Difference(
        rows=(4, 6),
        dims=(2, 2),
        dtypes=("float32", "float32"),
        only_first=1,
        only_second=3,
        only_first_words=["à"],
        only_second_words=["x", "y", "z"],
        common=3,
        moved=2,
        atol=0.5,
        differing=1,
        largest=3.0,
        largest_at=("and", 0),
        mean_cosine=about((1 + cosine_of + cosine_and) / 3),
        worst_cosine=about(cosine_and),
        worst_word="and",
        neighbours=None,
        bit_equal=False,
    )


def test_equal_tables_in_another_order_are_equal() -> None:
    a, b = in_memory({"a": [1, 2], "b": [NAN, -0.0]}), in_memory({"b": [NAN, -0.0], "a": [1, 2]})
    found = compare(a, b)
    assert (found.equal, found.bit_equal, found.moved, found.largest, found.largest_at) == (True, True, 2, 0.0, None)
    assert (found.mean_cosine, found.worst_cosine, found.worst_word) == (1.0, 1.0, "a")


def test_equal_values_with_different_bits() -> None:
    found = compare(in_memory({"a": [0.0, 1]}), in_memory({"a": [-0.0, 1]}))
    assert (found.equal, found.bit_equal, found.largest) == (True, False, 0.0)


@pytest.mark.parametrize(
    ("a", "b", "largest", "cosine"),
    [
        ([0, 0], [0, 0], 0.0, 1.0),
        ([0, 0], [1, 0], 1.0, 0.0),
        ([1, 0], [-1, 0], 2.0, -1.0),
        ([NAN, 1], [NAN, 1], 0.0, None),
        ([NAN, 1], [2, 1], INF, None),
        ([INF, 1], [INF, 1], 0.0, 1.0),
        ([INF, 1], [-INF, 1], INF, None),
        ([3e38, 0], [-3e38, 0], 2 * float(np.float32(3e38)), -1.0),
        ([1e-45, 0], [1e-45, 1e-45], float(np.float32(1e-45)), 0.5**0.5),
    ],
)
def test_one_row(a: list[float], b: list[float], largest: float, cosine: float | None) -> None:
    found = compare(in_memory({"a": a}), in_memory({"a": b}))
    assert found.largest == largest
    assert found.worst_cosine == (cosine if cosine is None else about(cosine))
    assert found.mean_cosine == found.worst_cosine
    assert found.equal == (largest == 0)


def test_a_difference_of_just_atol_passes() -> None:
    a, b = in_memory({"a": [1, 1]}), in_memory({"a": [1, 1.25]})
    assert compare(a, b, atol=0.25).equal
    assert compare(a, b, atol=0.249).differing == 1
    assert not compare(a, b, atol=0.249).equal


@pytest.mark.parametrize("atol", [-1e-9, NAN])
def test_invalid_atol_is_refused(atol: float) -> None:
    with pytest.raises(ValueError) as caught:
        compare("no such file", "nor this", atol=atol)
    assert str(caught.value) == f"atol={atol}: expected 0 or more"


def test_tables_of_different_dims_are_compared_by_their_words_only() -> None:
    found = compare(in_memory({"a": [1, 2], "b": [1, 2]}), in_memory({"a": [1, 2, 3]}))
    assert (found.dims, found.common, found.only_first_words, found.differing) == ((2, 3), 1, ["b"], 1)
    assert (found.largest, found.mean_cosine, found.worst_word, found.equal, found.bit_equal) == (
        None, None, None, False, False
    )  # fmt: skip


def test_tables_without_a_common_word() -> None:
    found = compare(in_memory({"a": [1, 2]}), in_memory({"b": [1, 2]}), neighbours=True)
    assert (found.common, found.differing, found.largest, found.worst_cosine) == (0, 0, None, None)
    assert (found.neighbours, found.equal, found.bit_equal) == (None, False, False)


def test_words_of_only_one_table_are_counted_and_five_are_listed() -> None:
    found = compare(in_memory({str(i): [i, 0] for i in range(9)}), in_memory({"8": [8, 0]}))
    assert (found.only_first, found.only_first_words, found.common, found.moved) == (8, ["0", "1", "2", "3", "4"], 1, 1)


VALUES = st.sampled_from([0.0, -0.0, 1.0, -1.5, 3e-5, 1e30, NAN, INF])
ROWS = st.dictionaries(st.text(max_size=2), st.lists(VALUES, min_size=2, max_size=2), min_size=1, max_size=8)


@given(ROWS, ROWS, st.sampled_from([0.0, 0.5, 2.5]), st.integers(1, 3))
def test_result_equals_a_word_by_word_reference(
    a: dict[str, list[float]], b: dict[str, list[float]], atol: float, step: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("embstore.ops.compare.BLOCK_BYTES", step * 16)  # rows per block
        found = compare(in_memory(a), in_memory(b), atol)
    common = [word for word in a if word in b]
    gaps = [max(gap(x, y) for x, y in zip(rows(a, word), rows(b, word), strict=True)) for word in common]
    assert found.common == len(common)
    assert (found.only_first, found.only_second) == (len(a) - len(common), len(b) - len(common))
    assert found.only_first_words == [word for word in a if word not in b][:5]
    assert found.only_second_words == [word for word in b if word not in a][:5]
    assert found.moved == sum(list(a).index(word) != list(b).index(word) for word in common)
    assert found.differing == sum(g > atol for g in gaps)
    assert found.largest == (max(gaps) if common else None)
    if found.largest_at:
        word, column = found.largest_at
        assert gap(rows(a, word)[column], rows(b, word)[column]) == found.largest
    assert found.equal == (a.keys() == b.keys() and found.differing == 0)


def rows(of: dict[str, list[float]], word: str) -> list[float]:
    """A word's values as float32."""
    return [float(np.float32(value)) for value in of[word]]


def gap(x: float, y: float) -> float:
    """Absolute difference of two values; 0 for two NaN."""
    if x == y or (math.isnan(x) and math.isnan(y)):
        return 0.0
    return INF if math.isnan(x - y) else abs(x - y)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int8"])
def test_conversion_to_fewer_bits(tmp_path: Path, dtype: Dtype) -> None:
    vectors = np.random.default_rng(1).standard_normal((50, 8), np.float32)
    embstore.save(tmp_path / "a.safetensors", [f"w{i}" for i in range(50)], vectors)
    embstore.convert(tmp_path / "a.safetensors", tmp_path / "b.safetensors", dtype=dtype)
    found = compare(tmp_path / "a.safetensors", str(tmp_path / "b.safetensors"))
    lost = np.abs(embstore.open(tmp_path / "b.safetensors").vectors.astype(np.float64) - vectors)
    assert (found.dtypes, found.largest) == (("float32", dtype), lost.max())
    assert found.largest_at == (f"w{lost.argmax() // 8}", int(lost.argmax()) % 8)
    assert not found.bit_equal
    assert compare(tmp_path / "b.safetensors", tmp_path / "b.safetensors").bit_equal


def test_text_and_its_store_are_equal(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("the 0.5 1\nfrog -1 2.25\ngrün 3e-05 0\n", encoding="utf-8")
    embstore.convert(tmp_path / "t.txt", tmp_path / "t.safetensors", oov="hash:3", padding=True)
    assert compare(tmp_path / "t.txt", tmp_path / "t.safetensors").bit_equal


def nearest(vectors: Any, own: int, count: int = 10) -> set[int]:
    """Positions of the nearest neighbours of a row, by sorting all cosines."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit @ unit[own]
    order = [i for i in np.argsort(-cosines, kind="stable").tolist() if i != own]
    last, next_one = cosines[order[count - 1 : count + 1]] if len(order) > count else (1, 0)
    assume(last - next_one > 1e-6)  # float32 may order a near tie either way
    return set(order[:count])


@given(st.integers(0, 1000), st.integers(2, 40))
def test_neighbours_equal_those_found_by_sorting(seed: int, count: int) -> None:
    drawn = np.random.default_rng(seed)
    before = drawn.standard_normal((count, 4))
    after = (before + drawn.standard_normal((count, 4)) * 0.3).astype(np.float32)
    before = before.astype(np.float32)
    order = drawn.permutation(count)  # the second table has another order and more words
    a = in_memory({f"w{i}": before[i].tolist() for i in range(count)} | {"only a": [1, 0, 0, 0]})
    b = in_memory({"only b": [9.0, 0, 0, 0]} | {f"w{i}": after[i].tolist() for i in order.tolist()})
    pairs = [(nearest(before.astype(np.float64), i), nearest(after.astype(np.float64), i)) for i in range(count)]
    expected = sum(len(x & y) for x, y in pairs) / sum(len(x) for x, _ in pairs)
    assert compare(a, b, neighbours=True).neighbours == expected


def test_neighbours_of_equal_tables_and_of_a_single_word(tmp_path: Path) -> None:
    vectors = np.random.default_rng(2).standard_normal((1200, 4), np.float32)
    words = [f"w{i}" for i in range(1200)]
    embstore.save(tmp_path / "a.safetensors", words, vectors)
    assert compare(tmp_path / "a.safetensors", tmp_path / "a.safetensors", neighbours=True).neighbours == 1.0
    assert compare(in_memory({"alone": [1, 2]}), in_memory({"alone": [1, 2]}), neighbours=True).neighbours is None


@pytest.mark.parametrize("target", ["t.safetensors", "t.npz", "t.vec"])
@pytest.mark.parametrize("options", [{}, {"normalize": True}, {"lower": True, "limit": 90}])
def test_loss_is_due_to_rounding_alone(tmp_path: Path, target: str, options: dict[str, Any]) -> None:
    vectors = np.random.default_rng(3).standard_normal((100, 8), np.float32) * 3
    vectors[7] = 0
    embstore.save(tmp_path / "a.safetensors", [f"w{i}" for i in range(100)], vectors)
    options = {"drop_zeros": True, "dtype": "float16", **options}
    with pytest.warns(embstore.EmbstoreWarning) as caught:
        report, loss = convert_and_compare(tmp_path / "a.safetensors", tmp_path / target, **options)
    assert [str(warning.message) for warning in caught] == ["rows of zeros left out: 1, the first 'w7'"]
    assert loss.rows == (report.rows, report.rows)
    assert (loss.only_first, loss.only_second, loss.moved, loss.dtypes[0]) == (0, 0, 0, "float32")
    assert loss.largest is not None
    assert 0 < loss.largest < 2**-11 * (1 if "normalize" in options else 16)
    assert loss.neighbours is not None
    assert 0.98 < loss.neighbours <= 1
    assert {path.name for path in tmp_path.iterdir()} == {"a.safetensors", target}


def test_loss_of_a_conversion_in_place(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    embstore.save(path, ["a", "b"], np.array([[0.1, 1], [2, 3]], np.float32))
    _, loss = convert_and_compare(path, path, dtype="float16", overwrite=True)
    assert (loss.dtypes, loss.differing) == (("float32", "float16"), 1)


@pytest.mark.parametrize(
    ("target", "options", "error", "message"),
    [
        ("b", {"to": "model2vec"}, embstore.EmbstoreError,
         "the loss is measured by reading {path} back, but embstore does not read the format model2vec"),
        ("a.safetensors", {}, FileExistsError, "{path}: exists already; `overwrite=True` replaces it"),
    ],
)  # fmt: skip
def test_loss_that_cannot_be_measured_is_refused_first(
    tmp_path: Path, target: str, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    embstore.save(tmp_path / "a.safetensors", ["a"], np.ones((1, 2), np.float32))
    with pytest.raises(error) as caught:
        convert_and_compare(tmp_path / "a.safetensors", tmp_path / target, **options)
    assert str(caught.value) == message.replace("{path}", str(tmp_path / target))
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]
