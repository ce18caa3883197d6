"""A store over a backend that is not a NumPy array returns exactly what a store in memory returns."""

from __future__ import annotations

import ast
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.backends import DTYPES, VECTORS, WORDS, as_bytes, equal, store_over
from support.stored import stored

import embstore
from embstore.core.dtypes import encode_rows
from embstore.core.index import VocabBuilder, pack_for_hashing
from embstore.core.options import Dtype
from embstore.store.rows import ArrayRows
from embstore.store.store import Store


@pytest.fixture(params=DTYPES)
def dtype(request: pytest.FixtureRequest) -> Dtype:
    found: Dtype = request.param
    return found


@pytest.fixture
def made_up(dtype: Dtype) -> Store:
    return store_over(as_bytes, dtype)


@pytest.fixture
def in_memory(dtype: Dtype) -> Store:
    return store_over(ArrayRows, dtype)


def test_rows_by_number_and_by_word(made_up: Store, in_memory: Store, dtype: Dtype) -> None:
    expected = encode_rows(VECTORS, dtype)
    for table in (made_up, in_memory):
        assert (len(table), table.dim, table.special, table.dtype, table.mapped) == (5, 4, 2, dtype, False)
        equal(table.block(2, 4, encoded=True), expected[2:4])
        equal(table.block(5, 99, encoded=True), expected[5:])
        equal(table.gather([6, 0, 0], encoded=True), expected[[6, 0, 0]])
        assert table.block(4, 2).shape == table.gather([]).shape == (0, 4)
        assert table.mapped_rows() is None
    reads: list[Callable[[Store], Any]] = [
        lambda table: table.weight,
        lambda table: table.vectors,
        lambda table: table["sat"],
        lambda table: table[["mat", "the"]],
        lambda table: table.get("on"),
        lambda table: table.block(1, 6),
        lambda table: table.gather([6, 0, 0]),
    ]
    for read in reads:
        equal(read(made_up), read(in_memory))


def test_only_the_rows_asked_for_are_read() -> None:
    rows = as_bytes(VECTORS, "float32")
    builder = VocabBuilder()
    builder.add(pack_for_hashing(WORDS))
    table = Store(rows, builder.vocab(), {})
    assert rows.read_rows == []
    table["sat"]
    table.block(3, 5)
    table.gather([6, 1])
    table[["mat", "the"]]
    assert rows.read_rows == [2, 3, 4, 6, 1, 4, 0]


@pytest.mark.parametrize("row", [-1, 7])
def test_a_row_number_out_of_range(made_up: Store, in_memory: Store, row: int) -> None:
    for table in (made_up, in_memory):
        with pytest.raises(IndexError, match=rf"^row {row} is out of range for a table of 7 rows$"):
            table.gather([0, row])


def test_search(made_up: Store, in_memory: Store) -> None:
    assert made_up.most_similar(["the", "frog"], ["sat"]) == in_memory.most_similar(["the", "frog"], ["sat"])
    assert made_up.most_similar_batch(WORDS) == in_memory.most_similar_batch(WORDS)
    assert made_up.norms is not None
    assert in_memory.norms is not None
    equal(made_up.norms, in_memory.norms)


def test_compare(made_up: Store, in_memory: Store, dtype: Dtype) -> None:
    same = embstore.compare(made_up, in_memory, neighbours=True)
    assert (same.bit_equal, same.common, same.neighbours) == (True, 5, 1)
    others = [store_over(backend, dtype, ["mat", "the", "x", "sat", "y"], 0.5) for backend in (as_bytes, ArrayRows)]
    assert embstore.compare(made_up, others[0], 0.1, neighbours=True) == embstore.compare(
        in_memory, others[1], 0.1, neighbours=True
    )


@pytest.mark.parametrize("how", ["first", "mean", "concat"])
def test_concat_and_merge(made_up: Store, in_memory: Store, dtype: Dtype, how: Any, tmp_path: Path) -> None:
    others = [store_over(backend, dtype, ["mat", "the", "x", "sat", "y"], 0.5) for backend in (as_bytes, ArrayRows)]
    found, expected = embstore.concat([made_up, others[0]], how), embstore.concat([in_memory, others[1]], how)
    assert list(found.itos) == list(expected.itos)
    equal(stored(found), stored(expected))
    embstore.merge([made_up, others[0]], tmp_path / "a.safetensors", how=how)
    embstore.merge([in_memory, others[1]], tmp_path / "b.safetensors", how=how)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


@pytest.mark.parametrize("oov", [None, "hash:3:2", "mean"])
def test_aligned(made_up: Store, in_memory: Store, oov: str | None) -> None:
    words = ["frog", "toad", "The", "the", "newt"]
    equal(made_up.aligned(words, oov), in_memory.aligned(words, oov))


