"""`Embedding` over words with several ids: the weighted sums of their rows, in inference and in training."""

from __future__ import annotations

import copy
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.fasttext_by_hand import get_word_vector
from support.ngram_models import MODEL, WORDS
from support.tables import converted
from torch.utils.data import DataLoader

from embstore import Embedding, EmbeddingBag, Tables
from embstore.core.options import Dtype

pytestmark = pytest.mark.torch

TOLERANCES: list[tuple[Dtype, float]] = [("float32", 1e-6), ("float16", 1e-3), ("bfloat16", 1e-2), ("int8", 1e-6)]
POLICIES = ["subword", "lower,subword", "hash:5:3", "lower,hash:5:2"]
TEXT = ["the", "FROG", "frogs", "", "žáby", "</s>", "x" * 40, "frog"]
SENTENCES = [["the", "frogs"], [], ["日本", "x", "frog"]]


@pytest.mark.parametrize(("dtype", "atol"), TOLERANCES)
@pytest.mark.parametrize("oov", POLICIES)
@pytest.mark.parametrize("padding", [False, True])
def test_vectors_are_those_of_aligned(dtype: Dtype, atol: float, oov: str, padding: bool, tmp_path: Path) -> None:
    store = converted(MODEL, tmp_path, dtype=dtype, oov=oov, padding=True)
    layer = Embedding.from_pretrained(store, oov=oov, padding=padding)
    ids, weights = layer.encode(TEXT)
    assert weights.dtype == (torch.float32 if dtype == "int8" else getattr(torch, dtype))
    found = layer(ids, weights)
    assert found.dtype == weights.dtype
    scale = np.abs(store.weight).max() * 3  # of a sum of 3 rows
    np.testing.assert_allclose(found.float().numpy(), store.aligned(TEXT, oov), rtol=0, atol=atol * scale)
    assert torch.equal(layer(ids.int(), weights), found)


@given(st.lists(WORDS, min_size=1, max_size=4), st.none() | st.integers(0, 5), st.sampled_from(["left", "right"]))
def test_ngrams_in_sentences(
    model_with_padding: Path, sentences: list[list[str]], length: int | None, side: Any
) -> None:
    layer = Embedding.from_pretrained(model_with_padding, padding=True)
    ids, weights = layer.encode(sentences, length, side)
    width = max(map(len, sentences)) if length is None else length
    assert ids.shape == weights.shape
    assert ids.shape[:2] == (len(sentences), width)
    expected = np.zeros((len(sentences), width, 3))
    for row, sentence in zip(expected, sentences, strict=True):
        cut = sentence[:width]
        if cut:
            start = width - len(cut) if side == "left" else 0
            row[start : start + len(cut)] = [get_word_vector(word) for word in cut]
    np.testing.assert_allclose(layer(ids, weights).numpy(), expected, rtol=0, atol=1e-6)


