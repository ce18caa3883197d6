"""HDF5 files whose words are names or whole numbers, and records of pandas and PyTables, written by h5py."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from makers.golden import write_invalid, write_valid

ROWS = ["0.5 -1.5", "2.25 3", "1 0.125"]
MATRIX = np.array([[0.5, -1.5], [2.25, 3], [1, 0.125]], "<f4")
WORDS = ["the", "frog", "\u017e\u00e1ba"]
LABELS = np.array([word.encode() for word in WORDS])
PROTEINS = ["A0A024", "P12345", "Q9Y6K9"]
NUMBERS = "words that are whole numbers, as decimal text: 3, the first {!r}"


def make(folder: Path) -> None:
    """Write the files."""

    def valid(layout: Callable[[Any], None], words: list[str], about: str, **more: Any) -> None:
        name, tokens = more.pop("name", layout.__name__), list[str | bytes](words)
        write_valid(folder, f"{name}.h5", _made(layout), about, tokens, more.pop("rows", ROWS), **more)

    def invalid(layout: Callable[[Any], None], message: str, **more: Any) -> None:
        name = more.pop("name", layout.__name__)
        write_invalid(folder, f"{name}.h5", _made(layout), f"{{path}}{message}", **more)

    valid(named, PROTEINS, "a dataset of float16 for each protein, in the order of the names")
    valid(named_in_a_group, PROTEINS, "a dataset for each name, in a group")
    order = ["the", "frog", "\u017e\u00e1ba"]
    valid(named_in_order, order, "a group that tracks the order in which its datasets were written")
    valid(named_with_a_slash, ["HLA-A", "HLA-B", "HLA-C/D"], "a name with a slash is a dataset in a group")
    rows = [ROWS[0], ROWS[0], ROWS[1]]
    valid(named_twice, ["a", "also a", "b"], "two names of one dataset", rows=rows)
    left_out = "vectors outside of the group that is the table left out: 1, the first 'other/x'"
    valid(named_and_others, PROTEINS, "a vector in another group", warnings=(left_out,))
    one = {"key": "b"}
    valid(named_in_two_groups, PROTEINS, "one of two groups", name="named_by_key", read=one)
    top = {"key": "/"}
    words = ["bias", "the", "weight"]
    valid(named_like_parameters, words, "names as of parameters, taken for words by key=", name="named_top", read=top)
    several = "2 groups of one vector for each name may be the table: name one with `key=` (b, a)"
    invalid(named_in_two_groups, f": {several}")
    reason = "of the names of its vectors, 'bias' is that of a layer's parameter"
    invalid(named_like_parameters, f": no matrix, and {reason}; `key='/'` takes all of them for words")
    unlike = "'the' is float32 [3], but 'frog' float32 [2]: expected vectors alike"
    invalid(named_unlike, f": {unlike}", read=top)
    listed = "the float32 (3,), frog float32 (2,)"
    invalid(named_unlike, f": no floating-point matrix: the file has {listed}", name="named_unlike_unnamed")
    invalid(named, ": its words are the names of its vectors: leave the other words out", read={"vocab": "x"})

    valid(numbers, ["17", "-4", "9000000000"], "ids of products", warnings=(NUMBERS.format("17"),))
    large = ["18446744073709551615", "0", "5"]
    warned = (NUMBERS.format(large[0]),)
    valid(large_numbers, large, "unsigned ids, one of two arrays", read={"vocab": "ids"}, warnings=warned)
    two = "2 datasets may be its words: name one with `vocab=` (ids, lengths)"
    invalid(large_numbers, f":v: {two}")
    valid(pandas_numbers, ["7", "8", "9"], "a pandas frame with ids in its index", warnings=(NUMBERS.format("7"),))

    valid(pandas_table, WORDS, "a pandas data frame, format table, with the index of PyTables")
    warned = (NUMBERS.format("7"),)
    valid(pandas_table_of_numbers, ["7", "8", "9"], "format table with ids in its index", warnings=warned)
    valid(pandas_table_with_words, WORDS, "format table with the words in a column of text")
    valid(pandas_data_columns, WORDS, "format table with a column for each dimension")
    by_name = {"vocab": "b"}
    valid(records_with_two_texts, WORDS, "records with two columns of text", name="records_by_vocab", read=by_name)
    blocks = "several blocks of columns, expected one: the frame has columns of several types"
    invalid(pandas_table_of_two_types, f":df/table: {blocks}")
    invalid(records_with_two_texts, ":r: 2 columns may be its words: name one with `vocab=` (a, b)")


def _made(layout: Callable[[Any], None]) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        layout(file)
    return buffer.getvalue()


def _write(group: Any, names: list[str], dtype: str = "<f4") -> None:
    for name, row in zip(names, MATRIX, strict=True):
        group[name] = row.astype(dtype)


def named(file: Any) -> None:
    """Write a dataset for each protein, not in the order of their names."""
    for row in (2, 0, 1):
        file[PROTEINS[row]] = MATRIX[row].astype("<f2")


def named_in_a_group(file: Any) -> None:
    """Write the datasets into a group, beside another one."""
    _write(file.create_group("some/embeddings"), PROTEINS)
    file["about/model"] = np.array([b"esm"])


def named_in_order(file: Any) -> None:
    """Write a group whose names have the order in which they were written."""
    _write(file.create_group("vectors", track_order=True), WORDS)


def named_with_a_slash(file: Any) -> None:
    """Write a name with a slash, which HDF5 takes for a group."""
    _write(file, ["HLA-A", "HLA-B", "HLA-C/D"])


def named_twice(file: Any) -> None:
    """Give one dataset two names."""
    file["a"], file["b"] = MATRIX[0], MATRIX[1]
    file["also a"] = file["a"]


def named_and_others(file: Any) -> None:
    """Write a vector into another group."""
    _write(file.create_group("embeddings"), PROTEINS)
    file["other/x"] = MATRIX[0]


def named_in_two_groups(file: Any) -> None:
    """Write two groups of vectors."""
    file["a/x"] = file["a/y"] = np.ones(2, "<f4")
    _write(file.create_group("b"), PROTEINS)


def named_like_parameters(file: Any) -> None:
    """Write vectors named like the parameters of a layer."""
    _write(file, ["bias", "the", "weight"])


def named_unlike(file: Any) -> None:
    """Write vectors of two lengths."""
    file["frog"], file["the"] = np.ones(2, "<f4"), np.ones(3, "<f4")


def numbers(file: Any) -> None:
    """Write ids and no text."""
    file["v"], file["ids"] = MATRIX, np.array([17, -4, 9_000_000_000], "<i8")


def large_numbers(file: Any) -> None:
    """Write two arrays of whole numbers and no text."""
    file["v"], file["ids"] = MATRIX, np.array([2**64 - 1, 0, 5], ">u8")
    file["lengths"] = np.ones(3, "i1")


def pandas_numbers(file: Any) -> None:
    """Write a pandas frame in format fixed with whole numbers as labels."""
    file["df/axis0"] = file["df/block0_items"] = np.arange(2)
    file["df/axis1"], file["df/block0_values"] = np.arange(7, 10), MATRIX


def _table(file: Any, **columns: Any) -> None:
    """Write records as pandas does in format table, and the index that PyTables keeps of them."""
    fields = [(name, values.dtype, values.shape[1:]) for name, values in columns.items()]
    records = np.zeros(3, fields)
    for name, values in columns.items():
        records[name] = values
    group = file.create_group("df")
    group.attrs["CLASS"], group.attrs["pandas_type"] = np.bytes_(b"GROUP"), np.bytes_(b"frame_table")
    group.create_dataset("table", data=records, chunks=(2,), maxshape=(None,)).attrs["CLASS"] = np.bytes_(b"TABLE")
    index = group.create_group("_i_table")
    index.attrs["CLASS"] = np.bytes_(b"TINDEX")
    column = index.create_group("index")
    column.attrs["CLASS"] = np.bytes_(b"INDEX")
    column["sorted"], column["ranges"] = np.ones((3, 4)), np.ones((3, 2))


def pandas_table(file: Any) -> None:
    """Write a frame with strings in its index."""
    _table(file, index=LABELS, values_block_0=MATRIX)


def pandas_table_of_numbers(file: Any) -> None:
    """Write a frame with whole numbers in its index."""
    _table(file, index=np.arange(7, 10), values_block_0=MATRIX)


def pandas_table_with_words(file: Any) -> None:
    """Write a frame without an index of its own and with a column of text."""
    _table(file, index=np.arange(3), values_block_0=MATRIX, values_block_1=LABELS.reshape(3, 1))


def pandas_data_columns(file: Any) -> None:
    """Write a frame whose columns are columns of the table, as data_columns=True does."""
    _table(file, index=LABELS, x=MATRIX[:, 0], y=MATRIX[:, 1])


def pandas_table_of_two_types(file: Any) -> None:
    """Write a frame with columns of float32 and of float64, whose order only a pickle states."""
    _table(file, index=LABELS, values_block_0=MATRIX, values_block_1=MATRIX.astype("<f8"))


def records_with_two_texts(file: Any) -> None:
    """Write records with two columns of text."""
    file["r"] = np.array(
        [(b"x", word, row) for word, row in zip(LABELS, MATRIX, strict=True)],
        [("a", "S1"), ("b", LABELS.dtype), ("v", "<f4", (2,))],
    )
