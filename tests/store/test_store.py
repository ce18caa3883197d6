"""An open store: all ways to read words and vectors, and that its file is never changed."""

from __future__ import annotations

import copy
import ctypes
import hashlib
import os
import pickle
import re
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from support.paths import FORMATS
from support.running import output_of
from support.tables import saved

import embstore
from embstore.core.errors import UnknownTokenError
from embstore.core.options import Dtype

WORDS = ["the", "of", "to", "é", ""]
VECTORS = np.array([[1, 2], [3, 4], [5, 6], [-7.5, 8], [0, 0]], np.float32)


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    return saved(tmp_path / "t.safetensors", WORDS, VECTORS)


@pytest.fixture
def store(store_path: Path) -> embstore.Store:
    return embstore.open(store_path)


def test_the_properties_of_a_store(store: embstore.Store, store_path: Path) -> None:
    assert (len(store), store.dim, store.shape, store.dtype, store.special) == (5, 2, (5, 2), "float32", 0)
    assert (store.path, store.mapped) == (store_path, True)
    assert store.metadata["embstore.version"] == "1.0"
    assert repr(store) == "<Store t.safetensors: 5 x 2 float32, mapped>"


def test_words_become_rows(kernel: ModuleType, store: embstore.Store) -> None:
    assert store.stoi["of"] == 1
    assert store.itos[1] == "of"
    assert store.itos[-1] == ""
    assert store.itos[1:3] == ["of", "to"]
    assert ("é" in store, "É" in store, 3 in store, "" in store) == (True, False, False, True)
    rows = store.rows(["é", "qzxv", "the", "the"])
    assert rows.dtype == np.int64
    assert rows.tolist() == [3, -1, 0, 0]
    assert store.rows([]).tolist() == []


def test_words_become_vectors(kernel: ModuleType, store: embstore.Store) -> None:
    assert store["of"].tolist() == [3, 4]
    assert store[["é", "the", "the"]].tolist() == [[-7.5, 8], [1, 2], [1, 2]]
    assert store[("to",)].tolist() == [[5, 6]]
    assert store[(word for word in ["to", ""])].tolist() == [[5, 6], [0, 0]]
    assert store[[]].shape == (0, 2)
    assert store[["the"]].dtype == np.float32


def test_get_has_a_default(store: embstore.Store) -> None:
    found = store.get("of")
    assert found is not None
    assert found.tolist() == [3, 4]
    assert store.get("qzxv") is None
    assert store.get("qzxv", 7) == 7


def test_unknown_words_are_named_once_each_in_order(store: embstore.Store) -> None:
    with pytest.raises(UnknownTokenError) as caught:
        store[["x", "the", "a", "x"]]
    assert caught.value.tokens == ("x", "a")
    assert str(caught.value) == "not in the vocabulary: 'x', 'a'"
    with pytest.raises(KeyError):
        store["x"]


def test_a_single_word_is_not_a_list_of_letters(store: embstore.Store) -> None:
    with pytest.raises(TypeError, match=r"^rows takes a list of words; for one word use stoi\[word\]$"):
        store.rows("the")


def test_views_cannot_be_written_and_copies_can(store: embstore.Store) -> None:
    rows = store.mapped_rows()
    assert rows is not None
    for view in (store.vectors, store.weight, store["the"], store.get("the"), store.block(0, 2)):
        assert view is not None
        assert np.shares_memory(view, rows)
        with pytest.raises(ValueError, match="read-only"):
            view[...] = 0
    copy = store[["the"]]
    copy[...] = 9
    assert store["the"].tolist() == [1, 2]


def test_writing_through_the_map_never_reaches_the_file(store: embstore.Store, store_path: Path) -> None:
    before = hashlib.sha256(store_path.read_bytes()).hexdigest()
    rows = store.mapped_rows()
    assert rows is not None
    rows[:] = 9
    assert store["the"].tolist() == [9, 9]
    store.close()
    assert hashlib.sha256(store_path.read_bytes()).hexdigest() == before
    assert embstore.open(store_path)["the"].tolist() == [1, 2]