@pytest.mark.parametrize("suffix", [".safetensors", ".txt", ".npz"])
def test_convert(made_up: Store, in_memory: Store, dtype: Dtype, suffix: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}{suffix}" for name in "ab"]
    for table, path in zip((made_up, in_memory), paths, strict=True):
        found = embstore.convert(table, path)
        assert (found.source, found.rows, found.dim) == ("memory", 5, 4)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    opened = embstore.open(paths[0])
    assert list(opened.itos) == WORDS
    equal(opened.vectors.astype(np.float32), made_up.vectors)
    if suffix == ".safetensors":
        equal(stored(opened), encode_rows(VECTORS, dtype)[:5])
        assert (opened.metadata["embstore.source.name"], opened.metadata["embstore.source.format"]) == (
            "memory",
            "store",
        )


def test_convert_with_special_rows(made_up: Store, in_memory: Store, tmp_path: Path) -> None:
    for table, name in ((made_up, "a"), (in_memory, "b")):
        embstore.convert(table, tmp_path / f"{name}.safetensors", oov="hash:3", padding=True, limit=4)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    opened = embstore.open(tmp_path / "a.safetensors")
    assert (len(opened), opened.special) == (4, 4)


def test_verify(made_up: Store, dtype: Dtype) -> None:
    made_up.verify()
    made_up.metadata["embstore.sha256.embedding.weight"] = "0" * 64
    with pytest.raises(embstore.FormatError, match=r"its bytes do not have the sha256 in the header"):
        made_up.verify()
    if dtype == "int8":
        array = encode_rows(VECTORS, dtype).copy()
        array[6, -8:-4] = np.array([np.nan], "<f4").view("u1")
        broken = Store(as_bytes(array, dtype), made_up.vocab, {})
        with pytest.raises(embstore.FormatError, match=r"row 6 has the scale nan and the offset "):
            broken.verify()


def test_pickle_and_close(made_up: Store) -> None:
    again = pickle.loads(pickle.dumps(made_up))
    equal(stored(again), stored(made_up))
    made_up.close()
    for call in (
        lambda: made_up.block(0, 1),
        lambda: made_up.gather([0]),
        lambda: made_up.gather([0], encoded=True),
        made_up.mapped_rows,
        lambda: made_up.special,
        lambda: embstore.convert(made_up, "made.safetensors"),
        lambda: pickle.dumps(made_up),
    ):
        with pytest.raises(ValueError, match=r"^this store is closed$"):
            call()


# ------------------------------------------------------------------------------------ a store as a source


def test_a_mapped_store_is_converted_as_its_file(dtype: Dtype, tmp_path: Path) -> None:
    embstore.save(tmp_path / "t.safetensors", WORDS, VECTORS[:5], dtype=dtype)
    found = embstore.convert(embstore.open(tmp_path / "t.safetensors"), tmp_path / "a.safetensors", limit=3)
    embstore.convert(tmp_path / "t.safetensors", tmp_path / "b.safetensors", limit=3)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    assert found.source == str(tmp_path / "t.safetensors")


def test_a_table_read_from_text_keeps_its_provenance(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("the 1 2\nfrog 3 4\n")
    embstore.convert(embstore.open(tmp_path / "t.txt"), tmp_path / "a.safetensors")
    embstore.convert(tmp_path / "t.txt", tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_a_store_is_not_read_with_options(made_up: Store, tmp_path: Path) -> None:
    with pytest.raises(TypeError) as caught:
        embstore.convert(made_up, tmp_path / "a.safetensors", format="glove", key="x")
    assert str(caught.value) == "format, key: reading options are for a path, not for Store"
    with pytest.raises(TypeError) as other:
        embstore.convert(3, tmp_path / "a.safetensors")  # type: ignore[arg-type]
    assert str(other.value) == "expected a path or a Store, not 3"


# ---------------------------------------------------------------------------------------- who decodes rows


def names_in(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return attributes | {node.id for node in nodes if isinstance(node, ast.Name)}


def test_nobody_outside_decodes_stored_rows() -> None:
    root = Path(embstore.__file__).parent
    outside = [path for path in root.rglob("*.py") if path.parent not in (root / "store", root / "core")]
    assert len(outside) > 80
    readers = {"decode_rows", "dequantize"}
    found = {str(path.relative_to(root)): sorted(names) for path in outside if (names := names_in(path) & readers)}
    assert found == {}


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        (np.array([True, False]), "bool of shape (2,)"),
        ([1.9], "float64 of shape (1,)"),
        (["1"], "<U1 of shape (1,)"),
        ([[0, 1]], "int64 of shape (1, 2)"),
        (1, "int64 of shape ()"),
    ],
)
def test_what_is_no_list_of_row_numbers(made_up: Store, rows: Any, found: str) -> None:
    with pytest.raises(TypeError) as caught:
        made_up.gather(rows)
    assert str(caught.value) == f"expected row numbers, integers of shape (n,), not {found}"
