"""Nearest neighbours: against brute force in float64, and edge cases."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from gensim.models import KeyedVectors
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from support.glove import RealGlove
from support.running import output_of
from support.tables import saved

import embstore
from embstore.cli.analogy import analogy_command
from embstore.cli.similar import similar_command
from embstore.core.errors import UnknownTokenError
from embstore.core.options import Dtype
from embstore.search import exact
from embstore.search.exact import Neighbours

WORDS = ["king", "man", "woman", "queen", "zero", "car"]
VECTORS = np.array([[3, 1], [1, 0], [0, 1], [2, 3], [0, 0], [-1, -1]], np.float32)


@pytest.fixture
def store(tmp_path: Path) -> embstore.Store:
    return embstore.open(saved(tmp_path / "s.safetensors", WORDS, VECTORS))


def assert_found(found: Neighbours, expected: Neighbours) -> None:
    assert [word for word, _ in found] == [word for word, _ in expected]
    np.testing.assert_allclose([cosine for _, cosine in found], [cosine for _, cosine in expected], atol=1e-6)


def test_cosines_are_exact_and_sorted_and_leave_the_word_out(store: embstore.Store) -> None:
    found = store.most_similar("man", topn=10)
    expected = [("king", 3 / 10**0.5), ("queen", 2 / 13**0.5), ("woman", 0), ("zero", 0), ("car", -(0.5**0.5))]
    assert_found(found, expected)
    assert all(type(score) is float for _, score in found)


def test_analogy_is_the_sum_of_unit_vectors(store: embstore.Store) -> None:
    found = store.most_similar(positive=["king", "woman"], negative=["man"], topn=1)
    query = np.array([3, 1]) / 10**0.5 + [0, 1] - np.array([1, 0])
    cosine = query @ [2, 3] / np.linalg.norm(query) / 13**0.5
    assert_found(found, [("queen", cosine)])


def test_vectors_are_queries_too_and_leave_no_word_out(store: embstore.Store) -> None:
    assert store.most_similar(np.array([2.0, 0.0]), topn=1) == [("man", 1.0)]
    assert store.most_similar([np.array([1.0, 0.0])], ["man"], topn=3)[0] == ("king", 0.0)
    assert store.most_similar_batch(["man", np.array([0.0, 5.0])], topn=1)[1] == [("woman", 1.0)]


def test_topn_beyond_the_table_gives_all_and_zero_gives_none(store: embstore.Store) -> None:
    assert len(store.most_similar("king", topn=99)) == 5
    assert store.most_similar("king", topn=0) == []
    with pytest.raises(ValueError, match="topn must not be negative: -1"):
        store.most_similar("king", topn=-1)


def test_unknown_words_are_named_once(store: embstore.Store) -> None:
    with pytest.raises(UnknownTokenError) as caught:
        store.most_similar(["king", "qzxv"], ["qzxv", "vxzq"])
    assert caught.value.tokens == ("qzxv", "vxzq")
    with pytest.raises(UnknownTokenError):
        store.most_similar_batch(["qzxv"])


def test_no_query_is_an_error_and_an_empty_batch_is_not(store: embstore.Store) -> None:
    with pytest.raises(ValueError, match="most_similar needs at least one word or vector"):
        store.most_similar([])
    assert store.most_similar_batch([]) == []


def test_a_vector_of_another_shape_is_refused(store: embstore.Store) -> None:
    with pytest.raises(ValueError, match=r"a query vector of shape \(3,\), expected \(2,\)"):
        store.most_similar([np.zeros(3)])


def test_rows_that_are_not_finite_never_win(tmp_path: Path) -> None:
    vectors = np.array([[1, 0], [np.nan, 1], [np.inf, 0], [0, 1], [1e38, 1e38]], np.float32)
    with pytest.warns(embstore.EmbstoreWarning):
        embstore.save(tmp_path / "s.safetensors", list("abcde"), vectors)
    store = embstore.open(tmp_path / "s.safetensors")
    assert_found(store.most_similar("a"), [("e", 0.5**0.5), ("d", 0)])
    assert store.most_similar("b") == []


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_narrow_tables_are_searched_in_float32(tmp_path: Path, dtype: Dtype) -> None:
    embstore.save(tmp_path / "s.safetensors", WORDS, VECTORS, dtype=dtype)
    found = embstore.open(tmp_path / "s.safetensors").most_similar("man", topn=1)
    assert_found(found, [("king", 3 / 10**0.5)])


class InMemory:
    """A minimal table that can be searched."""

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        self.vectors, self.dim = vectors, vectors.shape[1]
        self.itos = [str(i) for i in range(len(vectors))]
        self.norms: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.vectors)

    def rows(self, words: list[str]) -> NDArray[np.int64]:
        return np.array(words, np.int64)

    def block(self, start: int, stop: int) -> NDArray[np.float32]:
        return self.vectors[start:stop]


# small integers: equal cosines are common, and their float32 scores are equal too
TABLES = hnp.arrays(np.float32, st.tuples(st.integers(1, 40), st.integers(1, 3)), elements=st.sampled_from([-1, 0, 1]))


@settings(max_examples=150, deadline=None)
@given(vectors=TABLES, topn=st.integers(0, 12), data=st.data())
def test_blocks_and_batches_change_nothing(vectors: NDArray[np.float32], topn: int, data: st.DataObject) -> None:
    table = InMemory(vectors)
    queries = data.draw(st.lists(st.integers(0, len(vectors) - 1).map(str), max_size=9))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "BLOCK_BYTES", data.draw(st.integers(1, 200)))
        patch.setattr(exact, "MAX_QUERIES", data.draw(st.integers(1, 4)))
        found = exact.most_similar_batch(table, queries, topn)
    assert found == [exact.most_similar(table, query, topn=topn) for query in queries]
    for query, neighbours in zip(queries, found, strict=True):
        expected = brute_force(vectors, int(query), topn)
        assert [int(word) for word, _ in neighbours] == expected[0]
        np.testing.assert_allclose([score for _, score in neighbours], expected[1], atol=1e-6)


def brute_force(vectors: NDArray[np.float32], query: int, topn: int) -> tuple[list[int], list[float]]:
    lengths = np.linalg.norm(vectors.astype(float), axis=1)
    unit = vectors / np.where(lengths == 0, 1, lengths)[:, np.newaxis]
    cosines = np.round(unit @ unit[query], 6) + 0.0
    order = [row for row in np.argsort(-cosines, kind="stable").tolist() if row != query][:topn]
    return order, cosines[order].tolist()


def test_norms_are_kept_after_the_first_search(store: embstore.Store) -> None:
    assert store.norms is None
    store.most_similar("man")
    assert store.norms is not None
    np.testing.assert_allclose(store.norms, np.linalg.norm(VECTORS, axis=1), rtol=1e-6)


def test_real_glove(tmp_path: Path, real_glove: RealGlove) -> None:
    embstore.save(tmp_path / "glove.safetensors", real_glove.words[:20000], real_glove.vectors[:20000])
    glove = embstore.open(tmp_path / "glove.safetensors")
    assert [word for word, _ in glove.most_similar("frog", topn=3)] == ["snake", "monkey", "spider"]
    assert glove.most_similar(positive=["king", "woman"], negative=["man"], topn=1)[0][0] == "queen"


def test_similar_on_the_command_line(store: embstore.Store) -> None:
    shown = CliRunner().invoke(similar_command, [str(store.path), "man", "-k", "2"])
    assert (shown.exit_code, shown.output) == (0, "0.9487  king\n0.5547  queen\n")
    shown = CliRunner().invoke(similar_command, [str(store.path), "man", "-k", "1", "--json"])
    assert json.loads(shown.output) == {
        "word": "man",
        "similar": [{"word": "king", "cosine": pytest.approx(0.9486833)}],
    }


def test_analogy_on_the_command_line(store: embstore.Store) -> None:
    shown = CliRunner().invoke(analogy_command, [str(store.path), "man", "king", "woman", "-k", "1"])
    assert (shown.exit_code, shown.output) == (0, "0.8098  queen\n")
    shown = CliRunner().invoke(analogy_command, [str(store.path), "man", "king", "woman", "-k", "1", "--json"])
    cosine = pytest.approx(0.8098086, abs=1e-6)
    assert json.loads(shown.output) == {
        "a": "man", "b": "king", "c": "woman", "similar": [{"word": "queen", "cosine": cosine}]
    }  # fmt: skip


def test_an_unknown_word_on_the_command_line_is_an_error_that_names_it(store: embstore.Store) -> None:
    shown = CliRunner().invoke(similar_command, [str(store.path), "qzxv"])
    assert isinstance(shown.exception, UnknownTokenError)
    assert shown.exception.tokens == ("qzxv",)


def test_words_that_are_not_utf8_are_printed_as_their_bytes(tmp_path: Path) -> None:
    with pytest.warns(embstore.EmbstoreWarning):
        embstore.save(tmp_path / "s.safetensors", ["a", "caf\udce9"], VECTORS[:2])
    shown = CliRunner().invoke(similar_command, [str(tmp_path / "s.safetensors"), "a"])
    assert shown.stdout_bytes == b"0.9487  caf\xe9\n"


def test_a_batch_is_not_one_word(store: embstore.Store) -> None:
    with pytest.raises(TypeError) as caught:
        store.most_similar_batch("man")
    assert str(caught.value) == "most_similar_batch takes a list of words; for one word use most_similar"


def test_pairs_weigh_words_and_vectors_as_in_gensim(store: embstore.Store) -> None:
    make: Any = KeyedVectors
    known = [row for row, word in enumerate(WORDS) if word != "zero"]  # which has no cosine in gensim
    other = make(2)
    other.add_vectors([WORDS[row] for row in known], VECTORS[known])
    unit = np.array([0.6, 0.8], np.float32)
    calls: list[tuple[Any, Any]] = [
        ([("king", 2.0), "woman"], [("man", -0.5)]),
        ([("king", 0.25), ("woman", np.float32(3))], []),
        ([("queen", -1), (unit, 2)], ["man", ("car", 0.75)]),
        ([["king", 2]], [unit]),
    ]
    for positive, negative in calls:
        found = store.most_similar(positive, negative)
        assert_found([each for each in found if each[0] != "zero"], other.most_similar(positive, negative))
    assert_found(store.most_similar(("man", 5.0), topn=2), store.most_similar("man", topn=2))
    assert_found(store.most_similar((np.array([1.0, 0.0]), -1), topn=1), [("car", 0.5**0.5)])
    assert store.most_similar(("king", "woman"), topn=6) == store.most_similar(["king", "woman"], topn=6)


@pytest.mark.parametrize(
    ("queries", "error", "message"),
    [
        ([("king", float("nan"))], ValueError, "the weight of 'king' is nan"),
        ([(np.ones(2), float("inf"))], ValueError, "the weight of a vector is inf"),
        ([None], TypeError, "a query is a word, a vector, or a pair of one and its weight, not None"),
        ([("king", "woman", 2)], TypeError,
         "a query is a word, a vector, or a pair of one and its weight, not ('king', 'woman', 2)"),
        ([1.0, 2.0], ValueError, "a query vector of shape (), expected (2,)"),
        (np.ones((1, 3)), ValueError, "a query vector of shape (3,), expected (2,)"),
    ],
)  # fmt: skip
def test_queries_that_are_none(store: embstore.Store, queries: Any, error: type[Exception], message: str) -> None:
    calls: list[Callable[[], object]] = [
        lambda: store.most_similar(queries),
        lambda: store.most_similar("king", queries),
    ]
    for call in calls:
        with pytest.raises(error) as caught:
            call()
        assert str(caught.value) == message


def test_a_batch_has_no_weights(store: embstore.Store) -> None:
    with pytest.raises(TypeError) as caught:
        store.most_similar_batch(["man", ("king", 2.0)])  # type: ignore[list-item]
    assert str(caught.value) == "most_similar_batch takes words or vectors without weights, not ('king', 2.0)"


def test_columns_of_words_are_queries(store: embstore.Store) -> None:
    for words in (pa.array(["king", "woman"]), np.array(["king", "woman"]), iter(["king", "woman"])):
        assert store.most_similar(words, topn=2) == store.most_similar(["king", "woman"], topn=2)  # type: ignore[arg-type]
    assert store.most_similar_batch(pa.array(["man"]), topn=1) == [store.most_similar("man", topn=1)]


def test_no_search_imports_torch_or_pyarrow(store: embstore.Store) -> None:
    code = (
        "import sys, numpy, embstore; store = embstore.Store.open(sys.argv[1]);"
        "store.most_similar(['king', (numpy.ones(2), 2)], 'man'); list(store); store[['man']]; store.rows(('king',));"
        "print({'torch', 'pyarrow', 'h5py', 'click', 'pandas', 'polars'} & sys.modules.keys())"
    )
    assert output_of(code, store.path) == "set()\n"