@pytest.mark.parametrize("read", [lambda s: s.vectors, lambda s: s.weight, lambda s: s.block(0, 3), lambda s: s["the"]])
def test_c_code_that_writes_through_a_read_only_view_never_reaches_the_file(store_path: Path, read: Any) -> None:
    """As faiss.normalize_L2 does: it takes the address, and knows of no flags."""
    store, other, before = embstore.open(store_path), embstore.open(store_path), store_path.read_bytes()
    view = read(store)
    assert not view.flags.writeable
    numbers = ctypes.cast(view.ctypes.data, ctypes.POINTER(ctypes.c_float))
    numbers[0], numbers[1] = 9.0, -9.0
    assert store["the"].tolist() == [9, -9]
    assert store["of"].tolist() == [3, 4]
    assert store_path.read_bytes() == before
    for unchanged in (other, embstore.open(store_path), pickle.loads(pickle.dumps(store))):
        np.testing.assert_array_equal(unchanged.vectors, VECTORS)
        unchanged.verify()


def test_a_store_is_its_words(kernel: ModuleType, store: embstore.Store) -> None:
    assert list(store) == WORDS
    assert [word for word in store if word in ("to", "")] == ["to", ""]
    assert dict(zip(store, store.vectors.tolist(), strict=True))["é"] == [-7.5, 8]
    words = iter(store)
    assert next(words) == "the"
    store.close()
    with pytest.raises(ValueError, match=r"^this store is closed$"):
        iter(store)


def columns(words: list[str]) -> list[Any]:
    column = pa.array(words)
    chunks = pa.chunked_array([words[:1], words[1:]], pa.string())
    others = [tuple(words), np.array(words), np.array(words, object), dict.fromkeys(words), (word for word in words)]
    return [column, chunks, column.dictionary_encode(), column.cast(pa.string_view()), column.cast(pa.large_string()),
            Stream(chunks), *others]  # fmt: skip


class Stream:
    """A column of another library, such as polars, that exports an Arrow stream."""

    def __init__(self, column: Any) -> None:
        self.__arrow_c_stream__ = column.__arrow_c_stream__


def test_words_in_any_container(kernel: ModuleType, store: embstore.Store) -> None:
    for words in columns(["é", "qzxv", "the"]):
        assert store.rows(words).tolist() == [3, -1, 0]
    for words in columns(["é", "", "the"]):
        assert store[words].tolist() == [[-7.5, 8], [0, 0], [1, 2]]
    for words in columns(["é", "qzxv", "the"])[:-1]:
        assert store.aligned(words, "zero").tolist() == [[-7.5, 8], [0, 0], [1, 2]]
    for words in columns(["é", "qzxv", "", "vxzq"]):
        with pytest.raises(UnknownTokenError, match=r"^not in the vocabulary: 'qzxv', 'vxzq'$"):
            store[words]
    empty: Any
    for empty in ([], pa.array([], pa.string()), np.array([], str)):
        assert (store.rows(empty).shape, store[empty].shape) == ((0,), (0, 2))


@pytest.mark.parametrize("read", [lambda s, w: s.rows(w), lambda s, w: s[w], lambda s, w: s.aligned(w)])
def test_columns_that_are_no_words(store: embstore.Store, read: Any) -> None:
    with pytest.raises(ValueError, match=r"^1 nulls in the column: a word is null \(first: number 1\); "):
        read(store, pa.array(["the", None]))
    with pytest.raises(TypeError) as caught:
        read(store, pa.array([["the"], ["of"]]))
    assert str(caught.value).startswith("expected a column of strings, not one of list<")
    with pytest.raises(TypeError) as caught:
        read(store, pa.array([1, 2]))
    assert str(caught.value) == "expected a column of strings or of lists of strings, not one of int64"


