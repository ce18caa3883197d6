"""`concat` and `merge` against a reference with dicts; output of `embstore merge`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.running import Run
from support.tables import Rows, in_memory, rows_by_word

import embstore
from embstore.core.options import Dtype
from embstore.ops.merge import concat, merge

A: Rows = {"the": [1, 2], "of": [3, 4], "à": [5, 6]}
B: Rows = {"of": [5, 0], "frog": [7, 8], "the": [2, 2]}
C: Rows = {"frog": [9, 10], "of": [1, -1], "new": [0, 0]}


EXPECTED: dict[str, Rows] = {
    "first": {"the": [1, 2], "of": [3, 4], "à": [5, 6], "frog": [7, 8], "new": [0, 0]},
    "mean": {"the": [1.5, 2], "of": [3, 1], "à": [5, 6], "frog": [8, 9], "new": [0, 0]},
    "concat": {"of": [3, 4, 5, 0, 1, -1]},
}


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("how", EXPECTED)
def test_three_tables_become_one(how: Any) -> None:
    found = concat([in_memory(A), in_memory(B), in_memory(C)], how)
    assert list(rows_by_word(found).items()) == list(EXPECTED[how].items())
    assert (found.path, found.dtype, found.mapped) == (None, "float32", False)
    found.verify()


def test_first_is_the_default_and_one_table_stays_unchanged() -> None:
    assert rows_by_word(concat([in_memory(B), in_memory(A)])) == B | {"à": [5, 6]}
    for how in EXPECTED:
        assert rows_by_word(concat([in_memory(A)], how)) == A  # type: ignore[arg-type]


def test_concat_accepts_different_dims() -> None:
    wide: Rows = {"à": [1, 1, 1], "the": [0, 1, 2]}
    assert rows_by_word(concat([in_memory(A), in_memory(wide)], "concat")) == {
        "the": [1, 2, 0, 1, 2],
        "à": [5, 6, 1, 1, 1],
    }


@pytest.mark.parametrize(
    ("dtypes", "kept"),
    [
        (("float16", "float16"), "float16"),
        (("bfloat16", "bfloat16"), "bfloat16"),
        (("int8", "int8"), "int8"),
        (("float16", "bfloat16"), "float32"),
        (("int8", "float32"), "float32"),
    ],
)
@pytest.mark.parametrize("how", EXPECTED)
def test_a_common_dtype_is_kept(how: Any, dtypes: tuple[Dtype, Dtype], kept: Dtype) -> None:
    found = concat([in_memory(A, dtypes[0]), in_memory(B, dtypes[1])], how)
    assert found.dtype == kept
    model = model_of([A, B], how)
    assert list(found.itos) == list(model)
    np.testing.assert_allclose(found.vectors, list(model.values()), atol=0.03)


def test_a_mean_is_computed_in_float64_and_rounded_once() -> None:
    third = np.float32(1) / np.float32(3)
    found = concat(
        [in_memory({"a": [3e38, float(third)]}), in_memory({"a": [3e38, 1.0]}), in_memory({"a": [3e38, 1.0]})], "mean"
    )
    expected = np.float32((float(third) + 2) / 3)
    assert found["a"].tolist() == [float(np.float32(3e38)), float(expected)]


def test_infinities_that_cancel_are_counted() -> None:
    tables = [in_memory({"a": [np.inf, 1]}), in_memory({"a": [-np.inf, 1]})]
    with pytest.warns(embstore.EmbstoreWarning) as caught:
        found = concat(tables, "mean")
    assert [str(w.message) for w in caught] == ["rows with NaN, Inf or a value beyond the dtype: 1, the first 'a'"]
    np.testing.assert_array_equal(found["a"], [np.nan, 1])


def model_of(tables: list[Rows], how: str) -> Rows:
    words = list(dict.fromkeys(word for rows in tables for word in rows))
    have = {word: [rows[word] for rows in tables if word in rows] for word in words}
    if how == "first":
        return {word: rows[0] for word, rows in have.items()}
    if how == "mean":
        return {word: np.mean(rows, axis=0).tolist() for word, rows in have.items()}
    return {word: [x for row in rows for x in row] for word, rows in have.items() if len(rows) == len(tables)}


NUMBERS = st.integers(-8, 8).map(float)
TABLES = st.lists(
    st.dictionaries(st.sampled_from("abcdeé"), st.lists(NUMBERS, min_size=2, max_size=2), min_size=1),
    min_size=1,
    max_size=4,
)


@given(TABLES, st.sampled_from(list(EXPECTED)), st.integers(1, 4))
def test_result_equals_a_reference_with_dicts(tables: list[Rows], how: Any, step: int) -> None:
    model = model_of(tables, how)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("embstore.ops.merge.BLOCK_BYTES", step * 16)  # rows per block
        if not model:
            with pytest.raises(embstore.FormatError) as caught:
                concat([in_memory(rows) for rows in tables], how)
            label = " + ".join(["memory"] * len(tables))
            assert str(caught.value) == f"{label}: no rows: the input holds none, or all were left out"
            return
        found = concat([in_memory(rows) for rows in tables], how)
    assert list(found.itos) == list(model)
    np.testing.assert_array_equal(found.vectors, np.array(list(model.values()), np.float32))


@pytest.fixture
def folder_to_merge(tmp_path: Path) -> Path:
    """A folder with tables as text, and one as a store with special rows."""
    (tmp_path / "a.txt").write_text("the 1 2\nof 3 4\nà 5 6\n", encoding="utf-8")
    (tmp_path / "plain.txt").write_text("of 5 0\nfrog 7 8\nthe 2 2\n", encoding="utf-8")
    (tmp_path / "wide.txt").write_text("of 5 0 1\n", encoding="utf-8")
    embstore.convert(tmp_path / "plain.txt", tmp_path / "b.safetensors", oov="hash:4", padding=True)
    return tmp_path


@pytest.mark.filterwarnings("ignore:rows not of length 1")
@pytest.mark.parametrize("target", ["o.safetensors", "o.txt", "o.vec", "o.npz", "o.h5", "o.parquet", "o.fifu"])
@pytest.mark.parametrize("how", EXPECTED)
def test_any_format_is_written(folder_to_merge: Path, how: Any, target: str) -> None:
    report = merge(
        [folder_to_merge / "a.txt", str(folder_to_merge / "b.safetensors")], folder_to_merge / target, how=how
    )
    found = embstore.open(folder_to_merge / target)
    model = model_of([A, B], how)
    assert list(found.itos) == list(model)
    np.testing.assert_allclose(found.vectors, list(model.values()), rtol=2e-7 if target == "o.fifu" else 0)
    assert (report.rows, report.dim, report.dtype, report.duplicates) == (len(model), len(model["of"]), "float32", 0)
    assert (report.source, report.bytes) == ("a.txt + b.safetensors", (folder_to_merge / target).stat().st_size)


def test_provenance_names_the_merged_tables(folder_to_merge: Path) -> None:
    merge(
        [folder_to_merge / "a.txt", folder_to_merge / "b.safetensors"],
        folder_to_merge / "o.safetensors",
        how="mean",
        dtype="float16",
    )
    with embstore.open(folder_to_merge / "o.safetensors") as store:
        noted = {key: value for key, value in store.metadata.items() if key.startswith("embstore.source.")}
        assert noted == {
            "embstore.source.name": "a.txt + b.safetensors",
            "embstore.source.format": "merge",
            "embstore.source.options": "how=mean",
        }
        assert (store.special, store.dtype) == (0, "float16")
        store.verify()


def test_int8_becomes_float32_in_formats_without_scales(folder_to_merge: Path) -> None:
    embstore.convert(folder_to_merge / "a.txt", folder_to_merge / "a8.safetensors", dtype="int8")
    assert merge([folder_to_merge / "a8.safetensors"] * 2, folder_to_merge / "o.npz").dtype == "float32"
    assert merge([folder_to_merge / "a8.safetensors"] * 2, folder_to_merge / "o.safetensors").dtype == "int8"


@pytest.mark.parametrize(
    ("tables", "options", "error", "message"),
    [
        ([], {}, ValueError, "no tables: expected one or more"),
        ("a.txt", {}, TypeError, "expected a list of tables, not one: 'a.txt'"),
        (["a.txt"], {"how": "last"}, ValueError, "how='last': expected one of first, mean, concat"),
        (["none.txt"], {}, FileNotFoundError, "[Errno 2] No such file or directory: 'none.txt'"),
        (["a.txt", "b.safetensors", "wide.txt"], {"how": "mean"}, ValueError,
         "a.txt has 2 dims and wide.txt has 3: mean needs equal ones; `how='concat'` concatenates the rows of common "
         "words"),
        (["a.txt"], {"to": "fasttext"}, embstore.EmbstoreError, "the format fasttext is read only"),
        (["a.txt"], {"to": "npz", "dtype": "int8"}, embstore.EmbstoreError,
         "npz cannot store int8, which needs a scale for each row, as a store has; `dtype='float32'` writes the values "
         "themselves"),
    ],
)  # fmt: skip
def test_refused_merges_leave_no_file(
    folder_to_merge: Path,
    monkeypatch: pytest.MonkeyPatch,
    tables: Any,
    options: Any,
    error: type[Exception],
    message: str,
) -> None:
    monkeypatch.chdir(folder_to_merge)
    before = sorted(folder_to_merge.iterdir())
    with pytest.raises(error) as caught:
        merge(tables, "o.safetensors", **options)
    assert str(caught.value) == message
    assert sorted(folder_to_merge.iterdir()) == before


@pytest.mark.usefixtures("folder_to_merge")
def test_the_command_reports_on_stderr(run: Run) -> None:
    code, out, err = run("merge", "a.txt", "b.safetensors", "o.txt")
    assert (code, out) == (0, "")
    assert re.fullmatch(r"o\.txt: 4 x 2 float32, 31 bytes in 0\.\d\d s\n", err)
    assert Path("o.txt").read_text(encoding="utf-8") == "the 1 2\nof 3 4\nà 5 6\nfrog 7 8\n"
    assert run("merge", "b.safetensors", "a.txt", "o.txt", "--how", "concat", "--overwrite", "--quiet") == (0, "", "")
    assert Path("o.txt").read_text(encoding="utf-8") == "of 5 0 3 4\nthe 2 2 1 2\n"


@pytest.mark.usefixtures("folder_to_merge")
def test_the_command_prints_one_object(run: Run) -> None:
    code, out, err = run("merge", "a.txt", "b.safetensors", "o.safetensors", "--how", "mean", "--json")
    report = json.loads(out)
    assert (code, err, report["source"], report["target"]) == (0, "", "a.txt + b.safetensors", "o.safetensors")
    assert (report["rows"], report["dim"], report["duplicates"], report["findings"]) == (4, 2, 0, [])


@pytest.mark.parametrize(
    ("arguments", "code", "last"),
    [
        (["a.txt", "o.txt"], 2, "Error: Name two tables or more, and OUT last."),
        (["a.txt", "b.safetensors", "o.txt", "--how", "sum"], 2,
         "Error: Invalid value for '--how': 'sum' is not one of 'first', 'mean', 'concat'."),
        (["a.txt", "plain.txt", "b.safetensors"], 1,
         "error: b.safetensors: exists already; `--overwrite` replaces it"),
        (["a.txt", "wide.txt", "o.txt"], 1, "error: a.txt has 2 dims and wide.txt has 3: "
         "first needs equal ones; `--how concat` concatenates the rows of common words"),
        (["a.txt", "none.txt", "o.txt"], 1, "error: none.txt: No such file or directory"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("folder_to_merge")
def test_errors_of_the_command_are_one_line(run: Run, arguments: list[str], code: int, last: str) -> None:
    found, out, err = run("merge", *arguments)
    assert (found, out, err.splitlines()[-1]) == (code, "", last)
    assert not Path("o.txt").exists()
