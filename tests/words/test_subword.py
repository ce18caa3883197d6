"""oov="subword": n-gram rows in the store, and the vectors that fastText gives to unknown words."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.memory import peak_of
from support.ngram_models import BY_FASTTEXT, BY_GENSIM, GOLDENS, MODEL, MODELS, STRANGERS
from support.paths import FORMATS
from support.stored import stored
from support.tables import converted

import embstore
from embstore.cli.main import main
from embstore.core.batch import Tokens
from embstore.core.options import Dtype
from embstore.ops.coverage import coverage
from embstore.words.encoder import Encoder
from embstore.words.ngrams import Ngrams
from embstore.words.special_rows import SpecialRows

# ------------------------------------------------------------------------------------------------ the vectors


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda golden: f"{golden['model'][7:13]}-{golden['word']!a}")
def test_ids_and_vectors_of_unknown_words(golden: dict[str, Any]) -> None:
    store = embstore.open(MODELS / golden["model"])
    bags = Encoder(store).encode_bags([[golden["word"]]])
    assert bags.values.tolist() == [len(store) + place for place in golden["places"]]
    np.testing.assert_allclose(store.aligned([golden["word"]]), [golden["vector"]], rtol=0, atol=1e-7)


def test_some_words_have_no_ngrams() -> None:
    assert [golden["word"] for golden in GOLDENS if not golden["places"]] == ["", ""]


@pytest.mark.parametrize("name", BY_GENSIM)
def test_vectors_are_those_of_gensim(name: str, tmp_path: Path) -> None:
    store = converted(MODELS / f"{name}.bin", tmp_path)
    np.testing.assert_allclose(store.aligned(STRANGERS), BY_GENSIM[name], rtol=0, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*UTF-8")
@pytest.mark.parametrize("name", BY_FASTTEXT)
def test_vectors_are_those_of_fasttext(name: str, tmp_path: Path) -> None:
    store = converted(MODELS / name, tmp_path)
    assert (store.special, store.metadata["embstore.subword"]) == (7, "2,4,7")
    np.testing.assert_allclose(store.aligned(STRANGERS), BY_FASTTEXT[name], rtol=0, atol=1e-7)


def test_weights_go_to_each_ngram() -> None:
    store = embstore.open(MODEL)
    values, offsets, weights = Encoder(store).encode_bags([["the", "x"], [], ["x"]], [[2, 6], [], [-3]])
    assert values[0] == store.stoi["the"]
    assert (values[1:] >= len(store)).all()
    assert offsets.tolist() == [0, 4, 4]  # <x, <x>, x>
    assert weights is not None
    assert weights.dtype == np.float32
    assert weights.tolist() == [2, 2, 2, 2, -1, -1, -1]


def test_known_words_have_weights_too() -> None:
    values, offsets, weights = Encoder(embstore.open(MODEL)).encode_bags([["the", "frog"]], include_last_offset=True)
    assert (values.tolist(), offsets.tolist()) == ([1, 2], [0, 2])
    assert weights is not None
    assert weights.tolist() == [1, 1]


def test_back_offs_come_before_ngrams_of_the_original_word() -> None:
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
def test_models_without_all_buckets_have_no_special_rows(name: str) -> None:
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
    message = r"^n-gram tables left out, as normalize cannot scale the means of their rows: 1$"
    with pytest.warns(embstore.EmbstoreWarning, match=message):
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


# -------------------------------------------------------------------------------------------------- other users


def test_pickled_encoders_work_in_workers(tmp_path: Path) -> None:
    encoder = Encoder(converted(MODEL, tmp_path), "lower,subword")
    data = pickle.dumps(encoder)
    assert len(data) < 4096
    again = pickle.loads(data)
    assert again.encode_bags([["frogs"]]).values.tolist() == encoder.encode_bags([["frogs"]]).values.tolist()


def test_coverage_counts_words_left_to_ngrams(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = converted(MODEL, tmp_path)
    found = coverage(store, ["the", "THE", "frogs", "frogs"], "lower,subword")
    assert (found.known.tokens, found.rules["lower"].tokens, found.missing.token_share) == (1, 1, 0.5)
    assert found.ending == "subword"
    (tmp_path / "text").write_text("the frogs")
    with pytest.raises(SystemExit, match="0"):
        main(["coverage", str(store.path), str(tmp_path / "text")])
    assert "missing: subword             1   50.00%             1   50.00%" in capsys.readouterr().out


# ------------------------------------------------------------------------------------------------- the errors


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
def test_a_header_that_does_not_match(text: str, tmp_path: Path) -> None:
    store = converted(MODEL, tmp_path)
    metadata = {**store.metadata, "embstore.subword": text}
    assert SpecialRows.of_table(metadata, 7) is None
    store.metadata = metadata
    with pytest.raises(embstore.EmbstoreError) as caught:
        Encoder(store)
    if text in NOT_READ:
        assert str(caught.value) == (
            "oov 'subword': the header of <Store ngrams_2_to_4.safetensors: 6 x 3 float32, mapped> has "
            f"embstore.subword={text!r}, expected three numbers such as '3,6,2000000', the second at most 100; "
            "convert the model again, or use another oov"
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