@pytest.mark.parametrize(
    ("item", "row", "told"),
    [
        (3, [-7.5, 8], "for row 3 use store.vectors[3], or store.gather([3])[0], which decodes no other row"),
        (np.int32(-2), [-7.5, 8], "for row -2 use store.vectors[-2]"),
        (slice(1, 3), [[3, 4], [5, 6]], "for these rows use store.vectors[1:3]"),
        (slice(None, None, 4), [[1, 2], [0, 0]], "for these rows use store.vectors[::4]"),
        ((2, 1), 6, "for row and column use store.vectors[2, 1]"),
        ([3, 0], [[-7.5, 8], [1, 2]], "for these rows use store.gather([3, 0])"),
        (np.array([3, 0]), [[-7.5, 8], [1, 2]], "for these rows use store.gather([3, 0])"),
        (range(5), VECTORS.tolist(), "for these rows use store.gather([0, 1, 2, 3, 4])"),
    ],
)  # fmt: skip
def test_row_numbers_are_told_where_rows_are(store: embstore.Store, item: Any, row: Any, told: str) -> None:
    with pytest.raises(TypeError) as caught:
        store[item]
    assert str(caught.value) == f"store[...] takes words, not row numbers: {told}"
    for expression in re.findall(r"store\.(?:vectors|gather).*?\](?:\)(?:\[0\])?)?(?=,|$)", told):
        assert eval(expression, {"store": store}).tolist() == row


def test_many_row_numbers_are_not_repeated(store: embstore.Store) -> None:
    with pytest.raises(TypeError, match=r"^store\[...\] takes words, .* use store.gather\(rows\)$"):
        store[range(6)]  # type: ignore[index]


@pytest.mark.parametrize("item", [None, 1.5, True, b"the", np.array("the")])
def test_what_is_neither_words_nor_rows(store: embstore.Store, item: Any) -> None:
    with pytest.raises(TypeError) as caught:
        store[item]
    assert str(caught.value) == f"store[...] takes a word or a list of words, not {item!r}"
    with pytest.raises(TypeError, match=r"^a word must be a str, not float$"):
        store[["the", 1.5]]  # type: ignore[list-item]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_narrow_stores(kernel: ModuleType, tmp_path: Path, dtype: Dtype) -> None:
    embstore.save(tmp_path / "n.safetensors", WORDS, VECTORS, dtype=dtype)
    store = embstore.open(tmp_path / "n.safetensors")
    kind = np.float16 if dtype == "float16" else np.float32
    for vectors in (store.vectors, store.weight, store[WORDS], store.block(0, 5)):
        assert vectors.dtype == kind
        np.testing.assert_array_equal(vectors, VECTORS)
    assert store["é"].tolist() == [-7.5, 8]
    assert repr(store) == f"<Store n.safetensors: 5 x 2 {dtype}, mapped>"


@pytest.mark.parametrize("dim", [1, 3, 7])
def test_arrays_that_are_not_aligned(kernel: ModuleType, tmp_path: Path, dim: int) -> None:
    """An odd number of float16 leaves the vocabulary unaligned; an additional byte, the weight too."""
    vectors = np.arange(3 * dim, dtype=np.float16).reshape(3, dim)
    embstore.save(tmp_path / "n.safetensors", ["a", "b", "c"], vectors)
    raw = (tmp_path / "n.safetensors").read_bytes()
    shifted = tmp_path / "shifted.safetensors"
    shifted.write_bytes((4089).to_bytes(8, "little") + raw[8:4096] + b" " + raw[4096:])
    for store_path in (tmp_path / "n.safetensors", shifted):
        store = embstore.open(store_path)
        assert store.rows(["c", "a", "x"]).tolist() == [2, 0, -1]
        np.testing.assert_array_equal(store[["c", "a"]], vectors[[2, 0]])
        assert list(store.itos) == ["a", "b", "c"]
        store.verify()


def test_a_closed_store(store: embstore.Store) -> None:
    kept = store.vectors
    with store as inside:
        assert inside is store
    assert repr(store) == "<Store, closed>"
    calls: list[Any] = [lambda: store.vectors, lambda: store.weight, lambda: store["the"], lambda: store[["the"]],
                        lambda: store.rows(["the"]), lambda: store.get("the"), store.verify, lambda: store.dim,
                        lambda: store.shape, lambda: len(store), lambda: "the" in store, lambda: store.stoi,
                        lambda: store.itos, lambda: store.vocab, lambda: store.special, lambda: store.mapped,
                        lambda: store.block(0, 1), lambda: store.gather([0]), store.mapped_rows,
                        lambda: store.most_similar("the"), lambda: store.most_similar_batch(["the"]),
                        lambda: store.aligned(["the"]), store._repr_html_, lambda: pickle.dumps(store),
                        lambda: copy.copy(store), store.__enter__]  # fmt: skip
    for call in calls:
        with pytest.raises(ValueError, match=r"^this store is closed$"):
            call()
    assert kept.tolist() == VECTORS.tolist()  # views keep the map open
    store.close()


