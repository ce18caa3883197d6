"""Words that are whole numbers, in each format that has them: their decimal text, with a warning."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hypothesis_numpy
from numpy.typing import NDArray
from pyarrow import feather, parquet
from support.refusals import short_refusal
from support.tables import words_and_rows

import embstore
from embstore.codecs.shared import whole_numbers
from embstore.core.batch import Findings

MATRIX = np.array([[0.5, -1.5], [2.25, 3], [1, 0.125]], np.float32)
WORDS = ["the", "frog", "žába"]
KINDS = ["i1", "u1", "<i2", ">u2", "<i4", ">i4", "<u4", "<i8", ">i8", "<u8", ">u8"]


@given(st.sampled_from(KINDS).flatmap(lambda kind: hypothesis_numpy.arrays(kind, st.integers(0, 9))))
def test_any_integer_becomes_its_decimal_text(numbers: NDArray[Any]) -> None:
    tokens = whole_numbers.decimal_tokens(numbers)
    assert [word.decode() for word in tokens.to_bytes()] == [str(number) for number in numbers.tolist()]


def test_the_ends_of_each_kind_and_of_blocks() -> None:
    for kind in KINDS:
        limits = np.iinfo(kind)
        ends = np.array([limits.min, limits.max, 0], kind)
        assert whole_numbers.decimal_tokens(ends).to_bytes() == [b"%d" % limits.min, b"%d" % limits.max, b"0"]
    many = np.arange(-5, whole_numbers.BLOCK + 5)
    assert whole_numbers.decimal_tokens(many).to_bytes() == [b"%d" % number for number in many.tolist()]


def test_the_finding_counts_over_slices_and_shows_the_first() -> None:
    findings = Findings()
    for part in (np.empty(0, np.int8), np.array([17, -4]), np.array([5])):
        whole_numbers.note(whole_numbers.decimal_tokens(part), findings)
    assert findings.messages() == ["words that are whole numbers, as decimal text: 3, the first '17'"]


def as_npz(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "t.npz", m=MATRIX, **arrays)
    return folder / "t.npz"


def as_hdf5(folder: Path, **arrays: Any) -> Path:
    with h5py.File(folder / "t.h5", "w") as file:
        file["m"] = MATRIX
        for name, values in arrays.items():
            text = isinstance(values, np.ndarray) and values.dtype.kind == "U"
            file.create_dataset(name, data=values.astype(object) if text else values)
    return folder / "t.h5"


def as_parquet(folder: Path, **arrays: Any) -> Path:
    parquet.write_table(_table(arrays), folder / "t.parquet")
    return folder / "t.parquet"


def as_arrow(folder: Path, **arrays: Any) -> Path:
    feather.write_feather(_table(arrays), folder / "t.arrow")
    return folder / "t.arrow"


def _table(arrays: dict[str, Any]) -> Any:
    return pa.table({"m": pa.array(MATRIX.tolist(), pa.list_(pa.float32(), 2)), **arrays})


Write = Callable[..., Path]
EACH = pytest.mark.parametrize("write", [as_npz, as_hdf5, as_parquet, as_arrow])
FOUND = "^words that are whole numbers, as decimal text: 3, the first '{}'$"


@EACH
@pytest.mark.parametrize("kind", ["int8", "uint16", "int64", "uint64"])
def test_ids_beside_a_matrix_are_its_words(tmp_path: Path, write: Write, kind: str) -> None:
    limits = np.iinfo(kind)
    ids = np.array([limits.max, limits.min, 17], kind)
    with pytest.warns(embstore.EmbstoreWarning, match=FOUND.format(limits.max)):
        found = words_and_rows(write(tmp_path, ids=ids))
    assert found == ([str(number) for number in ids.tolist()], MATRIX.tolist())


@EACH
def test_text_wins(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path, ids=np.array([17, -4, 5]), words=np.array(WORDS))
    assert words_and_rows(path) == (WORDS, MATRIX.tolist())  # without a warning
    with pytest.warns(embstore.EmbstoreWarning, match=FOUND.format(17)):
        assert words_and_rows(path, vocab="ids")[0] == ["17", "-4", "5"]


@pytest.mark.parametrize("write", [as_npz, as_hdf5])
def test_a_list_of_words_next_to_the_file_wins(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path, ids=np.array([17, -4, 5]), lengths=np.array([1, 1, 1]))
    (tmp_path / "t.vocab.txt").write_text("a\nb\nc\n")
    assert words_and_rows(path)[0] == ["a", "b", "c"]


@EACH
def test_numbers_that_repeat_are_repeated_tokens(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path, labels=np.array([1, 1, 2]))
    with (
        pytest.warns(embstore.EmbstoreWarning, match=FOUND.format(1)),
        pytest.warns(embstore.EmbstoreWarning, match=r"^repeated tokens: 1, the first '1'$"),
    ):
        assert words_and_rows(path) == (["1", "2"], MATRIX[[0, 2]].tolist())


@pytest.mark.parametrize("write", [as_npz, as_hdf5])
@pytest.mark.parametrize("values", [np.array([True, False, True]), np.array([1.0, 2, 3]), np.array([1, 2])])
def test_other_arrays_are_no_words(tmp_path: Path, write: Write, values: NDArray[Any]) -> None:
    names = "t.vocab.txt, t.vocab.json, tokenizer.json, vocab.txt, vocab.json, encoder.json, words.npy"
    path = write(tmp_path, other=values)
    reason = f"no words for 3 rows: none of {names} next to it; `vocab=` names a file with the words"
    assert short_refusal(path) == f"/{path.name}: {reason}"


@pytest.mark.parametrize("write", [as_parquet, as_arrow])
@pytest.mark.parametrize("values", [np.array([True, False, True]), np.array([1.0, 2, 3])])
def test_other_columns_are_no_words(tmp_path: Path, write: Write, values: NDArray[Any]) -> None:
    assert "no column of words: `vocab=` names a file with the words" in short_refusal(write(tmp_path, other=values))


def test_columns_of_whole_numbers_that_are_dimensions_are_no_words(tmp_path: Path) -> None:
    """With dtype= they may be."""
    columns = {"d0": pa.array([1, 2]), "id": pa.array([17, 5]), "d1": pa.array([3, 4])}
    parquet.write_table(pa.table(columns), tmp_path / "t.parquet")
    with pytest.warns(embstore.EmbstoreWarning, match="^words that are whole numbers, as decimal text: 2"):
        assert words_and_rows(tmp_path / "t.parquet", dtype="float32") == (["17", "5"], [[1, 3], [2, 4]])
    parquet.write_table(pa.table(columns | {"n": pa.array([1, 1])}), tmp_path / "t.parquet")
    which = "name one with `vocab=` (d0: int64, id: int64, d1: int64, n: int64)"
    assert short_refusal(tmp_path / "t.parquet", dtype="float32") == f"/t.parquet: 2 columns may be the words: {which}"


def test_a_null_is_no_number(tmp_path: Path) -> None:
    path = as_parquet(tmp_path, ids=pa.array([17, None, 5]))
    assert short_refusal(path) == "/t.parquet:ids: row 1 is null, expected a value in every row"


@pytest.mark.parametrize("name", ["t.vocab.npy", "words.npy"])
def test_a_list_of_ids_in_a_npy(tmp_path: Path, name: str) -> None:
    np.save(tmp_path / "t.npy", MATRIX)
    np.save(tmp_path / name, np.array([17, -4, 2**40]))
    chosen = {} if name == "words.npy" else {"vocab": tmp_path / name}
    with pytest.warns(embstore.EmbstoreWarning, match=FOUND.format(17)):
        assert words_and_rows(tmp_path / "t.npy", **chosen) == (["17", "-4", str(2**40)], MATRIX.tolist())


def test_a_list_of_other_numbers_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "t.npy", MATRIX)
    np.save(tmp_path / "w.npy", np.array([0.5, 1, 2]))
    reason = "<f8 [3], expected an array of words (dtype S or U) or of whole numbers"
    assert short_refusal(tmp_path / "t.npy", vocab=tmp_path / "w.npy") == f"/w.npy: {reason}"


def test_ids_of_many_blocks_stay_with_their_rows(tmp_path: Path) -> None:
    ids = np.random.default_rng(0).permutation(70_000) * 1000
    rows = ids[:, np.newaxis].astype(np.float32)
    np.savez_compressed(tmp_path / "t.npz", ids=ids, rows=rows)
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file.create_dataset("rows", data=rows, chunks=(999, 1))
        file.create_dataset("ids", data=ids, chunks=(1234,), compression="gzip")
    table = {"ids": ids, "rows": pa.array(rows.tolist(), pa.list_(pa.float32(), 1))}
    parquet.write_table(pa.table(table), tmp_path / "t.parquet")
    for name in ("t.npz", "t.h5", "t.parquet"):
        with pytest.warns(embstore.EmbstoreWarning, match="as decimal text: 70,000, "):
            found = words_and_rows(tmp_path / name)
        assert found == ([str(number) for number in ids.tolist()], rows.tolist()), name
