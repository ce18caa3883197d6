"""Words to ids: flat, padded and ragged, with every ending, from lists and columns, in other processes."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import pickle
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from support.running import output_of
from support.tables import saved

import embstore
from embstore.words.columns import WordWeights
from embstore.words.encoded import Bags
from embstore.words.encoder import Encoder
from embstore.words.endings.hash import Hash
from embstore.words.vocabulary import Vocabulary

WORDS = ["the", "The", "café", "<unk>", "r0d0", "frog", ". . ."]
WORD = st.sampled_from([*WORDS, "FROG", "CAFE\u0301", "R2D2", "qzxv", "", "ニ"])
BAGS = st.lists(st.lists(WORD, max_size=5), max_size=5)


@pytest.fixture
def store(tmp_path: Path) -> embstore.Store:
    vectors = np.arange(14, dtype=np.float32).reshape(7, 2)
    return embstore.open(saved(tmp_path / "words.safetensors", WORDS, vectors))


def vocabulary() -> Vocabulary:
    return Vocabulary(WORDS)


def bags(given: Bags) -> tuple[Any, ...]:
    return tuple(None if part is None else part.tolist() for part in given)


def message(error: type[Exception], call: Callable[[], object]) -> str:
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    return str(caught.value)


# ----------------------------------------------------------------------------------------------- one sentence


def test_a_sentence(kernel: ModuleType, store: embstore.Store) -> None:
    ids = Encoder(store).encode(["frog", "the", "frog"])
    assert ids.dtype == np.int64
    assert ids.tolist() == [5, 0, 5]
    assert Encoder(store).encode(("café", ". . .")).tolist() == [2, 6]
    assert Encoder(store).encode(np.array(["frog", "the"])).tolist() == [5, 0]
    assert Encoder(store).encode(np.array(["frog", "the"], object)).tolist() == [5, 0]
    assert Encoder(store).encode(word for word in ["frog"]).tolist() == [5]
    assert Encoder(store).encode([np.str_("frog"), np.str_("café")]).tolist() == [5, 2]


def test_a_sentence_without_words(store: embstore.Store) -> None:
    ids = Encoder(store).encode([])
    assert ids.dtype == np.int64
    assert ids.shape == (0,)


def test_a_sentence_of_a_length(store: embstore.Store) -> None:
    encoder = Encoder(store, padding=True)
    assert encoder.padding_idx == 7
    assert encoder.encode(["frog", "the"], length=4).tolist() == [5, 0, 7, 7]
    assert encoder.encode(["frog", "the"], length=4, side="left").tolist() == [7, 7, 5, 0]
    assert encoder.encode(["frog", "the"], length=1).tolist() == [5]
    assert encoder.encode(["frog", "the"], length=2).tolist() == [5, 0]
    assert encoder.encode(["frog"], length=0).tolist() == []
    assert encoder.encode([], length=2).tolist() == [7, 7]


def test_words_beyond_the_length_are_not_looked_up(store: embstore.Store) -> None:
    assert Encoder(store).encode(["frog", "qzxv"], length=1).tolist() == [5]
    assert Encoder(store).encode([["frog", "qzxv"], ["the"]], length=1).tolist() == [[5], [0]]


# --------------------------------------------------------------------------------------------------- a batch


def test_a_batch(kernel: ModuleType, store: embstore.Store) -> None:
    encoder = Encoder(store, padding=True)
    uneven = [["the", "frog", "The"], [], ["café"]]
    assert encoder.encode(uneven).tolist() == [[0, 5, 1], [7, 7, 7], [2, 7, 7]]
    assert encoder.encode(uneven, side="left").tolist() == [[0, 5, 1], [7, 7, 7], [7, 7, 2]]
    assert encoder.encode(uneven, length=2).tolist() == [[0, 5], [7, 7], [2, 7]]
    assert encoder.encode(uneven, length=2, side="left").tolist() == [[0, 5], [7, 7], [7, 2]]
    assert encoder.encode(uneven, length=4).tolist() == [[0, 5, 1, 7], [7, 7, 7, 7], [2, 7, 7, 7]]
    assert encoder.encode(uneven, length=0).shape == (3, 0)
    assert encoder.encode(tuple(map(tuple, uneven))).tolist() == [[0, 5, 1], [7, 7, 7], [2, 7, 7]]


def test_an_even_batch_needs_no_padding(store: embstore.Store) -> None:
    assert Encoder(store).encode([["the", "frog"], ["café", "the"]]).tolist() == [[0, 5], [2, 0]]
    assert Encoder(store).encode(np.array([["the", "frog"], ["café", "the"]])).tolist() == [[0, 5], [2, 0]]
    assert Encoder(store).encode([[], []]).shape == (2, 0)
    assert Encoder(store).encode([["the", "frog"]], length=2).tolist() == [[0, 5]]


def test_an_uneven_batch_without_padding(store: embstore.Store) -> None:
    cure = "without padding: pass padding=True to the encoder or layer"
    encoder = Encoder(store)
    found = message(ValueError, lambda: encoder.encode([["the", "frog"], ["the"]]))
    assert found == f"sentences of 1 to 2 words do not fill a matrix of 2 columns {cure}"
    found = message(ValueError, lambda: encoder.encode(["the"], length=3))
    assert found == f"sentences of 1 to 1 words do not fill a matrix of 3 columns {cure}"


@given(batch=st.lists(st.lists(WORD, max_size=5), min_size=1, max_size=5), length=st.none() | st.integers(0, 6))
@pytest.mark.parametrize("side", ["left", "right"])
def test_any_batch_is_padded_as_by_hand(batch: list[list[str]], length: int | None, side: Any) -> None:
    encoder = Encoder(vocabulary(), "hash:3", padding=True)
    width = max(map(len, batch)) if length is None else length

    def row(words: list[str]) -> list[int]:
        ids = [WORDS.index(w) if w in WORDS else 8 + int(Hash(3).buckets_of([w])[0, 0]) for w in words[:width]]
        return ids + [7] * (width - len(ids)) if side == "right" else [7] * (width - len(ids)) + ids

    ids = encoder.encode(batch, length=length, side=side)
    assert ids.dtype == np.int64
    assert ids.shape == (len(batch), width)
    assert ids.tolist() == [row(words) for words in batch]


# ------------------------------------------------------------------------------------------------------- bags


def test_ragged_bags(kernel: ModuleType, store: embstore.Store) -> None:
    encoder = Encoder(store, padding=True)
    ragged = [["the", "frog", "the"], [], ["café"], []]
    assert bags(encoder.encode_bags(ragged)) == ([0, 5, 0, 2], [0, 3, 3, 4], None)
    assert bags(encoder.encode_bags(ragged, include_last_offset=True)) == ([0, 5, 0, 2], [0, 3, 3, 4, 4], None)
    values, offsets, _ = encoder.encode_bags(ragged)
    assert values.dtype == offsets.dtype == np.int64


@pytest.mark.parametrize("oov", ["error", "skip", "hash:5:2"])
def test_no_bags_and_empty_bags(store: embstore.Store, oov: str) -> None:
    encoder = Encoder(store, oov)
    assert bags(encoder.encode_bags([])) == ([], [], None)
    assert bags(encoder.encode_bags([], [], include_last_offset=True)) == ([], [0], [])
    assert bags(encoder.encode_bags([[], []])) == ([], [0, 0], None)
    assert bags(encoder.encode_bags([[], []], [[], []])) == ([], [0, 0], [])
    assert encoder.encode_bags([]).values.dtype == np.int64


def test_skipped_words_leave_their_bag(store: embstore.Store) -> None:
    ragged = [["q", "the", "q"], ["q"], [], ["frog", "FROG"]]
    encoder = Encoder(store, "skip")
    assert bags(encoder.encode_bags(ragged)) == ([0, 5], [0, 1, 1, 1], None)
    weights = [[1, 2, 3], [4], [], [5, 6]]
    assert bags(encoder.encode_bags(ragged, weights, include_last_offset=True)) == ([0, 5], [0, 1, 1, 1, 2], [2, 5])
    assert bags(encoder.encode_bags([["q"], ["q", "q"]], [[1], [2, 3]])) == ([], [0, 0], [])


def test_several_hashes_give_several_ids(store: embstore.Store) -> None:
    first, second = (7 + Hash(100, 2).buckets_of(["q"])[0]).tolist()
    encoder = Encoder(store, "lower,hash:100:2")
    ragged = [["q", "the"], [], ["FROG", "q"]]
    values = [first, second, 0, 5, first, second]
    assert bags(encoder.encode_bags(ragged)) == (values, [0, 3, 3], None)
    weights: list[list[float]] = [[1, 2], [], [3, 0.5]]
    assert bags(encoder.encode_bags(ragged, weights)) == (values, [0, 3, 3], [1, 1, 2, 3, 0.5, 0.5])
    only = encoder.encode_bags([["q"], ["q", "q"]], [[1], [2, 3]], include_last_offset=True)
    assert bags(only) == ([first, second] * 3, [0, 2, 6], [1, 1, 2, 2, 3, 3])


def test_weights(store: embstore.Store) -> None:
    encoder = Encoder(store)
    ragged = [["the", "frog"], [], ["the"]]
    nested: list[list[float]] = [[1, 0.5], [], [2]]
    forms: list[WordWeights] = [nested, [1, 0.5, 2], np.array([1, 0.5, 2]), pa.array(nested)]
    for weights in forms:
        found = encoder.encode_bags(ragged, weights)
        assert found.weights is not None
        assert found.weights.dtype == np.float32
        assert bags(found) == ([0, 5, 0], [0, 2, 2], [1, 0.5, 2])


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([[1, 2], [3]], "bag 1 has 2 words and 1 weights: each word needs one"),
        ([[1, 2]], "weights for 1 bags, but there are 2 bags"),
        ([1.0, 2.0, 3.0], "3 weights for 4 words: each word in the bags needs one"),
        ([], "0 weights for 4 words: each word in the bags needs one"),
    ],
)
def test_weights_of_the_wrong_number(store: embstore.Store, weights: Any, expected: str) -> None:
    ragged = [["the", "frog"], ["the", "the"]]
    assert message(ValueError, lambda: Encoder(store).encode_bags(ragged, weights)) == expected


@given(ragged=BAGS, oov=st.sampled_from(["skip", "lower,skip", "zero", "hash:4", "nfc,lower,hash:4:3"]), data=st.data())
def test_any_bags_are_encoded_as_by_hand(ragged: list[list[str]], oov: str, data: st.DataObject) -> None:
    encoder = Encoder(vocabulary(), oov, padding=data.draw(st.booleans()))
    first = 7 + encoder.padding
    weights = [[float(data.draw(st.integers(0, 9))) for _ in words] for words in ragged]

    def ids(word: str) -> list[int]:
        backed = {"FROG": "frog"} if "lower" in oov else {}
        if "nfc" in oov:
            backed["CAFE\u0301"] = "café"
        word_or_form = backed.get(word, word)
        if word_or_form in WORDS:
            return [WORDS.index(word_or_form)]
        if isinstance(encoder.policy.ending, Hash):
            return [first + int(place) for place in encoder.policy.ending.buckets_of([word])[0]]
        return [] if oov.endswith("skip") else [first]

    expected = [[i for word in words for i in ids(word)] for words in ragged]
    repeated = [
        w
        for words, ws in zip(ragged, weights, strict=True)
        for word, w in zip(words, ws, strict=True)
        for _ in ids(word)
    ]
    found = encoder.encode_bags(ragged, weights, include_last_offset=True)
    ends = found.offsets.tolist()
    assert [found.values[a:b].tolist() for a, b in pairwise(ends)] == expected
    assert ends[-1] == len(found.values)
    assert found.weights is not None
    assert found.weights.tolist() == repeated


# ---------------------------------------------------------------------------------------------------- endings


def test_error_names_every_missing_word_once(store: embstore.Store) -> None:
    with pytest.raises(embstore.UnknownTokenError) as caught:
        Encoder(store, "lower").encode([["qzxv", "FROG"], ["the", "Zz", "qzxv"]], length=3)
    assert caught.value.tokens == ("qzxv", "Zz")
    assert str(caught.value) == "not in the vocabulary: 'qzxv', 'Zz'"


@pytest.mark.parametrize(
    ("oov", "ids"),
    [
        ("zero", [0, 8, 8]),
        ("mean", [0, 8, 8]),
        ("unk", [0, 3, 3]),
        ("unk:frog", [0, 5, 5]),
        ("lower,unk", [0, 5, 3]),
        ("hash:1", [0, 8, 8]),
        (["digits", str.lower, "zero"], [0, 5, 4]),
    ],
    ids=str,
)
def test_what_missing_words_become(kernel: ModuleType, store: embstore.Store, oov: Any, ids: list[int]) -> None:
    encoder = Encoder(store, oov, padding=True)
    assert encoder.encode(["the", "FROG", "r2d2" if len(oov) == 3 else "qzxv"]).tolist() == ids
    assert encoder.num_embeddings == 8 + encoder.policy.ending.rows


@pytest.mark.parametrize(("names", "row"), [(["a", "[UNK]"], 1), (["[UNK]", "unk", "<unk>"], 2), (["[UNK]", "unk"], 1)])
def test_the_token_for_unknown_words_of_a_table(names: list[str], row: int) -> None:
    assert Encoder(Vocabulary(names), "unk").encode(["qzxv"]).tolist() == [row]


def test_endings_that_need_what_the_vocabulary_does_not_have() -> None:
    words = Vocabulary(["a", "b"])
    assert message(embstore.EmbstoreError, lambda: Encoder(words, "unk")) == (
        "oov 'unk': <Vocabulary of 2 words> has no token '<unk>' or 'unk' or '[UNK]'; use 'unk:TOKEN' for another "
        "token, or 'zero' or 'mean'"
    )
    assert message(embstore.EmbstoreError, lambda: Encoder(words, "unk:c")) == (
        "oov 'unk:c': <Vocabulary of 2 words> has no token 'c'; use 'unk:TOKEN' for another token, or 'zero' or 'mean'"
    )
    assert message(embstore.EmbstoreError, lambda: Encoder(words, "lower,subword")) == (
        "oov 'subword' needs the rows of character n-grams, such as those of a fastText .bin file or of a store made "
        "from one; "
        "<Vocabulary of 2 words> has none"
    )


def test_skip_is_for_bags_alone(store: embstore.Store) -> None:
    found = message(ValueError, lambda: Encoder(store, "skip").encode(["the"]))
    assert found == "oov 'skip' drops words, which only bags support: use encode_bags"


def test_the_policy_of_the_file_is_the_default(tmp_path: Path, store: embstore.Store) -> None:
    embstore.convert(store.path or "", tmp_path / "hashed.safetensors", oov="lower,hash:9", padding=True)
    hashed = embstore.open(tmp_path / "hashed.safetensors")
    assert str(Encoder(hashed).policy) == "lower,hash:9"
    assert Encoder(hashed).encode(["FROG", "q"]).tolist() == [5, 8 + int(Hash(9).buckets_of(["q"])[0, 0])]
    assert str(Encoder(hashed, "error").policy) == "error"
    assert str(Encoder(store).policy) == "error"


def test_a_policy_of_a_later_version(store: embstore.Store) -> None:
    store.metadata["embstore.oov"] = "stem,zero"
    found = message(embstore.EmbstoreError, lambda: Encoder(store))
    assert found.startswith(
        "<Store words.safetensors: 7 x 2 float32, mapped> was written for a policy that this embstore does not support "
        "(oov: 'stem' is not a back-off or an ending (back-offs: "
    )
    assert found.endswith("): pass another oov")
    assert Encoder(store, "zero").special == 1


# ------------------------------------------------------------------------------------------- invalid input


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("the frog", "expected a list of words, or of lists of words, not 'the frog'"),
        (b"the", "expected a list of words, or of lists of words, not b'the'"),
        ([b"the"], "expected a list of words, or of lists of words, not a list of bytes"),
        ([["the"], "frog"], "expected a list of words, or of lists of words, not a list of list and str"),
        ([1, 2], "expected a list of words, or of lists of words, not a list of int"),
        ([None], "expected a list of words, or of lists of words, not a list of NoneType"),
        (["the", None], "a word must be a str, not NoneType"),
        ([["the"], [["frog"]]], "a word must be a str, not list"),
        (np.array("the"), "iteration over a 0-d array"),
        (pa.array([1, 2]), "expected a column of strings or of lists of strings, not one of int64"),
        (pa.array([[1], [2]]), "expected a column of strings or of lists of strings, not one of list<item: int64>"),
    ],
    ids=str,
)
def test_anything_but_a_list_of_words_is_refused(
    kernel: ModuleType, store: embstore.Store, words: Any, expected: str
) -> None:
    assert message(TypeError, lambda: Encoder(store).encode(words)) == expected


def test_bags_are_lists_of_lists(store: embstore.Store) -> None:
    expected = "encode_bags takes a list of bags, each a list of words, not a list of words"
    assert message(TypeError, lambda: Encoder(store).encode_bags(["the", "frog"])) == expected
    assert message(TypeError, lambda: Encoder(store).encode_bags(pa.array(["the"]))) == expected


def test_lengths_and_sides(store: embstore.Store) -> None:
    encoder = Encoder(store)
    assert message(ValueError, lambda: encoder.encode(["the"], length=-1)) == "length must be 0 or more, not -1"
    wrong: Any = "start"
    expected = "side must be 'left' or 'right', not 'start'"
    assert message(ValueError, lambda: encoder.encode(["the"], side=wrong)) == expected


def test_a_closed_store(store: embstore.Store) -> None:
    encoder = Encoder(store)
    store.close()
    for words in (["the"], pa.array(["the"])):
        assert message(ValueError, lambda: encoder.encode(words)) == "this store is closed"  # noqa: B023


# ---------------------------------------------------------------------------------------------------- columns


FLAT = [
    lambda words: pa.array(words, pa.string()),
    lambda words: pa.array(words, pa.large_string()),
    lambda words: pa.array(words, pa.string_view()),
    lambda words: pa.array(words, pa.string()).dictionary_encode(),
    lambda words: pa.DictionaryArray.from_arrays(
        pa.array(range(len(words)), pa.int8()), pa.array(words, pa.string_view())
    ),
    lambda words: pa.array(["x", *words, "y"], pa.string())[1:-1],
    lambda words: pa.chunked_array([words[:1], [], words[1:]], pa.string()),
]
NESTED = [
    lambda rows: pa.array(rows, pa.list_(pa.string())),
    lambda rows: pa.array(rows, pa.large_list(pa.large_string())),
    lambda rows: pa.array(rows, pa.list_view(pa.string())),
    lambda rows: pa.array(rows, pa.list_(pa.string_view())),
    lambda rows: pa.array(rows, pa.list_(pa.dictionary(pa.int32(), pa.string()))),
    lambda rows: pa.array([["x", "y"], *rows, ["z"]], pa.list_(pa.string()))[1:-1],
    lambda rows: pa.chunked_array([rows[:1], rows[1:]], pa.list_(pa.string())),
]


@pytest.mark.parametrize("make", FLAT)
@given(words=st.lists(WORD, max_size=6), oov=st.sampled_from(["hash:99", "lower,hash:99"]))
def test_a_column_of_strings(kernel: ModuleType, make: Callable[[Any], Any], words: list[str], oov: str) -> None:
    encoder = Encoder(vocabulary(), oov, padding=True)
    assert encoder.encode(make(words)).tolist() == encoder.encode(words).tolist()
    assert encoder.encode(make(words), length=2).tolist() == encoder.encode(words, length=2).tolist()


@pytest.mark.parametrize("make", NESTED)
@given(rows=BAGS, oov=st.sampled_from(["hash:99", "lower,hash:99"]))
def test_a_column_of_lists(kernel: ModuleType, make: Callable[[Any], Any], rows: list[list[str]], oov: str) -> None:
    encoder = Encoder(vocabulary(), oov, padding=True)
    found, expected = encoder.encode_bags(make(rows)), encoder.encode_bags(rows)
    assert bags(found) == bags(expected)
    if rows:
        for length in (None, 0, 2):
            assert encoder.encode(make(rows), length).tolist() == encoder.encode(rows, length).tolist()
    else:
        assert encoder.encode(make(rows)).shape == (0, 0)
        assert encoder.encode(make(rows), 3).shape == (0, 3)


def test_lists_of_a_fixed_size(store: embstore.Store) -> None:
    column = pa.array([["the", "frog"], ["café", "the"]], pa.list_(pa.string(), 2))
    assert Encoder(store).encode(column).tolist() == [[0, 5], [2, 0]]
    assert Encoder(store).encode(pa.array([[], []])).shape == (2, 0)
    assert Encoder(store).encode(pa.array([])).shape == (0,)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array(["the", None, None]), "2 nulls in the column: a word is null (first: number 1)"),
        (pa.array([["the"], ["frog", None]]), "1 nulls in the column: a word in the lists is null (first: number 2)"),
        (
            pa.array([["the"], None], pa.list_view(pa.string())),
            "1 nulls in the column: a row is null (first: number 1)",
        ),
        (pa.chunked_array([["the"], [None]]), "1 nulls in the column: a word is null (first: number 1)"),
    ],
    ids=["word", "word in a list", "list", "chunk"],
)
def test_nulls(store: embstore.Store, column: Any, expected: str) -> None:
    cure = "; fill them first, with fill_null in pyarrow and polars or fillna in pandas"
    assert message(ValueError, lambda: Encoder(store).encode(column)) == expected + cure
    assert Encoder(store).encode(pa.array(["the", None]).fill_null("frog")).tolist() == [0, 5]


class Foreign:
    """A column of another library, which exports Arrow data by the C interface."""

    def __init__(self, column: Any, protocol: str) -> None:
        setattr(self, protocol, getattr(column, protocol))


@pytest.mark.parametrize("protocol", ["__arrow_c_stream__", "__arrow_c_array__"])
def test_columns_of_other_libraries(store: embstore.Store, protocol: str) -> None:
    column = pa.array([["the"], ["frog", "The"]])
    foreign: Any = Foreign(pa.chunked_array([column]) if protocol == "__arrow_c_stream__" else column, protocol)
    assert bags(Encoder(store).encode_bags(foreign)) == ([0, 5, 1], [0, 1], None)


# ---------------------------------------------------------------------------------------------- other processes


def test_an_encoder_pickles_as_path_and_policy(store: embstore.Store) -> None:
    encoder = Encoder(store, "lower,hash:1000", padding=True)
    pickled = pickle.dumps(encoder)
    assert len(pickled) < 4096
    again = pickle.loads(pickled)
    assert (again.policy, again.padding_idx, again.vocabulary.path) == (encoder.policy, 7, store.path)
    assert again.encode(["The", "q"]).tolist() == encoder.encode(["The", "q"]).tolist()


def test_an_encoder_over_a_vocabulary_pickles_its_words() -> None:
    again = pickle.loads(pickle.dumps(Encoder(vocabulary(), "hash:5")))
    assert again.encode([*WORDS, "q"]).tolist() == Encoder(vocabulary(), "hash:5").encode([*WORDS, "q"]).tolist()


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # Python 3.12 warns of fork
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_encode(store: embstore.Store, method: str) -> None:
    encoder = Encoder(store, "lower,hash:1000:2")
    ragged = [["FROG", "uxm3"], [], ["the"]]
    context = multiprocessing.get_context(method)
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        assert bags(pool.submit(encoder.encode_bags, ragged).result()) == bags(encoder.encode_bags(ragged))


def test_lists_need_neither_torch_nor_pyarrow(store: embstore.Store) -> None:
    code = (
        "import sys, embstore; from embstore.words.encoder import Encoder; "
        f"Encoder(embstore.open({str(store.path)!r}), 'lower,hash:5', padding=True).encode([['the', 'q'], []]); "
        "print({'torch', 'pyarrow', 'h5py', 'click', 'pandas', 'polars'} & sys.modules.keys())"
    )
    assert output_of(code) == "set()\n"


def test_repr_of_an_encoder() -> None:
    shown = "Encoder(<Vocabulary of 7 words>, oov='lower,hash:5', padding=True)"
    assert repr(Encoder(vocabulary(), "lower,hash:5", padding=True)) == shown
    assert repr(Encoder(vocabulary())) == "Encoder(<Vocabulary of 7 words>, oov='error')"


def test_without_a_vocabulary_all_words_are_hashed() -> None:
    encoder = Encoder(Vocabulary(), "hash:4096")
    assert encoder.num_embeddings == encoder.special == 4096
    values = Hash(4096).buckets_of(["uxm3", "a12o", "eri8"])[:, 0].tolist()
    assert bags(encoder.encode_bags([["uxm3", "a12o"], ["eri8"]])) == (values, [0, 2], None)


def test_the_docstring_says_that_the_end_is_cut() -> None:
    text = " ".join(str(Encoder.encode.__doc__).split())
    assert "Truncation always removes words from the end." in text


# ------------------------------------------------------------------------------------------- lone surrogates


@pytest.mark.parametrize("oov", ["zero", "lower,zero"])
def test_only_the_string_of_a_token_finds_it_in_lists_and_columns(kernel: ModuleType, tmp_path: Path, oov: str) -> None:
    tokens = [b"\xed\xa0\x80", "é".encode(), b"\xff"]
    (tmp_path / "t.txt").write_bytes(b"".join(token + b" %d\n" % i for i, token in enumerate(tokens, 1)))
    with pytest.warns(embstore.EmbstoreWarning, match="not UTF-8"):
        store = embstore.open(tmp_path / "t.txt")
    strings = ["\udced\udca0\udc80", "é", "\udcff"]
    others = ["\ud800", "\udcc3\udca9", "\udcff\ud800", "ÿ"]
    assert list(store.itos) == strings
    for found in (store, embstore.Vocabulary(strings)):
        encoder = Encoder(found, oov)
        assert encoder.encode([*strings, *others]).tolist() == [0, 1, 2, 3, 3, 3, 3]
        assert encoder.encode(np.array([*strings, *others], object)).tolist() == [0, 1, 2, 3, 3, 3, 3]
        column = pa.array([*tokens, b"\xc3", b"\xed\xa0"]).cast(pa.string(), safe=False)
        assert encoder.encode(column).tolist() == [0, 1, 2, 3, 3]
        assert encoder.encode_bags([strings, others]).values.tolist() == [0, 1, 2, 3, 3, 3, 3]
        assert [word in found for word in [*strings, *others]] == [True] * 3 + [False] * 4
        assert found.rows(others).tolist() == [-1] * 4
    assert [store.get(word) for word in others] == [None] * 4
    assert [store.get(word, np.zeros(1)).tolist() for word in strings] == [[1], [2], [3]]
    assert store[strings].tolist() == [[1], [2], [3]]
    with pytest.raises(embstore.UnknownTokenError):
        store["\ud800"]
