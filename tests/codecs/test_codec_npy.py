"""NumPy's .npy: compared with numpy.save, every layout, word lists, and wrong headers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib import format as numpy_format
from numpy.typing import NDArray
from support.refusals import short_refusal
from support.tables import rows_by_word, source
from support.vocab_files import with_vocab_json

import embstore
from embstore.codecs.numpy import npy as codec

WORDS = ["the", "frog", "naïve"]
MATRIX = np.array([[0.5, -1.5], [2.25, 3], [1, 0.125]])


def save_npy(folder: Path, array: NDArray[Any], words: object = WORDS, version: tuple[int, int] = (1, 0)) -> Path:
    """Write a .npy with NumPy, and a JSON list or object of words next to it."""
    path = folder / "table.npy"
    with path.open("wb") as file:
        numpy_format.write_array(file, array, version=version)
    return with_vocab_json(path, words)


@pytest.mark.filterwarnings("ignore:Stored array in format:UserWarning")
@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", ">f2", ">f4", ">f8"])
def test_every_layout_is_read(tmp_path: Path, dtype: str, order: Any, version: tuple[int, int]) -> None:
    store = embstore.open(save_npy(tmp_path, MATRIX.astype(dtype, order=order), version=version))
    assert list(store.itos) == WORDS
    assert store.vectors.tolist() == MATRIX.tolist()
    assert store.dtype == ("float16" if dtype.endswith("2") else "float32")


def test_doubles_are_rounded_once(tmp_path: Path) -> None:
    values = np.random.default_rng(4).standard_normal((3, 2))
    assert embstore.open(save_npy(tmp_path, values)).vectors.tobytes() == values.astype("<f4").tobytes()


@pytest.mark.parametrize("dtype", ["int8", "uint8", "<i8", ">i4", "bool"])
def test_integers_need_a_dtype(tmp_path: Path, dtype: str) -> None:
    path = save_npy(tmp_path, np.array([[1, 0], [0, 1], [1, 1]], dtype))
    found = np.dtype(dtype)
    message = f"/table.npy: whole numbers ({found}), not embeddings; `dtype='float32'` converts them"
    assert short_refusal(path) == message
    store = embstore.open(path, dtype="float16")
    assert (store.dtype, store.vectors.tolist()) == ("float16", [[1, 0], [0, 1], [1, 1]])
    embstore.convert(path, tmp_path / "t.safetensors", dtype="float32")
    assert embstore.open(tmp_path / "t.safetensors").vectors.tolist() == [[1, 0], [0, 1], [1, 1]]


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros(3), "an array of shape (3,), expected (rows, dim)"),
        (np.zeros((3, 2, 1)), "an array of shape (3, 2, 1), expected (rows, dim)"),
        (np.zeros((0, 2)), "an array of shape (0, 2), expected (rows, dim)"),
        (np.zeros((3, 0)), "an array of shape (3, 0), expected (rows, dim)"),
        (np.zeros((3, 2), "c8"), "numbers of complex64, expected float16, float32 or float64"),
        (np.zeros((3, 2), "U3"), "numbers of <U3, expected float16, float32 or float64"),
        (
            np.array([["a", 1.5]], object),
            "an array of Python objects, which would be unpickled: save the matrix and the words separately",
        ),
        (np.zeros((3, 2), [("x", "<f4")]), "the dtype \"[('x', '<f4')]\", expected one such as '<f4'"),
    ],
    ids=["flat", "cube", "no_rows", "no_columns", "complex", "text", "objects", "records"],
)
def test_an_array_that_is_no_table_is_refused(tmp_path: Path, array: NDArray[Any], reason: str) -> None:
    assert short_refusal(save_npy(tmp_path, array)) == f"/table.npy: {reason}"


def with_header(folder: Path, text: str, magic: bytes = b"\x93NUMPY\x01\x00", data: bytes = bytes(24)) -> Path:
    path = folder / "table.npy"
    path.write_bytes(magic + len(text).to_bytes(2, "little") + text.encode("latin-1") + data)
    return with_vocab_json(path, WORDS)


def test_sizes_of_python_2_are_read(tmp_path: Path) -> None:
    path = with_header(tmp_path, "{'descr': '<f4', 'fortran_order': False, 'shape': (3L, 2L)}")
    assert embstore.open(path).vectors.tolist() == [[0, 0]] * 3


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{'descr': '<f4', 'fortran_order': False}", "a header without descr, fortran_order and shape"),
        ("[1, 2]", "a header without descr, fortran_order and shape"),
        ("__import__('os')", "the header is not a dictionary: b\"__import__('os')\""),
        ("(" * 5000, f"the header is not a dictionary: {b'(' * 60!r}"),
        ("{'descr': '<f4', 'fortran_order': 1, 'shape': (3, 2)}", "fortran_order 1, expected True or False"),
        ("{'descr': 'f', 'fortran_order': False, 'shape': (3, -2)}", "the shape (3, -2), expected a tuple of sizes"),
        ("{'descr': 'zz', 'fortran_order': False, 'shape': (3, 2)}", "the dtype 'zz', expected one such as '<f4'"),
        (
            "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000, 1000000)}",
            "98 bytes? expected",
        ),
        ("x" * 10001, "a header of 10,001 bytes, expected 10,000 at most"),
    ],
)
def test_wrong_headers_are_refused(tmp_path: Path, text: str, reason: str) -> None:
    path = with_header(tmp_path, text)
    if reason == "98 bytes? expected":
        size = path.stat().st_size
        expected = f"{10**15 * 4 + size - 24:,}"
        reason = (
            f"{size:,} bytes, expected {expected} for <f4 [1000000000, 1000000]: it is cut short or the header is wrong"
        )
    assert short_refusal(path) == f"/table.npy: {reason}"


def test_later_versions_are_refused(tmp_path: Path) -> None:
    path = with_header(tmp_path, "{}", b"\x93NUMPY\x04\x00")
    assert short_refusal(path) == "/table.npy: .npy version 4.0, expected 1.0 to 3.0"


@pytest.mark.parametrize("change", [-1, 1])
def test_a_byte_too_few_or_too_many(tmp_path: Path, change: int) -> None:
    path = save_npy(tmp_path, MATRIX.astype("<f4"))
    whole = path.read_bytes()
    path.write_bytes((whole + b"\0")[: len(whole) + change])
    reason = f"{152 + change} bytes, expected 152 for <f4 [3, 2]: it is cut short or the header is wrong"
    assert short_refusal(path) == f"/table.npy: {reason}"


# ------------------------------------------------------------------------------------------------------- words


def test_words_are_found_next_to_the_file_or_by_vocab(tmp_path: Path) -> None:
    path = save_npy(tmp_path, MATRIX, None)
    names = "table.vocab.txt, table.vocab.json, tokenizer.json, vocab.txt, vocab.json, encoder.json, words.npy"
    assert (
        short_refusal(path)
        == f"/table.npy: no words for 3 rows: none of {names} next to it; `vocab=` names a file with the words"
    )
    (tmp_path / "mine.txt").write_bytes(b"a\n\nc\n")
    assert list(embstore.open(path, vocab=tmp_path / "mine.txt").itos) == ["a", "", "c"]
    (tmp_path / "table.vocab.txt").write_bytes(b"x\r\ny\r\nz\r\n")
    assert list(embstore.open(path).itos) == ["x", "y", "z"]


def test_an_object_maps_words_to_rows(tmp_path: Path) -> None:
    store = embstore.open(save_npy(tmp_path, MATRIX, {"frog": 1, "naïve": 2, "the": 0}))
    assert list(store.itos) == WORDS
    with pytest.warns(embstore.EmbstoreWarning, match="^rows without a word left out: 1$"):
        store = embstore.open(save_npy(tmp_path, MATRIX, {"naïve": 2, "the": 0}))
    assert rows_by_word(store) == {"the": [0.5, -1.5], "naïve": [1, 0.125]}
    with pytest.warns(embstore.EmbstoreWarning, match="^rows without a word left out: 1$"):
        assert list(embstore.open(save_npy(tmp_path, MATRIX, {"a": 0, "b": 1})).itos) == ["a", "b"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["a", "b"], "3 rows, but 2 words in /table.vocab.json; a JSON object from word to row may skip rows"),
        (
            ["a", "b", "c", "d"],
            "3 rows, but 4 words in /table.vocab.json; a JSON object from word to row may skip rows",
        ),
        ({"a": 0, "b": 3}, "3 rows, but a word has row 3 in /table.vocab.json"),
    ],
)
def test_a_wrong_number_of_words_is_refused(tmp_path: Path, words: object, reason: str) -> None:
    assert short_refusal(save_npy(tmp_path, MATRIX, words)) == f"/table.npy: {reason}"


@pytest.mark.parametrize("nested", [False, True])
def test_a_word_with_two_rows(tmp_path: Path, nested: bool) -> None:
    path = save_npy(tmp_path, MATRIX, None)
    words = '{"a": 0, "b": 1, "a": 2}'
    path.with_suffix(".vocab.json").write_text(f'{{"model": {{"vocab": {words}}}}}' if nested else words)
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(path)
    reason = "the key 'a' appears twice in one object, so its value is ambiguous: remove one"
    assert str(caught.value) == f"{path.with_suffix('.vocab.json')}: {reason}"


@pytest.mark.filterwarnings("ignore:numbers beside words taken as their counts:embstore.EmbstoreWarning")
@pytest.mark.parametrize(
    "data", ["the\t5\nfrog\t4\nnaïve\t3\n", "word\tcount\nthe\t5\nfrog\t4\nnaïve\t3\n", "the\nfrog\nnaïve\n"]
)
def test_the_first_column_of_a_tsv(tmp_path: Path, data: str) -> None:
    (tmp_path / "words.tsv").write_text(data, encoding="utf-8")
    assert list(embstore.open(save_npy(tmp_path, MATRIX, None), vocab=tmp_path / "words.tsv").itos) == WORDS


# ----------------------------------------------------------------------------------------------------- writing


def write_npy(path: Path, words: list[str | bytes], dtype: Any = "float32") -> None:
    vectors = np.arange(2 * len(words), dtype=np.float32).reshape(-1, 2)
    codec.write(path, source(words, vectors, len(words), dtype=dtype))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_bytes_are_those_of_numpy_save(tmp_path: Path) -> None:
    write_npy(tmp_path / "ours.npy", ["a", "b"])
    np.save(tmp_path / "theirs.npy", np.arange(4, dtype="<f4").reshape(2, 2))
    assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "theirs.npy").read_bytes()
    assert (tmp_path / "ours.vocab.txt").read_bytes() == b"a\nb\n"
    write_npy(tmp_path / "half.npy", ["a", "b"], "float16")
    assert np.load(tmp_path / "half.npy").dtype == np.float16


def test_tokens_with_a_line_break_are_written_as_json(tmp_path: Path) -> None:
    write_npy(tmp_path / "t.npy", ["a", "b"])
    write_npy(tmp_path / "t.npy", ["a\nb", "ü", b"\xed\xa0\x80"])
    assert names(tmp_path) == ["t.npy", "t.vocab.json"]
    assert (tmp_path / "t.vocab.json").read_bytes() == b'["a\\nb", "\\u00fc", "\\udced\\udca0\\udc80"]'
    write_npy(tmp_path / "t.npy", ["a"])
    assert names(tmp_path) == ["t.npy", "t.vocab.txt"]


def test_a_line_break_and_tokens_that_are_not_utf8_come_back(tmp_path: Path) -> None:
    tokens: list[str | bytes] = ["a\nb", b"\xff", b"\xed\xa0\x80\xed\xb0\x80", b"\xed\xb2\x80", b"\x80"]
    write_npy(tmp_path / "t.npy", tokens)
    with pytest.warns(embstore.EmbstoreWarning, match="not UTF-8"):
        store = embstore.open(tmp_path / "t.npy")
    assert [store.vocab.token(row) for row in range(5)] == [b"a\nb", *tokens[1:]]


def test_a_json_list_of_itos_gives_the_same_words(tmp_path: Path) -> None:
    words = ["\udcff", "the", "\udced\udca0\udc80"]
    np.save(tmp_path / "t.npy", np.zeros((3, 2), np.float32))
    (tmp_path / "t.vocab.json").write_text(json.dumps(words))
    with pytest.warns(embstore.EmbstoreWarning, match="not UTF-8"):
        store = embstore.open(tmp_path / "t.npy")
    assert list(store.itos) == words
    assert store.rows(words).tolist() == [0, 1, 2]


def test_words_of_another_file_are_not_replaced(tmp_path: Path) -> None:
    words = tmp_path / "t.vocab.txt"
    words.write_bytes(b"precious\n")
    with pytest.raises(FileExistsError) as caught:
        write_npy(tmp_path / "t.npy", ["a"])
    assert str(caught.value) == f"{words}: exists already and would be read as the words of {tmp_path}/t.npy: move it"
    assert words.read_bytes() == b"precious\n"


def test_a_link_leads_to_the_matrix_and_its_words(tmp_path: Path) -> None:
    """Writing through a link changes its target: old words must not stay next to the target or the link."""
    real, link = tmp_path / "other" / "real.npy", tmp_path / "link.npy"
    real.parent.mkdir()
    for name, words in (("a", ["a", "b"]), ("b", ["c", "d"])):
        embstore.save(tmp_path / f"{name}.safetensors", words, np.array([[1, 1], [2, 2]], np.float32))
    embstore.convert(tmp_path / "a.safetensors", real)
    link.symlink_to(real)
    assert list(embstore.open(link).itos) == ["a", "b"]
    (tmp_path / "link.vocab.json").write_text('["x", "y"]')
    embstore.convert(tmp_path / "b.safetensors", link, overwrite=True)
    assert list(embstore.open(real).itos) == list(embstore.open(link).itos) == ["c", "d"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.safetensors", "b.safetensors", "link.npy", "other"]
    assert sorted(path.name for path in real.parent.iterdir()) == ["real.npy", "real.vocab.txt"]


def test_a_folder_where_the_words_go_is_refused_before_any_work(tmp_path: Path) -> None:
    embstore.save(tmp_path / "a.safetensors", ["a"], np.ones((1, 2), np.float32))
    embstore.convert(tmp_path / "a.safetensors", tmp_path / "o.npy")
    (tmp_path / "o.vocab.txt").unlink()
    (tmp_path / "o.vocab.txt").mkdir()
    with pytest.raises(FileExistsError) as caught:
        embstore.convert(tmp_path / "a.safetensors", tmp_path / "o.npy", overwrite=True)
    place = tmp_path / "o.vocab.txt"
    assert (
        str(caught.value) == f"{place}: exists already and would be read as the words of {tmp_path / 'o.npy'}: move it"
    )
    assert (tmp_path / "o.vocab.txt").is_dir()


@pytest.mark.parametrize("text", [b"{['descr']: 1}", b"{{}: 1}", rb"{'de\:scr': 1}"])
def test_literals_that_python_warns_of_or_cannot_make(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "t.npy"
    path.write_bytes(b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text)
    with pytest.raises(embstore.FormatError) as refused:
        embstore.open(path)
    expected = "a header without descr, fortran_order and shape"
    if not text.startswith(b"{'"):
        expected = f"the header is not a dictionary: {text!r}"
    assert str(refused.value) == f"{path}: {expected}"
