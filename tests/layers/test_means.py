"""Means of bags whose unknown words have several ids: known and unknown words weigh alike."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.fasttext_by_hand import get_word_vector
from support.ngram_models import BY_FASTTEXT, MODEL, MODELS, STRANGERS, WORDS
from support.tables import converted, saved
from torch.utils.data import DataLoader

import embstore
from embstore import EmbeddingBag, Tables
from embstore.core.options import Dtype

pytestmark = pytest.mark.torch

TOLERANCES: list[tuple[Dtype, float]] = [("float32", 1e-6), ("float16", 2e-3), ("bfloat16", 1e-2), ("int8", 8e-3)]
BAGS: list[list[str]] = [["the", "frogs", "žáby"], [], ["日本"], ["frog", "frog", "x" * 40], ["</s>", ""]]
WEIGHTS: list[list[float]] = [[0.5, 2, 1], [], [-3], [1, 0, 4], [2, 2]]


def mean_by_hand(bag: list[str], weights: list[float] | None = None) -> NDArray[np.float64]:
    """Return the weighted mean of the words' vectors; zeros for an empty bag and for a total of 0."""
    factors = np.ones(len(bag)) if weights is None else np.array(weights, np.float64)
    if not factors.sum():
        return np.zeros(3)
    vectors = np.stack([get_word_vector(word) for word in bag])
    mean: NDArray[np.float64] = (factors[:, np.newaxis] * vectors).sum(axis=0) / factors.sum()
    return mean


def means_by_hand(bags: list[list[str]], weights: list[list[float]] | None = None) -> NDArray[np.float64]:
    found = [mean_by_hand(bag, None if weights is None else weights[i]) for i, bag in enumerate(bags)]
    return np.reshape(found, (len(bags), 3))


def pooled(bag: EmbeddingBag, bags: list[list[str]], weights: Any = None) -> NDArray[np.float32]:
    numbers: NDArray[np.float32] = bag(*bag.encode(bags, weights)).detach().float().numpy()
    return numbers


# ------------------------------------------------------------------------------------------------------- n-grams


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize(("dtype", "atol"), TOLERANCES)
def test_a_mean_is_that_of_fasttext_s_word_vectors(dtype: Dtype, atol: float, last: bool, tmp_path: Path) -> None:
    store = converted(MODEL, tmp_path, dtype=dtype)
    bag = EmbeddingBag.from_pretrained(store, mode="mean", include_last_offset=last)
    assert bag.mode == "mean"
    np.testing.assert_allclose(pooled(bag, BAGS), means_by_hand(BAGS), rtol=0, atol=atol)
    by_reader = [embstore.open(MODEL).aligned(words).mean(axis=0) if words else np.zeros(3) for words in BAGS]
    np.testing.assert_allclose(pooled(bag, BAGS), by_reader, rtol=0, atol=atol)
    assert pooled(bag, BAGS)[1].tolist() == [0, 0, 0]
    assert bag(*bag.encode([])).shape == (0, 3)
    np.testing.assert_allclose(pooled(bag, BAGS, WEIGHTS), means_by_hand(BAGS, WEIGHTS), rtol=0, atol=2 * atol)


@pytest.mark.filterwarnings("ignore:.*UTF-8")
@pytest.mark.parametrize("name", BY_FASTTEXT)
def test_a_mean_of_vectors_that_fasttext_itself_gave(name: str, tmp_path: Path) -> None:
    store = converted(MODELS / name, tmp_path)
    known = store.vectors[:2].tolist()
    found = pooled(EmbeddingBag.from_pretrained(store), [[*store.itos[:2], *STRANGERS], STRANGERS])
    expected = [np.mean([*known, *BY_FASTTEXT[name]], axis=0), np.mean(BY_FASTTEXT[name], axis=0)]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@given(st.lists(WORDS, max_size=5), st.booleans())
def test_means_of_any_bags(bags: list[list[str]], last: bool) -> None:
    bag = EmbeddingBag.from_pretrained(MODEL, mode="mean", oov="subword", include_last_offset=last)
    # float32 sums of n terms are off by n * 2**-24 of the sum of their sizes, that of one row: 1e-6 for 16 n-grams
    values, offsets = bag.encode(bags)[:2]
    counts = np.diff(np.append(offsets[: len(bags)], len(values)))
    off = np.abs(pooled(bag, bags) - means_by_hand(bags))
    assert (off <= (counts + 1)[:, np.newaxis] * 2.0**-24 * float(bag.weight.abs().max()) + 1e-7).all()


def test_a_word_without_ngrams_counts_as_zeros() -> None:
    bag = EmbeddingBag.from_pretrained(MODELS / "ngrams_3_to_6.bin")
    assert len(bag.encode([[""]])[0]) == 0
    the = bag.weight[bag.encode([["the"]])[0]].numpy()
    np.testing.assert_array_equal(pooled(bag, [["the", ""], [""]]), [the[0] / 2, [0] * 3])
    np.testing.assert_array_equal(pooled(bag, [["the", ""]], [[1, 3]]), the / 4)