def test_a_store_pickles_as_its_path(store: embstore.Store, store_path: Path) -> None:
    pickled = pickle.dumps(store)
    assert len(pickled) < 300
    again = pickle.loads(pickled)
    assert (again.path, again.mapped) == (store_path, True)
    assert again["é"].tolist() == [-7.5, 8]


def test_text_in_memory_pickles_as_its_path_and_options(tmp_path: Path) -> None:
    text = tmp_path / "t.txt"
    text.write_text("the 1 2\nthe 3 4\nof 5 6\n")
    with pytest.warns(embstore.EmbstoreWarning):
        store = embstore.open(text, duplicates="last", limit=2)
    assert repr(store) == "<Store t.txt: 1 x 2 float32>"
    pickled = pickle.dumps(store)
    assert len(pickled) < 300
    with pytest.warns(embstore.EmbstoreWarning):
        again = pickle.loads(pickled)
    assert (list(again.itos), again.vectors.tolist()) == (["the"], [[3, 4]])


def test_html_for_notebooks(tmp_path: Path) -> None:
    embstore.save(tmp_path / "t.safetensors", ["<b>", *"abcdef"], np.full((7, 8), 1 / 3))
    html = embstore.open(tmp_path / "t.safetensors")._repr_html_()
    cells = "<td>0.3333</td>" * 6 + "<td>&hellip;</td>"
    names = ["&lt;b&gt;", "a", "b", "c", "d"]
    rows = "".join(f"<tr><td>{i}</td><th>{name}</th>{cells}</tr>" for i, name in enumerate(names))
    assert html == f"<p>&lt;Store t.safetensors: 7 x 8 float32, mapped&gt;</p><table>{rows}</table>"


@pytest.mark.parametrize("advise", ["normal", "random", "sequential", "willneed"])
def test_advice_does_not_change_results(store_path: Path, advise: Any) -> None:
    assert embstore.open(store_path, advise=advise)["é"].tolist() == [-7.5, 8]


def test_another_advice_is_refused(store_path: Path) -> None:
    with pytest.raises(ValueError) as caught:
        embstore.open(store_path, advise="often")  # type: ignore[arg-type]
    assert str(caught.value) == "advise='often': expected one of normal, random, sequential, willneed"


MEMORY = """
import sys
import numpy, embstore.store.store, embstore.ops.open, embstore.codecs.registry.magic
def anonymous():
    lines = open("/proc/self/smaps_rollup").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:"))
embstore.open(sys.argv[1])["w7"]  # loads modules of Python and NumPy
before = anonymous()
store = embstore.open(sys.argv[2])
vector = store["w11"]
print(anonymous() - before, store.stoi["w11"], len(store))
"""


def test_opening_takes_no_memory_for_any_size(store_path: Path, tmp_path: Path) -> None:
    embstore.save(tmp_path / "small", [f"w{i}" for i in range(20)], np.zeros((20, 4), np.float32))
    embstore.save(tmp_path / "large", [f"w{i}" for i in range(400_000)], np.zeros((400_000, 16), np.float32))
    (tmp_path / "small").rename(tmp_path / "small.safetensors")
    (tmp_path / "large").rename(tmp_path / "large.safetensors")
    output = output_of(MEMORY, tmp_path / "small.safetensors", tmp_path / "large.safetensors")
    grown, row, size = map(int, output.split())
    assert (row, size) == (11, 400_000)
    assert grown <= 1024  # kB


