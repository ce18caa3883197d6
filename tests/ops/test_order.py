"""`convert(order="words")`: row i is the vector of word i, found as a layer over the chosen words finds it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.glove import RealGlove
from support.ngram_models import MODEL, MODELS
from support.stored import stored
from support.tables import Rows, rows_by_word, saved

import embstore
from embstore.core.dtypes import decode_rows, encode_rows
from embstore.core.options import Dtype, Duplicates
from embstore.ops.loss import convert_and_compare

TEXT = "the 1 2\nof 3 4\n<unk> 7 8\n0.0 9 10\nfrog -1 0.5\n"
LONG_NGRAMS = MODELS / "ngrams_3_to_6.bin"
DTYPES: list[Dtype] = ["float32", "float16", "bfloat16", "int8"]


@pytest.fixture
def text(tmp_path: Path) -> Path:
    (tmp_path / "t.txt").write_text(TEXT, encoding="utf-8")
    return tmp_path / "t.txt"


def in_order(source: Path, words: Any, oov: str | None = None, **options: Any) -> tuple[Rows, embstore.Report]:
    target = source.with_name("ordered.safetensors")
    report = embstore.convert(source, target, vocab_only=words, order="words", oov=oov, overwrite=True, **options)
    with embstore.open(target) as store:
        store.verify()
        return rows_by_word(store), report


def test_rows_are_in_the_order_of_the_words_and_missing_ones_are_left_out(text: Path) -> None:
    table, report = in_order(text, ["frog", "q", "the", "The"])
    assert list(table.items()) == [("frog", [-1, 0.5]), ("the", [1, 2])]
    assert (report.rows, report.found, report.missing, report.filled) == (2, 2, ["q", "The"], {})


FILLED: list[tuple[str, list[float], list[float], dict[str, int]]] = [
    ("zero", [0, 0], [0, 0], {"zero": 2}),
    ("lower,zero", [1, 2], [0, 0], {"lower": 1, "zero": 1}),
    ("digits,mean", [1, 2.25], [9, 10], {"digits": 1, "mean": 1}),
    ("unk", [7, 8], [7, 8], {"unk": 2}),
    ("lower,unk:frog", [1, 2], [-1, 0.5], {"lower": 1, "unk:frog": 1}),
]


@pytest.mark.parametrize(("oov", "the", "number", "filled"), FILLED)
def test_a_policy_fills_the_rows_of_missing_words(
    text: Path, oov: str, the: list[float], number: list[float], filled: dict[str, int]
) -> None:
    """Forms and the token for unknown words are looked up in the whole table; the mean is that of `of` and `frog`."""
    table, report = in_order(text, ["THE", "frog", "5.7", "of"], oov)
    assert list(table.items()) == [("THE", the), ("frog", [-1, 0.5]), ("5.7", number), ("of", [3, 4])]
    assert (report.rows, report.found, report.missing, report.filled) == (4, 2, ["THE", "5.7"], filled)


def test_skip_leaves_out_what_no_back_off_finds(text: Path) -> None:
    table, report = in_order(text, ["q", "THE", "of"], "lower,skip")
    assert list(table.items()) == [("THE", [1, 2]), ("of", [3, 4])]
    assert (report.found, report.missing, report.filled) == (1, ["q", "THE"], {"lower": 1})


def test_error_names_the_first_missing_word_and_leaves_nothing(text: Path) -> None:
    with pytest.raises(embstore.FormatError) as caught:
        in_order(text, ["of", "THE", "x", "q"], "lower,error")
    missing = "no row for 2 of 4 words, the first 'x'"
    assert str(caught.value) == f"{text}: {missing}; `oov='lower,zero'` gives them rows of zeros"
    assert [path.name for path in text.parent.iterdir()] == [text.name]


def test_a_table_without_a_token_for_unknown_words_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("the 1 2\nof 3 4\n", encoding="utf-8")
    with pytest.raises(
        embstore.EmbstoreError, match=r"^oov 'unk': <Store t\.txt: 1 x 2 float32, mapped> has no token "
    ):
        in_order(tmp_path / "t.txt", ["the", "q"], "unk")
    assert [path.name for path in tmp_path.iterdir()] == ["t.txt"]


def test_repeated_words_have_one_row_and_a_warning(text: Path) -> None:
    message = "repeated words of the list, which have one row, so that later rows move up: 2, the first 'of'"
    with pytest.warns(embstore.EmbstoreWarning) as caught:
        table, report = in_order(text, ["of", "frog", "of", "frog", "the"])
    assert [str(warning.message) for warning in caught] == report.findings == [message]
    assert (list(table), report.requested) == (["of", "frog", "the"], 3)


@pytest.mark.parametrize(("duplicates", "kept"), [("first", [1, 2]), ("last", [5, 6])])
@pytest.mark.parametrize("suffix", ["safetensors", "npy", "txt"])
def test_duplicates_decides_which_row_is_kept(
    tmp_path: Path, duplicates: Duplicates, kept: list[float], suffix: str
) -> None:
    (tmp_path / "t.txt").write_text("the 1 2\nof 3 4\nthe 5 6\nq 7 8\nq 9 9\n", encoding="utf-8")
    target, words = tmp_path / f"o.{suffix}", ["of", "The", "the"]
    with pytest.warns(embstore.EmbstoreWarning, match=r"^repeated tokens: 1, the first 'the'$"):
        report = embstore.convert(
            tmp_path / "t.txt", target, vocab_only=words, order="words", oov="lower", duplicates=duplicates
        )
    assert rows_by_word(embstore.open(target)) == {"of": [3, 4], "The": kept, "the": kept}
    assert (report.rows, report.duplicates) == (3, 1)


def test_duplicates_may_be_an_error(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("the 1 2\nof 3 4\nthe 5 6\n", encoding="utf-8")
    with pytest.raises(embstore.FormatError, match=r"ordered\.safetensors: the token 'the' appears twice"):
        in_order(tmp_path / "t.txt", ["of", "the"], duplicates="error")
    assert in_order(tmp_path / "t.txt", ["of"], duplicates="error")[0] == {"of": [3, 4]}


def test_other_options_apply_before(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("The 3 4\nof 0 0\nFROG 0 2\nto 1 0\n", encoding="utf-8")
    with pytest.warns(embstore.EmbstoreWarning, match=r"^rows of zeros left out: 1, the first 'of'$"):
        table, report = in_order(
            tmp_path / "t.txt", ["to", "frog", "of", "the"], "zero",
            lower=True, drop_zeros=True, normalize=True, limit=3, dtype="float16",
        )  # fmt: skip
    assert table == {
        "to": [0, 0],
        "frog": [0, 1],
        "of": [0, 0],
        "the": [float(np.float16(0.6)), float(np.float16(0.8))],
    }
    assert (report.found, report.missing, report.dtype) == (2, ["to", "of"], "float16")


def test_rows_that_are_odd_are_counted_where_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("the nan 2\nof 3 4\nto nan nan\n", encoding="utf-8")
    with pytest.warns(embstore.EmbstoreWarning) as caught:
        table, report = in_order(tmp_path / "t.txt", ["THE", "The", "of", "TO", "to"], "lower")
    assert [str(warning.message) for warning in caught] == report.findings == [
        "rows with NaN, Inf or a value beyond the dtype: 4, the first 'THE'"
    ]  # fmt: skip
    assert (report.nonfinite, table["THE"][1]) == (4, 2)
    assert in_order(tmp_path / "t.txt", ["OF", "The2"], "lower,zero")[1].findings == []


def test_words_that_cannot_be_written_are_refused(text: Path) -> None:
    with pytest.raises(ValueError, match=r"^token 0, '\\ud800', has a lone surrogate, which UTF-8 cannot encode"):
        in_order(text, ["of", "\ud800"], "zero")
    assert in_order(text, ["\ud800", "of"])[0] == {"of": [3, 4]}


def test_an_object_whose_rows_are_not_those_that_are_written_is_refused(text: Path) -> None:
    words = text.with_name("my.json")
    words.write_text('{"of": 1, "frog": 2}')
    reason = "the word 'of' has the row 1, expected 0: rows are written from 0 on, one for each word; "
    with pytest.raises(embstore.FormatError) as caught:
        in_order(text, words, "zero")
    assert str(caught.value) == f"{words}: {reason}give all rows a word, or list the words in their order"
    assert list(in_order(text, words)[0]) == ["of", "frog"]  # without a policy, rows have no numbers of their own
    words.write_text('{"of": 1, "frog": 0, "the": 1}')
    with pytest.raises(embstore.FormatError, match=r"'the' has the row 1, expected 2: "):
        in_order(text, words, "zero")


def test_a_mapping_is_read_by_its_rows(text: Path) -> None:
    assert list(in_order(text, {"frog": 2, "q": 0, "the": 1}, "zero")[0]) == ["q", "the", "frog"]
    assert list(in_order(text, {"frog": 9, "the": 1})[0]) == ["frog", "the"]
    for rows in ({"frog": 1, "the": 2}, {"frog": 0, "the": 0}, {"frog": "a", "the": 0}):
        with pytest.raises(ValueError) as caught:
            in_order(text, rows, "zero")
        assert str(caught.value) == "vocab_only: a mapping whose values are not the rows 0 to 1: list the words"


def test_a_set_has_no_order(text: Path) -> None:
    with pytest.raises(TypeError, match=r"^vocab_only: a set has no order, expected a list of words$"):
        in_order(text, {"the", "of"})
    assert embstore.convert(text, text.with_name("o.npy"), vocab_only={"the", "of"}).found == 2


def test_blank_lines_have_rows(text: Path) -> None:
    words = text.with_name("my.txt")
    words.write_text("\nof\nthe\n")
    assert list(in_order(text, words, "zero")[0].items()) == [("", [0, 0]), ("of", [3, 4]), ("the", [1, 2])]
    assert list(in_order(text, words)[0]) == ["of", "the"]


def as_written(vectors: NDArray[np.float32], dtype: Dtype) -> NDArray[np.float32]:
    return decode_rows(encode_rows(vectors, dtype), dtype).astype(np.float32)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("oov", ["mean", "lower,hash:4", "lower,hash:4:3", "zero", "unk:w3"])
def test_rows_are_those_of_the_table_in_the_order_of_the_file(tmp_path: Path, dtype: Dtype, oov: str) -> None:
    """To the bit, special rows too; a sum of several rows is rounded once more."""
    vectors = np.random.default_rng(1).standard_normal((300, 5)).astype(np.float32)
    table = saved(tmp_path / "t.safetensors", [f"w{i}" for i in range(300)], vectors, dtype=dtype)
    chosen = [f"w{i}" for i in np.random.default_rng(2).permutation(250)]
    words = ["q", *chosen[:100], "W7", *chosen[100:], "z", "W3"]
    one, two = tmp_path / "one.safetensors", tmp_path / "two.safetensors"
    embstore.convert(table, one, vocab_only=chosen, oov=oov, padding=True)
    embstore.convert(table, two, vocab_only=words, order="words", oov=oov, padding=True)
    plain, ordered = embstore.open(one), embstore.open(two)
    ordered.verify()
    expected, summed = plain.aligned(words), np.isin(words, ["q", "z"]) & oov.endswith(":3")
    expected[summed] = as_written(expected[summed], dtype)
    assert (list(ordered.itos), ordered.dtype) == (words, dtype)
    np.testing.assert_array_equal(ordered.vectors.astype(np.float32), expected)
    np.testing.assert_array_equal(stored(ordered)[len(words) :], stored(plain)[250:])
    policy = [{key: store.metadata[key] for key in ("embstore.oov", "embstore.padding")} for store in (plain, ordered)]
    assert policy[0] == policy[1]


@pytest.mark.torch
@pytest.mark.parametrize("oov", ["lower,mean", "hash:5", "lower,zero", "unk", "hash:5:2"])
def test_rows_are_those_of_a_layer_over_the_chosen_words(text: Path, oov: str) -> None:
    chosen, words = ["frog", "the", "<unk>"], ["x", "THE", "frog", "<unk>", "y", "the"]
    embstore.convert(text, text.with_name("chosen.safetensors"), vocab_only=chosen)
    bag = embstore.EmbeddingBag.from_pretrained(text.with_name("chosen.safetensors"), oov=oov, mode="sum")
    in_order(text, words, oov)
    mapped = embstore.EmbeddingBag.from_pretrained(text.with_name("ordered.safetensors"), mode="sum")
    expected = bag(*bag.encode([[word] for word in words]))
    assert mapped.weight[: len(words)].tolist() == expected.tolist()
    strangers = [["p"], ["Frog"], ["qq"]]
    assert mapped(*mapped.encode(strangers)).tolist() == bag(*bag.encode(strangers)).tolist()
    if not oov.endswith(":2"):
        layer = embstore.Embedding.from_pretrained(text.with_name("chosen.safetensors"), oov=oov)
        assert layer(layer.encode(words)).tolist() == expected.tolist()


@pytest.mark.parametrize("target", ["o.safetensors", "o.npy"])
def test_missing_words_get_the_vectors_of_their_ngrams(tmp_path: Path, target: str) -> None:
    words = ["frogs", "the", "", "žáby", "frog"]
    report = embstore.convert(LONG_NGRAMS, tmp_path / target, vocab_only=words, order="words", oov="subword")
    model, made = embstore.open(LONG_NGRAMS), embstore.open(tmp_path / target)
    assert (list(made.itos), report.found, report.filled) == (words, 2, {"subword": 3})
    np.testing.assert_array_equal(made.vectors, model.aligned(words, "subword"))
    assert not made[""].any()  # it has no n-grams
    if made.special:
        assert made.aligned(["toads"]).tolist() == model.aligned(["toads"]).tolist()


def test_without_a_policy_the_ngrams_of_a_model_are_kept(tmp_path: Path) -> None:
    embstore.convert(MODEL, tmp_path / "o.safetensors", vocab_only=["frogs", "the", "a", "frog"], order="words")
    model, made = embstore.open(MODEL), embstore.open(tmp_path / "o.safetensors")
    assert (list(made.itos), made.special) == (["the", "a", "frog"], model.special)
    assert made.aligned(["frogs", "a"]).tolist() == model.aligned(["frogs", "a"]).tolist()


def test_counts_of_words_are_kept(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("the\t900\nof\t50\nto\t7\n")
    np.save(tmp_path / "m.npy", np.arange(6, dtype=np.float32).reshape(3, 2))
    with pytest.warns(embstore.EmbstoreWarning, match="taken as their counts"):
        table, _ = in_order(tmp_path / "m.npy", ["to", "q", "The", "the"], "lower,zero", vocab=tmp_path / "words.txt")
    counts = embstore.open(tmp_path / "ordered.safetensors").counts
    assert table == {"to": [4, 5], "q": [0, 0], "The": [0, 1], "the": [0, 1]}
    assert counts is not None
    assert counts.tolist() == [7, 0, 0, 900]


UNK: list[tuple[list[str], bool]] = [(["q", "the"], False), (["q", "<unk>"], True), (["q", "unk"], False)]


@pytest.mark.parametrize(("words", "named"), UNK)
def test_the_file_names_a_policy_that_gives_the_same_rows(tmp_path: Path, words: list[str], named: bool) -> None:
    (tmp_path / "t.txt").write_text("the 1 2\nunk 3 4\n<unk> 5 6\n", encoding="utf-8")
    assert in_order(tmp_path / "t.txt", words, "unk")[0]["q"] == [5, 6]
    made = embstore.open(tmp_path / "ordered.safetensors")
    assert made.metadata.get("embstore.oov") == ("unk" if named else None)
    assert embstore.Encoder(made).encode(["q"]).tolist() == [0]


def test_the_token_for_unknown_words_may_have_another_name_in_the_list(text: Path) -> None:
    (text.with_name("t.txt")).write_text("the 1 2\nunk 3 4\n", encoding="utf-8")
    assert in_order(text, ["<unk>", "the", "q"], "unk")[0] == {"<unk>": [3, 4], "the": [1, 2], "q": [3, 4]}
    made = embstore.open(text.with_name("ordered.safetensors"))
    assert made.aligned(["zz"]).tolist() == [[3, 4]]


TOKENS = ["a", "B", "b", "A1", "a0", "#", "u", "É"]
NUMBERS = st.lists(st.integers(-9, 9).map(float), min_size=2, max_size=2)
FORMS: dict[str, list[Callable[[str], list[str]]]] = {
    "lower": [lambda word: [word.lower()]],
    "lower,digits": [
        lambda word: [word.lower()],
        lambda word: [re.sub(r"\d", "0", word.lower()), re.sub(r"\d", "#", word.lower())],
    ],
    "": [],
}


def model(rows: list[tuple[str, list[float]]], words: list[str], chain: str, ending: str, last: bool) -> Rows | None:
    """What is written: None for an error."""
    table: Rows = {}
    for token, row in rows:
        if last or token not in table:
            table[token] = row
    chosen = [row for token, row in table.items() if token in words]
    ends: dict[str, list[float] | None] = {
        "zero": [0.0, 0.0],
        "mean": list(map(float, np.array(chosen or [[0, 0]], np.float64).mean(axis=0).astype(np.float32))),
        "unk:u": table.get("u"),
    }
    made: Rows = {}
    for word in dict.fromkeys(words):
        forms = [word, *(form for step in FORMS[chain] for form in step(word))]
        found = next((table[form] for form in forms if form in table), ends.get(ending))
        if found is not None:
            made[word] = found
        elif ending in ("error", "unk:u"):
            return None
    return made


@given(
    rows=st.lists(st.tuples(st.sampled_from(TOKENS), NUMBERS), min_size=1),
    words=st.lists(st.sampled_from([*TOKENS, "A7", "9", "é", "q"]), min_size=1),
    chain=st.sampled_from(list(FORMS)),
    ending=st.sampled_from(["", "skip", "error", "zero", "mean", "unk:u"]),
    last=st.booleans(),
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::embstore.EmbstoreWarning")
def test_the_result_is_that_of_a_model(
    tmp_path: Path, rows: list[tuple[str, list[float]]], words: list[str], chain: str, ending: str, last: bool
) -> None:
    (tmp_path / "t.txt").write_text("".join(f"{token} {a} {b}\n" for token, (a, b) in rows), encoding="utf-8")
    oov = ",".join(filter(None, [chain, ending])) or None
    expected = model(rows, words, chain, (ending or "error") if oov else "skip", last)
    if ending == "unk:u" and "u" not in dict(rows):
        expected = None  # refused, also if no word is missing
    try:
        table, report = in_order(tmp_path / "t.txt", words, oov, duplicates="last" if last else "first", dim=2)
    except embstore.EmbstoreError:
        assert not expected or not needed(rows, words, chain, ending)
        return
    assert list(table.items()) == list((expected or {}).items())
    distinct, tokens = list(dict.fromkeys(words)), {token for token, _ in rows}
    assert (report.requested, report.found) == (len(distinct), len(set(words) & tokens))
    assert report.missing == [word for word in distinct if word not in tokens][:10]
    assert len(set(words) & tokens) + sum(report.filled.values()) == report.rows == len(table)


def needed(rows: list[tuple[str, list[float]]], words: list[str], chain: str, ending: str) -> bool:
    """Whether the table has any row that a word may get; a table without one is refused."""
    tokens = {token for token, _ in rows}
    forms = {form for word in words for step in FORMS[chain] for form in step(word)}
    return bool(tokens & {*words, *forms, *(["u"] if ending == "unk:u" else [])})


def test_the_loss_of_rounding_is_measured_with_filled_rows(text: Path) -> None:
    options: Any = {"vocab_only": ["q", "THE", "frog"], "order": "words", "oov": "lower,zero", "dtype": "float16"}
    report, loss = convert_and_compare(text, text.with_name("o.safetensors"), **options)
    assert (report.rows, loss.common, loss.only_first, loss.only_second, loss.largest) == (3, 3, 0, 0, 0)


def test_real_glove(real_glove_text: Path, real_glove: RealGlove, tmp_path: Path) -> None:
    words = ["<pad>", "queen", "The", "frog", "qzxv", "king"]
    report = embstore.convert(real_glove_text, tmp_path / "mine.npy", vocab_only=words, order="words", oov="lower,zero")
    assert (report.requested, report.found, report.missing) == (6, 3, ["<pad>", "The", "qzxv"])
    assert report.filled == {"lower": 1, "zero": 2}
    matrix = np.load(tmp_path / "mine.npy")
    rows = [real_glove.words.index(word) for word in ("queen", "the", "frog", "king")]
    np.testing.assert_array_equal(matrix[[1, 2, 3, 5]], real_glove.vectors[rows])
    assert not matrix[[0, 4]].any()
    assert matrix[3, :3].tolist() == np.array([0.61038, -0.20757, -0.71951], np.float32).tolist()