def test_ids_without_weights_are_averaged_as_by_torch() -> None:
    bag = EmbeddingBag.from_pretrained(MODEL)
    values, offsets = torch.tensor([1, 2, 7, 3]), torch.tensor([0, 3])
    plain = torch.nn.EmbeddingBag.from_pretrained(bag.weight, mode="mean")
    assert torch.equal(bag(values, offsets), plain(values, offsets))
    assert torch.equal(bag(values.view(2, 2)), plain(values.view(2, 2)))


def test_a_layer_without_words_refuses_weights_as_torch_does() -> None:
    bag = EmbeddingBag.from_pretrained(np.eye(3, dtype=np.float32))
    with pytest.raises(NotImplementedError, match="per_sample_weights"):
        bag(torch.tensor([0, 1]), torch.tensor([0]), torch.tensor([1.0, 2.0]))


def test_gradients_reach_the_ngrams_in_equal_shares() -> None:
    bag = EmbeddingBag.from_pretrained(MODEL, mode="mean", freeze=False)
    values, offsets, weights = bag.encode([["the", "x"]])
    assert len(values) == 4  # the, <x, <x>, x>
    bag(values, offsets, weights).sum().backward()
    expected = np.zeros((13, 3), np.float32)
    for row, share in zip(values.tolist(), [1 / 2, 1 / 6, 1 / 6, 1 / 6], strict=True):
        expected[row] += np.float32(share)
    assert bag.weight.grad is not None
    np.testing.assert_allclose(bag.weight.grad.numpy(), expected, rtol=1e-6, atol=0)
    sparse = EmbeddingBag.from_pretrained(MODEL, mode="mean", freeze=False, sparse=True)
    sparse(values, offsets, weights).sum().backward()
    assert sparse.weight.grad is not None
    torch.testing.assert_close(sparse.weight.grad.to_dense(), bag.weight.grad)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int8"])
def test_compiled_and_exported(dtype: Dtype, tmp_path: Path) -> None:
    bag = EmbeddingBag.from_pretrained(converted(MODEL, tmp_path, dtype=dtype), mode="mean")
    inputs = bag.encode(BAGS)
    assert len(inputs) == 3
    expected = bag(*inputs)
    torch.compiler.reset()
    compiled = torch.compile(bag, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(*inputs), expected)
    torch.testing.assert_close(torch.export.export(bag, inputs).module()(*inputs), expected)
    assert torch.equal(copy.deepcopy(bag)(*inputs), expected)


def test_traced_with_and_without_weights() -> None:
    bag = EmbeddingBag.from_pretrained(MODEL, mode="mean")
    inputs = bag.encode(BAGS)
    traced = torch.fx.symbolic_trace(bag)
    assert torch.equal(traced(*inputs), bag(*inputs))
    assert torch.equal(traced(*inputs[:2]), bag(*inputs[:2]))


def test_bags_of_an_encoder_in_a_worker() -> None:
    bag = EmbeddingBag.from_pretrained(MODEL, mode="mean", dtype=torch.float16)
    encoded = bag.encoder.encode_bags(BAGS, mode="mean") if bag.encoder else ()
    found = bag(*(torch.from_numpy(part) for part in encoded if part is not None))
    assert torch.equal(found, bag(*bag.encode(BAGS)))


# ------------------------------------------------------------------------------------------------------- buckets


ROWS = np.random.default_rng(3).integers(-8, 8, (2 + 5, 3)).astype(np.float32)