@pytest.fixture(scope="module")
def model_with_padding(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(converted(MODEL, tmp_path_factory.mktemp("padded"), padding=True).path or "")


def test_shapes(model_with_padding: Path) -> None:
    layer = Embedding.from_pretrained(model_with_padding, padding=True)
    cases: list[tuple[Any, dict[str, Any], tuple[int, ...]]] = [
        (["the", "x"], {}, (2, 3)),
        ([], {}, (0, 1)),
        (["the"], {"length": 4}, (4, 1)),
        ([["the"], ["x", "x"]], {}, (2, 2, 3)),
        ([[], []], {}, (2, 0, 1)),
        ([["the"]], {"length": 0}, (1, 0, 1)),
    ]
    for words, options, shape in cases:
        encoded = layer.encode(words, **options)
        assert isinstance(encoded, tuple)
        assert [tuple(part.shape) for part in encoded] == [shape, shape]
        assert layer(*encoded).shape == (*shape[:-1], 3)


def test_the_row_of_an_unused_place_does_not_matter() -> None:
    rows = np.array([[np.nan, np.inf], [1, 2]], np.float32)
    layer = Embedding.from_pretrained(rows, tokens=["the", "frog"], oov="hash:3:2")
    found = layer(*layer.encode(["frog", "x"]))
    assert found[0].tolist() == [1, 2]
    assert found.isfinite().all()


def test_out_dtype_and_other_dtypes(model_with_padding: Path) -> None:
    layer = Embedding.from_pretrained(model_with_padding, dtype=torch.float64, out_dtype=torch.float16)
    ids, weights = layer.encode(TEXT)
    assert (weights.dtype, layer(ids, weights).dtype) == (torch.float64, torch.float16)
    wide = Embedding.from_pretrained(model_with_padding, dtype=torch.float64)
    expected = [get_word_vector(word) for word in TEXT]
    np.testing.assert_allclose(wide(ids, weights.float()).numpy(), expected, rtol=0, atol=1e-6)


def test_weights_of_another_shape_are_refused() -> None:
    layer = Embedding.from_vocabulary(["the"], 2, oov="hash:3:2")
    ids, weights = layer.encode(["the", "x"])
    with pytest.raises(RuntimeError, match="expanded size"):
        layer(ids, weights[:, :1].expand(2, 3))
    with pytest.raises(ValueError, match=r"^oov 'skip' drops words, which only bags support: use encode_bags$"):
        Embedding.from_vocabulary(["the"], 2, oov="skip").encode(["the"])


# ----------------------------------------------------------------------------------------------------- training


def gradient(layer: Any, *inputs: torch.Tensor) -> NDArray[np.float32]:
    layer.zero_grad()
    layer(*inputs).sum().backward()
    found: NDArray[np.float32] = layer.weight.grad.to_dense().numpy()
    return found


@pytest.mark.parametrize("sparse", [False, True])
def test_gradients(sparse: bool) -> None:
    layer = Embedding.from_vocabulary(["the", "frog"], 2, oov="hash:4:2", padding=True, sparse=sparse)
    ids, weights = layer.encode([["x", "the"], ["the"]])
    assert ids[0, 1].tolist() == [0, 2]
    expected = np.zeros((7, 2), np.float32)
    for row in [0, 0, *ids[0, 0].tolist()]:
        expected[row] += 1
    np.testing.assert_array_equal(gradient(layer, ids, weights), expected)
    everywhere = torch.ones_like(weights)  # the padding row has no gradient, whatever its weights are
    assert gradient(layer, ids, everywhere)[2].tolist() == [0, 0]
    with torch.no_grad():
        layer.weight[2] = 5
    assert layer(ids, everywhere)[1, 1].tolist() == [0, 0]


def test_trained_rows_and_weights() -> None:
    layer = Embedding.from_vocabulary(["the"], 3, oov="hash:4:2", dtype=torch.float64, seed=2)
    ids, weights = layer.encode(["x", "the", "y"])

    def vectors(rows: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = torch.func.functional_call(layer, {"weight": rows}, (ids, factors))
        return found

    assert torch.autograd.gradcheck(vectors, (layer.weight, weights.requires_grad_()))


def test_max_norm_scales_the_rows_of_the_words() -> None:
    init = np.array([[3, 4], [0, 1], [30, 40]], np.float32)
    layer = Embedding.from_vocabulary(["the", "frog"], 2, oov="hash:1:2", init=init, max_norm=5.0)
    np.testing.assert_allclose(layer(*layer.encode(["the", "x"])).detach(), [[3, 4], [6, 8]], rtol=1e-6)
    np.testing.assert_allclose(layer.weight.detach(), [[3, 4], [0, 1], [3, 4]], rtol=1e-6)


def test_gradients_are_not_scaled_by_frequency() -> None:
    layer = Embedding.from_vocabulary(["the"], 2, oov="hash:4:2", scale_grad_by_freq=True)
    ids, weights = layer.encode(["the", "x"])
    with pytest.raises(ValueError) as caught:
        layer(ids, weights)
    assert str(caught.value) == (
        "weights do not support scale_grad_by_freq=True, which would count ids of weight 0: leave it out, or use an "
        "oov with one id for each word"
    )
    layer(ids[:, 0]).sum().backward()  # without weights as torch's layer


# ---------------------------------------------------------------------------------------- graphs, files, features


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_compiled_and_exported(dtype: Dtype, tmp_path: Path) -> None:
    layer = Embedding.from_pretrained(converted(MODEL, tmp_path, dtype=dtype, padding=True), padding=True)
    inputs: Any = layer.encode(SENTENCES)
    expected = layer(*inputs)
    torch.compiler.reset()
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(*inputs), expected)
    torch.testing.assert_close(compiled(inputs[0]), layer(inputs[0]))
    torch.testing.assert_close(torch.export.export(layer, inputs).module()(*inputs), expected)
    traced = torch.fx.symbolic_trace(layer)  # with weights and without
    assert torch.equal(traced(*inputs), expected)
    assert torch.equal(traced(inputs[0]), layer(inputs[0]))


def test_copied_and_saved(model_with_padding: Path) -> None:
    layer = Embedding.from_pretrained(model_with_padding, padding=True)
    inputs = layer.encode(SENTENCES)
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    file.seek(0)
    again = Embedding.from_pretrained(model_with_padding, padding=True)
    again.load_state_dict(torch.load(file))
    for other in (again, copy.deepcopy(layer)):
        assert torch.equal(other(*other.encode(SENTENCES)), layer(*inputs))


ROWS: list[Any] = [
    {"product": "mug", "review": ["good", "x", "bad"]},
    {"product": "teapot", "review": []},
    {"product": "cup", "review": ["y"]},
]


def shop(**lengths: int) -> Tables:
    layers: dict[str, Embedding | EmbeddingBag] = {
        "product": Embedding.from_vocabulary(["mug"], 2, oov="hash:9:3"),
        "review": Embedding.from_vocabulary(["good", "bad"], 3, oov="hash:9:2", padding=True),
    }
    return Tables(layers, lengths=lengths)


@pytest.mark.parametrize("workers", [0, 1])
def test_tables_and_their_workers(workers: int) -> None:
    tables = shop(review=2)
    product, review = tables["product"], tables["review"]
    rows: Any = ROWS
    loader: Any = DataLoader(rows, batch_size=3, collate_fn=tables.collate, num_workers=workers)
    for batch in loader:
        assert [tuple(part.shape) for part in batch["product"]] == [(3, 3)] * 2
        assert [tuple(part.shape) for part in batch["review"]] == [(3, 2, 2)] * 2
        moved = tables.move(batch, "cpu")
        words = [row["review"] for row in ROWS]
        expected = {
            "product": product(*product.encode([row["product"] for row in ROWS])),
            "review": review(*review.encode(words, 2)),  # type: ignore[arg-type]
        }
        found = tables(moved)
        for name, vectors in expected.items():
            assert torch.equal(found[name], vectors)
        matrix = tables(batch, concat=True)
        assert matrix.shape == (3, tables.out_features)
        assert torch.equal(matrix, torch.cat([expected["product"], expected["review"].flatten(1)], 1))


def test_no_rows() -> None:
    tables = shop(review=2)
    batch = tables.encode({"product": [], "review": []})
    assert [tuple(part.shape) for part in batch["product"]] == [(0, 1)] * 2
    assert [tuple(part.shape) for part in batch["review"]] == [(0, 2, 1)] * 2
    assert [part.dtype for part in batch["review"]] == [torch.int64, torch.float32]
    assert tables(batch, concat=True).shape == (0, 8)
    one = Tables({"w": Embedding.from_vocabulary(["a"], 3, padding=True)}, lengths={"w": 2})
    nothing = one.encode({"w": []})["w"]
    assert isinstance(nothing, torch.Tensor)
    assert (tuple(nothing.shape), nothing.dtype) == ((0, 2), torch.int64)


def test_lists_of_words_without_a_length() -> None:
    tables = shop()
    batch = tables.encode(ROWS)
    with pytest.raises(ValueError, match="'review' has lists of words of different lengths: set one"):
        tables(batch, concat=True)
