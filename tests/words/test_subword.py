"""oov="subword": n-gram rows in the store, and the vectors that fastText gives to unknown words."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.memory import peak_of
from support.paths import FORMATS
from support.stored import stored
from support.tables import converted

import embstore
from embstore.cli.main import main
from embstore.core.batch import Tokens
from embstore.core.options import Dtype
from embstore.layers.collate import Collate, Feature
from embstore.ops.coverage import coverage
from embstore.words.encoder import Encoder
from embstore.words.ngrams import Ngrams
from embstore.words.special_rows import SpecialRows

MODELS = FORMATS / "fasttext" / "valid"
MODEL = MODELS / "ngrams_2_to_4.bin"  # 6 words: </s> the frog žába a 日本語; 7 buckets; 3 dimensions
GOLDENS: list[dict[str, Any]] = json.loads((FORMATS / "oov" / "valid" / "subword.json").read_text())
# What gensim 4.4's load_facebook_vectors gives "frogs", "žáby" and "日本", which the golden files do not have.
BY_GENSIM = {
    "ngrams_1_to_1": [
        [0.140625, -0.31874999, -0.14687499],
        [0.12109375, -0.1015625, 0.0703125],
        [0.1875, 0.359375, 0.53125],
    ],
    "ngrams_2_to_4": [
        [-0.12291667, -0.16145833, 0.01041667],
        [-0.0625, -0.15364583, 0.01822917],
        [-0.04947917, -0.140625, 0.03125],
    ],
    "ngrams_3_to_6": [
        [-0.01897321, -0.18526785, -0.01339286],
        [-0.0125, -0.15625, 0.015625],
        [0.07291666, -0.28125, -0.109375],
    ],
}


def pooled_by_layer(source: Any, bags: list[list[str]], weights: Any = None, **options: Any) -> Any:
    bag = embstore.EmbeddingBag.from_pretrained(source, mode="sum", **options)
    return bag(*bag.encode(bags, weights)).float().numpy()


# What fastText 0.9.2's get_word_vector gives them; to load the old ones it was given the header of version 11.
BY_FASTTEXT = {
    "old.bin": [
        [-0.12291668, -0.16145834, 0.01041667],
        [-0.0625, -0.15364584, 0.01822917],
        BY_GENSIM["ngrams_2_to_4"][2],
    ],
    "old_not_utf8.bin": [
        [-0.06875000, -0.10729167, -0.14583334],
        [-0.08723959, -0.04687500, -0.13802084],
        [0.05729167, -0.03385417, -0.12500000],
    ],
    "quantized.ftz": [
        [0.18958335, -0.13645834, 0.05416667],
        [0.11979167, -0.17317709, -0.07812500],
        [0.22395834, -0.23437500, 0.04427084],
    ],
    "quantized_norms.ftz": [[0.34973961, -0.17291668], [0.21191406, -0.45540366], [0.26497397, -0.06119792]],
    "quantized_wide.ftz": [[0.18958335, -0.13645834], [0.11979167, -0.17317709], [0.22395834, -0.23437500]],
}


# ------------------------------------------------------------------------------------------------ the vectors


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda golden: f"{golden['model'][7:13]}-{golden['word']!a}")
def test_ids_and_vectors_of_unknown_words(golden: dict[str, Any]) -> None:
    store = embstore.open(MODELS / golden["model"])
    bags = Encoder(store).encode_bags([[golden["word"]]])
    assert bags.values.tolist() == [len(store) + place for place in golden["places"]]
    np.testing.assert_allclose(store.aligned([golden["word"]]), [golden["vector"]], rtol=0, atol=1e-7)
    np.testing.assert_allclose(pooled_by_layer(store, [[golden["word"]]]), [golden["vector"]], rtol=0, atol=1e-7)


def test_some_words_have_no_ngrams() -> None:
    assert [golden["word"] for golden in GOLDENS if not golden["places"]] == ["", ""]


@pytest.mark.parametrize("name", BY_GENSIM)
def test_vectors_are_those_of_gensim(name: str, tmp_path: Path) -> None:
    words = ["frogs", "žáby", "日本"]
    store = converted(MODELS / f"{name}.bin", tmp_path)
    np.testing.assert_allclose(store.aligned(words), BY_GENSIM[name], rtol=0, atol=1e-6)
    np.testing.assert_allclose(pooled_by_layer(store, [[word] for word in words]), BY_GENSIM[name], rtol=0, atol=1e-6)


words = st.lists(
    st.sampled_from(["the", "frog", "žába", "frogs", "žáby", "x", "日本", "", "</s>", "x" * 40]), max_size=6
)


@pytest.mark.filterwarnings("ignore:.*UTF-8")
@pytest.mark.parametrize("name", BY_FASTTEXT)
def test_vectors_are_those_of_fasttext(name: str, tmp_path: Path) -> None:
    words = ["frogs", "žáby", "日本"]
    store = converted(MODELS / name, tmp_path)
    assert (store.special, store.metadata["embstore.subword"]) == (7, "2,4,7")
    np.testing.assert_allclose(store.aligned(words), BY_FASTTEXT[name], rtol=0, atol=1e-7)
    np.testing.assert_allclose(pooled_by_layer(store, [[word] for word in words]), BY_FASTTEXT[name], rtol=0, atol=1e-7)


@given(bags=st.lists(words, max_size=5), policy=st.sampled_from(["subword", "lower,subword"]))
def test_bags_are_sums_of_the_words_vectors(bags: list[list[str]], policy: str) -> None:
    store = embstore.open(MODEL)
    found = pooled_by_layer(store, bags, oov=policy)
    expected = [store.aligned(bag, "subword").sum(axis=0) for bag in bags]
    np.testing.assert_allclose(found, np.reshape(expected, (-1, 3)), rtol=0, atol=1e-5)


def test_weights_go_to_each_ngram() -> None:
    store = embstore.open(MODEL)
    values, offsets, weights = Encoder(store).encode_bags([["the", "x"], [], ["x"]], [[2, 6], [], [-3]])
    assert values[0] == store.stoi["the"]
    assert (values[1:] >= len(store)).all()
    assert offsets.tolist() == [0, 4, 4]  # <x, <x>, x>
    assert weights is not None
    assert weights.dtype == np.float32
    assert weights.tolist() == [2, 2, 2, 2, -1, -1, -1]
    means = pooled_by_layer(store, [["the", "x"]], [[0.5, 0.5]])
    np.testing.assert_allclose(means, store.aligned(["the", "x"]).mean(axis=0, keepdims=True), atol=1e-6)


def test_known_words_alone_have_weights_too() -> None:
    values, offsets, weights = Encoder(embstore.open(MODEL)).encode_bags([["the", "frog"]], include_last_offset=True)
    assert (values.tolist(), offsets.tolist()) == ([1, 2], [0, 2])
    assert weights is not None
    assert weights.tolist() == [1, 1]


def test_back_offs_come_before_ngrams_which_are_those_of_the_word_as_given() -> None:
    store = embstore.open(MODEL)
    encoder = Encoder(store, "lower,subword")
    assert str(encoder.policy) == "lower,subword"
    assert encoder.encode_bags([["FROG"]]).values.tolist() == [store.stoi["frog"]]
    assert store.aligned(["FROGS"], "lower,subword").tolist() == store.aligned(["FROGS"], "subword").tolist()
    assert store.aligned(["FROGS"]).tolist() != store.aligned(["frogs"]).tolist()


# -------------------------------------------------------------------------------------------------- the store


def test_what_a_store_holds(tmp_path: Path) -> None:
    store = converted(MODEL, tmp_path)
    rows = np.frombuffer(MODEL.read_bytes()[-17 - 12 - 13 * 12 : -17 - 12], "<f4").reshape(13, 3)
    assert (len(store), store.special) == (6, 7)
    assert store.weight[6:].tolist() == rows[6:].tolist()
    assert {key: store.metadata[f"embstore.{key}"] for key in ("oov", "subword")} == {
        "oov": "subword",
        "subword": "2,4,7",
    }
    opened = embstore.open(MODEL)
    assert stored(opened).tobytes() == stored(store).tobytes()
    assert opened.metadata["embstore.subword"] == "2,4,7"


@pytest.mark.parametrize(("dtype", "atol"), [("float32", 1e-7), ("float16", 1e-3), ("bfloat16", 5e-3), ("int8", 8e-3)])
def test_every_dtype(dtype: Dtype, atol: float, tmp_path: Path) -> None:
    words = ["the", "frogs", "žáby", ""]
    expected = embstore.open(MODEL).aligned(words)
    store = converted(MODEL, tmp_path, dtype=dtype)
    assert store.dtype == dtype
    np.testing.assert_allclose(store.aligned(words), expected, rtol=0, atol=atol)
    np.testing.assert_allclose(pooled_by_layer(store, [[word] for word in words]), expected, rtol=0, atol=atol)


@pytest.mark.parametrize(
    "name",
    [
        "pruned.bin",
        "pruned_all.bin",
        "no_ngrams.bin",
        "version_11_labels.bin",
        "old_labels.bin",
        "quantized_pruned.ftz",
        "quantized_pruned_all.ftz",
    ],
)
def test_models_without_all_buckets_have_no_rows_behind_their_words(name: str) -> None:
    store = embstore.open(MODELS / name)
    assert store.special == 0
    assert "embstore.oov" not in store.metadata
    with pytest.raises(embstore.UnknownTokenError):
        store.aligned(["frogs"])


def test_a_policy_given_replaces_the_rows(tmp_path: Path) -> None:
    store = converted(MODEL, tmp_path, oov="lower,hash:4")
    assert (store.special, store.metadata["embstore.oov"]) == (4, "lower,hash:4")
    assert "embstore.subword" not in store.metadata


@pytest.mark.parametrize(("oov", "noted"), [("lower,subword", "lower,subword"), (None, "subword")])
def test_padding_stands_before_the_ngrams(oov: str | None, noted: str, tmp_path: Path) -> None:
    store = converted(MODEL, tmp_path, oov=oov, padding=True)
    assert (store.special, store.metadata["embstore.oov"], store.metadata["embstore.subword"]) == (8, noted, "2,4,7")
    assert store.weight[6].tolist() == [0, 0, 0]
    plain = embstore.open(MODEL)
    assert store.weight[7:].tolist() == plain.weight[6:].tolist()
    assert store.aligned(["frogs"]).tolist() == plain.aligned(["frogs"]).tolist()
    assert Encoder(store, padding=True).padding_idx == 6


def test_normalized_tables_leave_the_ngrams_out(tmp_path: Path) -> None:
    told = r"^tables of n-grams left out, as their means cannot be normalized: 1$"
    with pytest.warns(embstore.EmbstoreWarning, match=told):
        store = converted(MODEL, tmp_path, normalize=True)
    assert store.special == 0
    assert "embstore.oov" not in store.metadata


def test_selected_words_keep_all_ngrams(tmp_path: Path) -> None:
    store = converted(MODEL, tmp_path, vocab_only=["frog"])
    assert (list(store.itos), store.special) == (["frog"], 7)
    assert store.aligned(["frogs"]).tolist() == embstore.open(MODEL).aligned(["frogs"]).tolist()


@pytest.mark.parametrize("padding", [True, False])
def test_a_store_made_of_a_store_has_the_ngrams_too(padding: bool, tmp_path: Path) -> None:
    first = converted(MODEL, tmp_path, oov="lower,subword", padding=True)
    embstore.convert(first.path or "", tmp_path / "again.safetensors", padding=padding)
    again = embstore.open(tmp_path / "again.safetensors")
    again.verify()
    assert again.metadata["embstore.oov"] == "lower,subword"
    assert again.special == 7 + padding
    assert again.weight[6 + padding :].tolist() == first.weight[7:].tolist()
    assert embstore.open(first.path or "", limit=2).aligned(["frogs"]).tolist() == first.aligned(["frogs"]).tolist()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int8"])
def test_narrow_rows_are_not_rounded_again(dtype: Dtype, tmp_path: Path) -> None:
    first = converted(MODEL, tmp_path, dtype=dtype)
    embstore.convert(first.path or "", tmp_path / "again.safetensors")
    embstore.convert(first.path or "", tmp_path / "wide.safetensors", dtype="float32")
    assert stored(embstore.open(tmp_path / "again.safetensors")).tobytes() == stored(first).tobytes()
    assert embstore.open(tmp_path / "wide.safetensors").weight.tolist() == first.weight.tolist()


def test_another_writer_s_store() -> None:
    store = embstore.open(FORMATS / "store" / "valid" / "special_rows_subword.safetensors")
    found = Encoder(store).encode_bags([["FROG", "b"]])  # <b, <b>, b>
    first = len(store) + 1
    buckets, _ = Ngrams(2, 3, 4).of(Tokens.pack(["b"]))
    assert found.values.tolist() == [1, *(first + buckets).tolist()]


# ------------------------------------------------------------------------------------------ layers and others


def test_a_frozen_bag_over_a_store_is_zero_copy(tmp_path: Path) -> None:
    bag = embstore.EmbeddingBag.from_pretrained(converted(MODEL, tmp_path), mode="sum")
    assert bag.mapped is not None
    assert bag.num_embeddings == 13


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_tables_and_their_loaders(dtype: Dtype, tmp_path: Path) -> None:
    store = converted(MODEL, tmp_path, dtype=dtype)
    tables = embstore.Tables({"review": embstore.EmbeddingBag.from_pretrained(store, mode="sum")})
    batch = tables.encode([{"review": ["the", "frogs"]}, {"review": []}])
    found = tables(batch)["review"]
    expected = np.stack([store.aligned(["the", "frogs"]).sum(axis=0), np.zeros(3)])
    np.testing.assert_allclose(found.float().numpy(), expected, rtol=0, atol=2e-3)


def test_pickled_encoders_work_in_workers(tmp_path: Path) -> None:
    encoder = Encoder(converted(MODEL, tmp_path), "lower,subword")
    data = pickle.dumps(encoder)
    assert len(data) < 4096
    again = pickle.loads(data)
    assert again.encode_bags([["frogs"]]).values.tolist() == encoder.encode_bags([["frogs"]]).values.tolist()
    collate = Collate({"review": Feature(again, pooled=True)}, (), ())
    assert [part.dtype for part in collate([{"review": ["the"]}])["review"]] == [
        torch.int64,
        torch.int64,
        torch.float32,
    ]


def test_coverage_tells_what_is_left_to_ngrams(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = converted(MODEL, tmp_path)
    found = coverage(store, ["the", "THE", "frogs", "frogs"], "lower,subword")
    assert (found.known.tokens, found.rules["lower"].tokens, found.missing.token_share) == (1, 1, 0.5)
    assert found.ending == "subword"
    (tmp_path / "text").write_text("the frogs")
    with pytest.raises(SystemExit, match="0"):
        main(["coverage", str(store.path), str(tmp_path / "text")])
    assert "missing: subword             1   50.00%             1   50.00%" in capsys.readouterr().out


# ------------------------------------------------------------------------------------------------- the errors


def test_what_cannot_hold_ngrams(tmp_path: Path) -> None:
    store = converted(MODEL, tmp_path)
    with pytest.raises(ValueError) as caught:
        Encoder(store).encode(["the"])
    assert str(caught.value) == (
        "oov 'subword' gives an unknown word an id for each of its n-grams, which only bags can hold: use encode_bags"
    )
    with pytest.raises(embstore.EmbstoreError) as caught_by_layer:
        embstore.EmbeddingBag.from_pretrained(store)
    assert str(caught_by_layer.value) == (
        "oov 'subword' weights the rows of a word, which needs mode='sum', not 'mean'; for means encode bags with "
        "weights=[[1 / len(bag)] * len(bag) for bag in bags], or give another oov"
    )
    with pytest.raises(embstore.EmbstoreError) as caught_by_padding:
        embstore.Embedding.from_pretrained(store, padding=True)
    assert str(caught_by_padding.value) == (
        "oov 'subword': <Store ngrams_2_to_4.safetensors: 6 x 3 float32, mapped> has no padding row before its other "
        "special rows; convert writes one with padding=True, and another oov needs none there"
    )
    layer = embstore.Embedding.from_pretrained(store, oov="zero", padding=True)
    assert layer.encode([["the", "frogs"], ["a"]]).tolist() == [[1, 7], [4, 6]]


def test_tables_without_ngrams(tmp_path: Path) -> None:
    (tmp_path / "glove.txt").write_text("the 1 2\nfrog 3 4\n")
    message = (
        "oov 'subword' needs the rows of character n-grams, such as those of a fastText .bin file or of a store made "
        "from one; glove.txt has none"
    )
    with pytest.raises(embstore.EmbstoreError) as caught:
        converted(tmp_path / "glove.txt", tmp_path, oov="lower,subword")
    assert str(caught.value) == message
    assert not (tmp_path / "glove.safetensors").exists()


NOT_READ = ["", "2,4", "2,4,7,1", "-2,4,7", "2,1,7", "2,4,0", "٢,4,7", "2,4,7\n", "2,101,7", "1,2147483647,7"]


@pytest.mark.parametrize("text", [*NOT_READ, "2,4,8"])
def test_a_header_that_says_something_else(text: str, tmp_path: Path) -> None:
    store = converted(MODEL, tmp_path)
    metadata = {**store.metadata, "embstore.subword": text}
    assert SpecialRows.of_file(metadata, 7) is None
    store.metadata = metadata
    with pytest.raises(embstore.EmbstoreError) as caught:
        Encoder(store)
    if text in NOT_READ:
        assert str(caught.value) == (
            "oov 'subword': the header of <Store ngrams_2_to_4.safetensors: 6 x 3 float32, mapped> says "
            f"embstore.subword={text!r}, expected three numbers such as '3,6,2000000', the second 100 at most; "
            "convert the model anew, or take another oov"
        )
    else:  # 7 rows are not 8
        assert str(caught.value) == (
            "oov 'subword' needs the rows of character n-grams, such as those of a fastText .bin file or of a "
            "store made from one; <Store ngrams_2_to_4.safetensors: 6 x 3 float32, mapped> has none"
        )


# ------------------------------------------------------------------------------------------------ long words


def test_a_long_word_takes_little_memory() -> None:
    word = Tokens.pack(["ab" * 50_000])
    found = len(Ngrams(3, 6, 1000).of(word)[0])
    assert found == 4 * 100_002 - 2 - 3 - 4 - 5
    assert peak_of(lambda: Ngrams(3, 6, 1000).of(word)) < 2 * 8 * found + 20_000_000


def test_a_long_word_has_the_vector_of_its_ngrams(tmp_path: Path) -> None:
    store, long = converted(MODEL, tmp_path), "frog" * 5000
    buckets, _ = Ngrams(2, 4, 7).of(Tokens.pack([long]))
    expected = store.weight[len(store) :][buckets].mean(axis=0, dtype=np.float64)
    vectors = store.aligned(["the", long, "", "frogs", long])
    np.testing.assert_allclose(vectors[[1, 4]], [expected, expected], rtol=0, atol=1e-5)
    assert np.array_equal(vectors[[0, 3]], store.aligned(["the", "frogs"]))
    assert peak_of(lambda: store.aligned([long])) < 10_000_000