def test_verify_finds_what_only_the_other_reader_refuses(tmp_path: Path) -> None:
    """A name that is no Unicode text, which Python's JSON accepts: readers must agree on the names of tensors."""
    raw = (FORMATS / "store" / "valid" / "no_metadata.safetensors").read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header, data = raw[8 : 8 + length].rstrip(), raw[8 + length :]
    more = b',"\\ud800":{"dtype":"U8","shape":[0],"data_offsets":[%d,%d]}}' % (len(data), len(data))
    header = header[:-1] + more
    path = tmp_path / "odd.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(path).verify()
    message = str(caught.value)
    assert message.startswith(
        f"{path}:header: the safetensors package reads an error: Error while deserializing header"
    )
    assert message.endswith(", embstore does not: damaged, or an error of one of them")


def test_offsets_whose_differences_wrap_are_found(kernel: ModuleType, tmp_path: Path) -> None:
    words = ["aa", "bb", "cc", "dd"]
    embstore.save(tmp_path / "s", words, np.ones((4, 1)))
    store = embstore.open(tmp_path / "s", format="store")
    store.vocab.offsets.view("<i8")[:] = [0, 2**63 - 1, -(2**63), -1, 8]  # a private copy: the file stays as it is
    store.metadata.clear()
    with pytest.raises(embstore.FormatError) as caught:
        store.verify()
    reason = "decrease, or exceed the 8 bytes of vocab.bytes, between rows 0 and 4"
    assert str(caught.value) == f"{tmp_path / 's'}:vocab.offsets: {reason}"
    assert store.rows([*words, ""]).tolist() == [-1] * 5


def test_a_store_that_another_thread_closes_answers_or_raises(store: embstore.Store, store_path: Path) -> None:
    """Never an answer of an empty table in between."""
    for _ in range(25):
        opened = embstore.open(store_path)
        wrong: list[object] = []

        def ask(opened: embstore.Store = opened, wrong: list[object] = wrong) -> None:
            try:
                while True:
                    answers = (len(opened), "the" in opened, opened.rows(["the"]).tolist(), opened.stoi["the"])
                    if answers != (len(store), True, [store.stoi["the"]], store.stoi["the"]):
                        wrong.append(answers)
            except ValueError as error:
                if str(error) != "this store is closed":
                    wrong.append(error)

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(0.002)
        opened.close()
        for thread in threads:
            thread.join(10)
            assert not thread.is_alive()
        assert wrong == []


@pytest.mark.parametrize("name", ["words.safetensors", "words.txt"])
def test_a_pickle_of_a_store_whose_file_was_replaced_is_refused(tmp_path: Path, name: str) -> None:
    path, made = tmp_path / name, tmp_path / "made.safetensors"

    def write(last: float) -> None:
        embstore.save(made, ["cat", "dog"], np.array([[1.5, 2.5, 0.5], [3.5, 4.5, last]], np.float32), overwrite=True)
        embstore.convert(made, path, overwrite=True)

    write(5.5)
    data = pickle.dumps(embstore.open(path))
    assert pickle.loads(data)["dog"].tolist() == [3.5, 4.5, 5.5]
    write(6.5)
    with pytest.raises(embstore.FormatError) as caught:
        pickle.loads(data)
    reason = "the file was replaced by another table since it was first opened: open it again"
    assert str(caught.value) == f"{path}: {reason}"


@pytest.mark.parametrize("name", ["words.safetensors", "words.txt"])
@pytest.mark.parametrize("change", ["replaced", "removed", "touched"])
def test_a_store_whose_file_was_replaced_is_pickled_with_its_contents(tmp_path: Path, name: str, change: str) -> None:
    path, made = tmp_path / name, tmp_path / "made.safetensors"
    rows = np.array([[1.5, 2.5, 0.5], [3.5, 4.5, 5.5]], np.float32)
    embstore.save(made, ["cat", "dog"], rows)
    embstore.convert(made, path)
    store = embstore.open(path)
    if change == "replaced":
        embstore.save(made, ["dog", "cat"], rows + 1, overwrite=True)
        embstore.convert(made, path, overwrite=True)
    elif change == "removed":
        path.unlink()
    else:
        os.utime(path, (0, 0))
    for twin in (pickle.loads(pickle.dumps(store)), copy.deepcopy(store)):
        assert twin["dog"].tolist() == [3.5, 4.5, 5.5]
        assert list(twin) == ["cat", "dog"]
        assert twin.mapped == (name == "words.safetensors" and change == "touched")
