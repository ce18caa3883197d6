"""Writing stores: reproducible, streamed, rounded once, and complete or absent."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from numpy.typing import NDArray
from support.matrices import MATRICES
from support.tables import source

import embstore
from embstore.core.batch import Batch, Source, Tokens
from embstore.core.errors import EmbstoreError, FormatError
from embstore.core.options import Dtype, Duplicates
from embstore.store.writer import write_store


def numbered_words(count: int, dim: int = 2) -> tuple[list[str], NDArray[np.float32]]:
    return [f"w{i}" for i in range(count)], np.arange(count * dim, dtype=np.float32).reshape(count, dim)


@given(vectors=MATRICES, cuts=st.integers(1, 9))
def test_the_safetensors_package_reads_the_same_bits(
    kernel: ModuleType, tmp_path: Path, vectors: NDArray[np.float32], cuts: int
) -> None:
    path, words = tmp_path / "s.safetensors", [f"w{i}" for i in range(len(vectors))]
    write_store(path, source(words, vectors, cuts))
    loaded = safetensors.numpy.load_file(path)
    np.testing.assert_array_equal(loaded["embedding.weight"].view(np.uint32), vectors.view(np.uint32))
    assert bytes(loaded["vocab.bytes"]).decode() == "".join(words)
    embstore.open(path).verify()


def test_equal_tables_make_equal_files(kernel: ModuleType, tmp_path: Path) -> None:
    words, vectors = numbered_words(100)
    for i, cuts in enumerate((1, 7, 100)):
        write_store(tmp_path / str(i), source(words, vectors, cuts, rows=(100 if i else None)))
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


def test_the_file_to_the_byte(kernel: ModuleType, tmp_path: Path) -> None:
    """The bytes of this store must never change."""
    origin = {"name": "t.txt", "size": "15", "sha256": "0" * 64, "format": "glove"}
    made = source(["the", "of"], np.array([[1, 2], [3, 4]], np.float32), provenance=lambda: origin)
    write_store(tmp_path / "s", made)
    raw = (tmp_path / "s").read_bytes()
    assert raw[:8] == (4088).to_bytes(8, "little")
    assert raw[4096:4112] == np.array([1, 2, 3, 4], "<f4").tobytes()
    assert raw[-5:] == b"theof"
    assert len(raw) == 4096 + 16 + 4 * 8 + 3 * 8 + 5
    assert hashlib.sha256(raw).hexdigest() == "bb7d677d3e6dedeb71e243f4b329bcf96da2e9b98713210c4c6c70a79229cc14"


@pytest.mark.parametrize(("duplicates", "kept"), [("first", [0, 1, 3]), ("last", [5, 4, 3])])
def test_which_of_repeated_rows_is_kept(
    kernel: ModuleType, tmp_path: Path, duplicates: Duplicates, kept: list[int]
) -> None:
    words, vectors = ["a", "b", "a", "c", "b", "a"], np.repeat(np.arange(6, dtype=np.float32)[:, None], 2, axis=1)
    for cuts in (1, 2, 3, 6):
        made = source(words, vectors, cuts)
        write_store(tmp_path / "s", made, duplicates=duplicates)
        store = embstore.open(tmp_path / "s", format="store")
        store.verify()
        assert list(store.itos) == ["a", "b", "c"]
        assert store.vectors[:, 0].tolist() == kept
        assert made.findings.messages() == ["repeated tokens: 3, the first 'a'"]


@given(words=st.lists(st.sampled_from("abcdef"), min_size=1, max_size=20), cuts=st.integers(1, 20), last=st.booleans())
def test_repeated_rows_in_any_batching(tmp_path: Path, words: list[str], cuts: int, last: bool) -> None:
    vectors = np.arange(len(words), dtype=np.float32)[:, None]
    write_store(tmp_path / "s", source(words, vectors, cuts), duplicates="last" if last else "first")
    expected: dict[str, float] = {}
    for i, word in enumerate(words):
        expected[word] = i if last else expected.get(word, i)
    store = embstore.open(tmp_path / "s", format="store")
    assert dict(zip(store.itos, store.vectors[:, 0].tolist(), strict=True)) == expected
    store.verify()


def test_repeated_tokens_can_be_an_error(tmp_path: Path) -> None:
    with pytest.raises(FormatError) as caught:
        write_store(tmp_path / "s", source(["a", "b", "b"], np.zeros((3, 1))), duplicates="error")
    reason = "the token 'b' appears twice; `duplicates='first'` or `duplicates='last'` keeps one of them"
    assert str(caught.value) == f"{tmp_path / 's'}: {reason}"
    assert list(tmp_path.iterdir()) == []


def test_no_rows_make_no_store(tmp_path: Path) -> None:
    with pytest.raises(FormatError) as caught:
        write_store(tmp_path / "s", source([], np.zeros((0, 3))))
    assert str(caught.value) == f"{tmp_path / 's'}: no rows to write: the input holds none, or all were left out"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [FormatError("in", "broken"), OSError("disk"), KeyboardInterrupt(), MemoryError()])
def test_a_source_that_fails_leaves_the_old_file(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "s"
    path.write_bytes(b"old")

    def failing() -> Iterator[Batch]:
        yield Batch(Tokens.pack(["a"]), np.zeros((1, 2), np.float32))
        raise error

    with pytest.raises(type(error)):
        write_store(path, Source(dim=2, batches=failing()))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_special_rows_follow_the_vocabulary(tmp_path: Path) -> None:
    words, vectors = numbered_words(3)
    special = np.full((2, 2), 9, np.float32)
    write_store(tmp_path / "s", source(words, vectors, special=special, policy={"oov": "hash:2"}))
    store = embstore.open(tmp_path / "s", format="store")
    assert (store.shape, store.weight.shape) == ((3, 2), (5, 2))
    assert store.weight[3:].tolist() == [[9, 9], [9, 9]]
    store.verify()


def test_zeros_elsewhere_are_not_taken_for_the_checksum_of_the_header(tmp_path: Path) -> None:
    words, vectors = numbered_words(1)
    write_store(tmp_path / "s", source(words, vectors, policy={"oov": f"unk:{'0' * 64}", "a": "0" * 64}))
    metadata = embstore.open(tmp_path / "s", format="store").metadata
    assert (metadata["embstore.oov"], metadata["embstore.a"]) == (f"unk:{'0' * 64}", "0" * 64)


def test_special_rows_without_a_policy_are_not_written(tmp_path: Path) -> None:
    words, vectors = numbered_words(3)
    with pytest.raises(FormatError) as caught:
        write_store(tmp_path / "s", source(words, vectors, special=np.zeros((2, 2), np.float32)))
    reason = "2 rows after those of the 3 tokens, but the policy in the header has 0"
    assert str(caught.value) == f"{tmp_path / 's'}:embedding.weight: {reason}"
    assert list(tmp_path.iterdir()) == []


def test_provenance_of_any_length_fits(tmp_path: Path) -> None:
    words, vectors = numbered_words(1)
    origin = {"name": "\N{GRINNING FACE}" * 5000, "format": "glove", "options": "x" * 5000}
    write_store(tmp_path / "s", source(words, vectors, provenance=lambda: origin))
    metadata = embstore.open(tmp_path / "s", format="store").metadata
    assert metadata["embstore.source.name"].startswith("\N{GRINNING FACE}" * 10)
    assert metadata["embstore.source.name"].endswith("...")


def test_a_source_whose_name_is_not_utf8_makes_a_valid_file(tmp_path: Path) -> None:
    text = tmp_path / os.fsdecode(b"caf\xe9.txt")
    text.write_text("the 1 2\n")
    embstore.convert(text, tmp_path / "s.safetensors")
    assert safetensors.numpy.load_file(tmp_path / "s.safetensors")["embedding.weight"].tolist() == [[1, 2]]
    assert embstore.open(tmp_path / "s.safetensors").metadata["embstore.source.name"] == "caf\\udce9.txt"


def test_tokens_of_any_bytes_come_back(kernel: ModuleType, tmp_path: Path) -> None:
    words = ["", " ", "\n", "\0", "\udcff", "é", "x" * 100_000]
    write_store(tmp_path / "s", source(words, np.zeros((7, 1))))
    store = embstore.open(tmp_path / "s", format="store")
    assert list(store.itos) == words
    assert store.rows(words).tolist() == list(range(7))
    store.verify()


def test_one_empty_token_is_a_vocabulary_of_no_bytes(kernel: ModuleType, tmp_path: Path) -> None:
    write_store(tmp_path / "s", source([""], np.ones((1, 1))))
    store = embstore.open(tmp_path / "s", format="store")
    store.verify()
    assert store.stoi[""] == 0
    assert safetensors.numpy.load_file(tmp_path / "s")["vocab.bytes"].shape == (0,)


SAVE_ERRORS: list[tuple[list[str], Any, str]] = [
    (["a"], [1.0], "1 tokens need vectors of shape (1, dim), not (1,)"),
    (["a"], [[1.0], [2.0]], "1 tokens need vectors of shape (1, dim), not (2, 1)"),
    (["a"], np.zeros((1, 0)), "1 tokens need vectors of shape (1, dim), not (1, 0)"),
    (["a"], [[1]], "vectors of int64: expected a floating dtype; convert them with astype first"),
    (["a"], [["x"]], "row 0 of the vectors is ['x'], expected a row of numbers"),
    (["a"], [[1j]], "vectors of complex128: expected a floating dtype; convert them with astype first"),
]


@pytest.mark.parametrize(("tokens", "vectors", "message"), SAVE_ERRORS)
def test_what_save_refuses(tmp_path: Path, tokens: list[str], vectors: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        embstore.save(tmp_path / "s.safetensors", tokens, vectors)
    assert str(caught.value) == message
    assert list(tmp_path.iterdir()) == []


def test_save_takes_any_layout_of_floats(tmp_path: Path) -> None:
    table = np.arange(12, dtype=np.float64).reshape(3, 4)
    big_endian: NDArray[Any] = table.astype(">f4")
    for vectors in (
        table,
        np.asfortranarray(table),
        table[::-1],
        table[:, ::2],
        big_endian,
        table.astype("f2"),
        table.tolist(),
    ):
        embstore.save(tmp_path / "s", list("abc"), vectors, overwrite=True)
        with embstore.open(tmp_path / "s", format="store") as store:
            np.testing.assert_array_equal(store.vectors, np.asarray(vectors))
            assert store.dtype == ("float16" if getattr(vectors, "itemsize", 8) == 2 else "float32")
    with pytest.raises(FileExistsError):
        embstore.save(tmp_path / "s", ["a"], [[1.0]])


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_values_out_of_range_are_infinite_and_counted(tmp_path: Path, dtype: Dtype) -> None:
    with pytest.warns(embstore.EmbstoreWarning) as caught:
        embstore.save(tmp_path / "s.safetensors", ["a", "b"], np.array([[1e300], [-1.0]]), dtype=dtype)
    assert [str(warning.message) for warning in caught] == [
        "rows with NaN, Inf or a value beyond the dtype: 1, the first 'a'"
    ]
    assert embstore.open(tmp_path / "s.safetensors").vectors.tolist() == [[np.inf], [-1]]


def test_save_refuses_a_token_twice(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the token 'a' appears twice, as token 0 and 1: give each once"):
        embstore.save(tmp_path / "s.safetensors", ["a", "a"], np.zeros((2, 2)))
    with pytest.raises(EmbstoreError):
        embstore.save(tmp_path, ["a"], np.zeros((1, 2)), overwrite=True)


def test_save_takes_a_list_of_words(tmp_path: Path) -> None:
    path, two = tmp_path / "s.safetensors", np.zeros((2, 2), np.float32)
    cases: list[tuple[Any, type[Exception], str]] = [
        ("ab", TypeError, "expected a list of tokens, not one string: 'ab'"),
        (["a", 2], TypeError, "token 1 is 2, expected a str"),
        (["a", "a"], ValueError, "the token 'a' appears twice, as token 0 and 1: give each once"),
        (
            ["\ud800", "b"],
            ValueError,
            "token 0, '\\ud800', has a lone surrogate, which UTF-8 cannot encode: correct or remove it",
        ),
        (["a"], ValueError, "1 tokens need vectors of shape (1, dim), not (2, 2)"),
    ]
    for tokens, kind, message in cases:
        with pytest.raises(kind) as caught:
            embstore.save(path, tokens, two)
        assert (type(caught.value), str(caught.value)) == (kind, message)
        assert list(tmp_path.iterdir()) == []
    embstore.save(path, (word for word in ("a", "b")), two)
    assert list(embstore.open(path).itos) == ["a", "b"]


def test_a_word_that_cannot_be_encoded_is_reported_with_its_row(tmp_path: Path) -> None:
    words = [str(i) for i in range(70_000)]
    words[65_600] = "x\udfff"
    with pytest.raises(ValueError, match=r"^token 65600, 'x\\udfff', has a lone surrogate, which UTF-8 cannot encode"):
        embstore.save(tmp_path / "s.safetensors", words, np.zeros((70_000, 1), np.float16))
    assert list(tmp_path.iterdir()) == []