@given(
    st.lists(st.lists(st.sampled_from(["the", "frog", "x", "y", "toad"]), max_size=4), max_size=4),
    st.sampled_from([1, 2, 3]),
    st.sampled_from(["mean", "sum"]),
    st.booleans(),
)
def test_words_with_several_buckets(bags: list[list[str]], k: int, mode: Any, give_weights: bool) -> None:
    words = ["the", "frog"]
    bag = EmbeddingBag.from_vocabulary(words, 3, oov=f"hash:5:{k}", init=ROWS, mode=mode)
    encoder = embstore.Encoder(embstore.Vocabulary(words), f"hash:5:{k}")

    def vector(word: str) -> NDArray[np.float32]:
        total: NDArray[np.float32] = ROWS[encoder.encode_bags([[word]]).values].sum(axis=0)
        return total

    weights = [[2.0**i for i in range(len(words))] for words in bags] if give_weights else None
    expected = np.zeros((len(bags), 3))
    for i, bag_words in enumerate(bags):
        factors = weights[i] if weights else [1.0] * len(bag_words)
        for word, factor in zip(bag_words, factors, strict=True):
            expected[i] += factor * vector(word) / (sum(factors) if mode == "mean" else 1)
    assert len(bag.encode(bags, weights)) == (3 if give_weights or (mode == "mean" and k > 1) else 2)
    np.testing.assert_allclose(pooled(bag, bags, weights), expected, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("oov", ["hash:64:2", "lower,hash:64:2"])
def test_a_maximum_of_words_with_several_buckets_is_refused(oov: str, tmp_path: Path) -> None:
    message = (
        "oov 'hash:64:2' gives a word 2 ids, whose rows are summed: use mode='sum' or mode='mean', not 'max', or "
        "another oov"
    )
    store = saved(tmp_path / "s.safetensors", ["the"], [[1.0]])
    with pytest.raises(embstore.EmbstoreError) as caught_by_pretrained:
        EmbeddingBag.from_pretrained(store, oov=oov, mode="max")
    with pytest.raises(embstore.EmbstoreError) as caught_by_vocabulary:
        EmbeddingBag.from_vocabulary(["the"], 2, oov=oov, mode="max")
    assert str(caught_by_pretrained.value) == str(caught_by_vocabulary.value) == message
    with pytest.raises(
        embstore.EmbstoreError, match=r"^oov 'subword' gives an unknown word an id for each of its n-gr"
    ):
        EmbeddingBag.from_pretrained(MODEL, mode="max")


# ------------------------------------------------------------------------------------------- one id for each word


@pytest.mark.parametrize(("dtype", "atol"), TOLERANCES)
def test_weighted_means(dtype: Dtype, atol: float, tmp_path: Path) -> None:
    rows = np.array([[1, 0.5], [-0.25, 2]], np.float32)
    store = saved(tmp_path / "s.safetensors", ["the", "frog"], rows, dtype=dtype)
    bag = EmbeddingBag.from_pretrained(store, oov="skip")
    found = pooled(bag, [["the", "x", "frog"], [], ["frog", "the"]], [[3, 100, 1], [], [1, -1]])
    expected = [(3 * rows[0] + rows[1]) / 4, [0, 0], [0, 0]]  # weights that add up to 0 give zeros
    np.testing.assert_allclose(found, expected, rtol=0, atol=atol)
    assert len(bag.encode([["the"]])) == 2


def test_options_of_a_layer_that_sums_weighted_means() -> None:
    options: dict[str, Any] = {"oov": "zero", "init": 4 * np.eye(3, dtype=np.float32)[:2], "max_norm": 1.0}
    bag = EmbeddingBag.from_vocabulary(["the", "frog"], 3, **options)
    assert pooled(bag, [["the", "frog", "x"]], [[1, 1, 2]]).tolist() == [[0.25, 0.25, 0]]
    np.testing.assert_allclose(bag.weight.detach().numpy(), [[1, 0, 0], [0, 1, 0], [0, 0, 0]], atol=1e-6)


# ----------------------------------------------------------------------------------------------------- features


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("workers", [0, 1])
def test_tables_and_their_workers(dtype: Dtype, workers: int, tmp_path: Path) -> None:
    store = converted(MODEL, tmp_path, dtype=dtype)
    tables = Tables({"review": EmbeddingBag.from_pretrained(store, mode="mean")})
    rows: Any = [{"review": bag} for bag in BAGS]
    loader: Any = DataLoader(rows, batch_size=len(rows), collate_fn=tables.collate, num_workers=workers)
    for batch in loader:
        np.testing.assert_allclose(tables(batch)["review"], means_by_hand(BAGS), rtol=0, atol=8e-3)
        assert len(batch["review"]) == 3


@pytest.mark.parametrize("oov", ["zero", "hash:5:3"])
@pytest.mark.parametrize("mode", ["sum", "mean"])
@pytest.mark.parametrize("last", [False, True])
def test_the_encoder_of_a_layer_encodes_as_the_layer_does(oov: str, mode: Any, last: bool) -> None:
    vocabulary = embstore.Encoder(embstore.Vocabulary(["a", "b"]), oov)
    layer = embstore.EmbeddingBag.from_vocabulary(vocabulary, 3, mode=mode, include_last_offset=last)
    bags, weights = [["a", "?", "b"], [], ["a", "a"]], [[1.0, 2.0, 3.0], [], [1.0, 1.0]]
    assert layer.encoder is not None
    for encoder in (layer.encoder, pickle.loads(pickle.dumps(layer.encoder)), copy.deepcopy(layer).encoder):
        assert encoder is not None
        for factors in (None, weights):
            found = [part for part in encoder.encode_bags(bags, factors) if part is not None]
            for part, expected in zip(found, layer.encode(bags, factors), strict=True):
                np.testing.assert_array_equal(part, expected.numpy())
    assert (vocabulary.mode, vocabulary.include_last_offset) == ("sum", False)
