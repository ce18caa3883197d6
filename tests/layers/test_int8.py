"""int8 rows, from codes to layers, against torch's own prepack operator."""

from __future__ import annotations

import copy
import json
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from support.stored import stored
from support.tables import saved

import embstore
from embstore.cli.main import cli
from embstore.core import int8
from embstore.layers.mapped import is_unchanged

pytestmark = pytest.mark.torch

WORDS = ["the", "frog", "toad", "king", "nil", "seven"]
TORCH = torch.ops.quantized
FINITE = st.floats(-(2.0**126), 2.0**126, width=32).map(lambda x: x + 0.0)  # -0.0: see test_a_zero_offset_is_positive


@pytest.fixture
def vectors() -> NDArray[np.float32]:
    made = np.random.default_rng(0).standard_normal((len(WORDS), 5)).astype(np.float32)
    made[4], made[5] = 0, 7.1
    return made


@pytest.fixture
def store_path(vectors: NDArray[np.float32], tmp_path: Path) -> Path:
    return saved(tmp_path / "table.safetensors", WORDS, vectors, dtype="int8")


def packed_by_torch(vectors: NDArray[np.float32]) -> NDArray[np.uint8]:
    packed: NDArray[np.uint8] = TORCH.embedding_bag_byte_prepack(torch.from_numpy(vectors)).numpy()
    return packed


def unpacked_by_torch(rows: NDArray[np.uint8]) -> NDArray[np.float32]:
    numbers: NDArray[np.float32] = TORCH.embedding_bag_byte_unpack(torch.from_numpy(rows)).numpy()
    return numbers


@given(arrays(np.float32, st.tuples(st.integers(1, 6), st.integers(1, 40)), elements=FINITE))
def test_codes_equal_those_of_torch(vectors: NDArray[np.float32]) -> None:
    rows = int8.quantize(vectors)
    np.testing.assert_array_equal(rows, packed_by_torch(vectors))
    # one unit in the last place if float64 cannot distinguish a tie from its neighbours
    np.testing.assert_allclose(int8.dequantize(rows), unpacked_by_torch(rows), rtol=2.0**-23, atol=1.5e-45)


@pytest.mark.parametrize("dim", [1, 7, 50, 300])
def test_decoded_values_equal_those_of_torch(dim: int) -> None:
    rows = int8.quantize(np.random.default_rng(dim).standard_normal((1000, dim)))
    np.testing.assert_array_equal(int8.dequantize(rows), unpacked_by_torch(rows))


@given(
    arrays(np.float32, (4, 9), elements=st.floats(-1, 1, width=32)), st.sampled_from([1e-30, 1e-8, 1e-3, 1, 1e5, 1e37])
)
def test_the_error_is_at_most_half_a_scale(vectors: NDArray[np.float32], size: float) -> None:
    vectors *= np.float32(size)
    rows = int8.quantize(vectors)
    off = np.abs(int8.dequantize(rows).astype(np.float64) - vectors)
    rounding = np.abs(vectors).max(axis=1, keepdims=True) * 2.0**-14  # of the code and of the value
    assert (off <= int8.scales(rows)[:, :1] / 2 + 1e-8 + rounding).all()


def test_rounding_by_hand() -> None:
    rows = int8.quantize(np.array([[-1, 254, 0.4, 0.6, 0.5, 1.5]], np.float32))
    assert rows[0, :6].tolist() == [0, 255, 1, 2, 2, 2]  # ties to even
    assert rows[0, 6:].tobytes() == np.array([1, -1], "<f4").tobytes()
    assert int8.dequantize(rows).tolist() == [[-1, 254, 0, 1, 1, 1]]


def test_constant_rows_are_exact() -> None:
    constant = np.array([[0.1] * 3, [0.0] * 3, [-3e38] * 3, [1e-45] * 3], np.float32)
    np.testing.assert_array_equal(int8.dequantize(int8.quantize(constant)), constant)


def test_a_zero_offset_is_positive() -> None:
    rows = int8.quantize(np.array([[-0.0, 0.0], [0.0, -0.0], [-0.0, -0.0]], np.float32))
    assert rows.tolist() == [[0] * 10] * 3


@pytest.mark.parametrize("vector", [[1, np.nan], [np.inf, 1], [1, -np.inf], [-3e38, 3e38]])
def test_rows_that_int8_cannot_represent_are_an_error_that_names_the_token(vector: list[float], tmp_path: Path) -> None:
    store_path = tmp_path / "table.safetensors"
    message = (
        "the row of 'frog' has NaN, Inf or a range beyond float32, which int8 cannot store; `dtype='float32'` stores it"
    )
    with pytest.raises(embstore.EmbstoreError, match=f"^{re.escape(message)}$"):
        embstore.save(store_path, ["the", "frog"], np.array([[1, 2], vector], np.float32), dtype="int8")
    assert not list(tmp_path.iterdir())
    with pytest.raises(embstore.EmbstoreError, match=r"^a row has NaN, Inf or a range beyond float32"):
        int8.quantize(np.array([vector], np.float32))


def test_an_int8_store(store_path: Path, vectors: NDArray[np.float32]) -> None:
    store = embstore.open(store_path)
    rows = unpacked_by_torch(packed_by_torch(vectors))
    assert (store.dtype, store.dim, store.shape) == ("int8", 5, (6, 5))
    assert repr(store) == "<Store table.safetensors: 6 x 5 int8, mapped>"
    np.testing.assert_array_equal(stored(store), packed_by_torch(vectors))
    assert stored(store).dtype == np.uint8
    for numbers in (store.vectors, store.weight, store[WORDS], store.aligned(WORDS), store.block(0, 6)):
        assert numbers.dtype == np.float32
        np.testing.assert_array_equal(numbers, rows)
    np.testing.assert_array_equal(store["toad"], rows[2])
    np.testing.assert_array_equal(store.get("toad"), rows[2])
    store.verify()
    assert [word for word, _ in store.most_similar("frog", topn=5)] == [
        word for word, _ in embstore.open(store_path).most_similar(rows[1], topn=6) if word != "frog"
    ]
    assert "<th>nil</th><td>0</td>" in store._repr_html_()
    again = pickle.loads(pickle.dumps(store))
    np.testing.assert_array_equal(again.vectors, rows)


def test_size_is_a_quarter_plus_8_bytes_per_row(tmp_path: Path) -> None:
    words, sizes = [str(i) for i in range(1000)], {}
    for dtype in ("float32", "int8"):
        store_path = tmp_path / f"{dtype}.safetensors"
        embstore.save(store_path, words, np.ones((1000, 100), np.float32), dtype=dtype)
        sizes[dtype] = store_path.stat().st_size
    assert sizes["float32"] - sizes["int8"] == 400_000 - (100_000 + 8_000)


def test_text_to_int8_in_memory_and_in_a_file(tmp_path: Path) -> None:
    text, made = tmp_path / "table.txt", tmp_path / "made.safetensors"
    text.write_text("the 0.1 0.25 -3\nfrog 1 2 3\nthe 9 9 9\n")
    rows = unpacked_by_torch(packed_by_torch(np.array([[0.1, 0.25, -3], [1, 2, 3]], np.float32)))
    last = unpacked_by_torch(packed_by_torch(np.array([[9, 9, 9], [1, 2, 3]], np.float32)))
    for duplicates, expected in (("first", rows), ("last", last)):
        options: dict[str, Any] = {"dtype": "int8", "duplicates": duplicates}
        with pytest.warns(embstore.EmbstoreWarning, match="^repeated tokens: 1"):
            np.testing.assert_array_equal(embstore.open(text, **options).vectors, expected)
        with pytest.warns(embstore.EmbstoreWarning, match="^repeated tokens: 1"):
            report = embstore.convert(text, made, overwrite=True, **options)
        assert (report.dtype, report.dim, report.rows) == ("int8", 3, 2)
        np.testing.assert_array_equal(embstore.open(made).vectors, expected)
        embstore.open(made).verify()


def test_back_to_float32_and_to_other_formats(store_path: Path, vectors: NDArray[np.float32], tmp_path: Path) -> None:
    rows = unpacked_by_torch(packed_by_torch(vectors))
    for name, dtype in (("back.safetensors", "float32"), ("back.txt", None), ("back.npy", None)):
        embstore.convert(store_path, tmp_path / name, dtype=dtype)  # type: ignore[arg-type]
        back = embstore.open(tmp_path / name)
        assert back.dtype == "float32"
        np.testing.assert_array_equal(back.vectors, rows)


def test_int8_to_int8_keeps_every_bit(tmp_path: Path) -> None:
    store_path, made = tmp_path / "table.safetensors", tmp_path / "made.safetensors"
    words, vectors = [f"W{i}" for i in range(200)], np.random.default_rng(1).standard_normal((200, 7))
    vectors[3] = 0
    embstore.save(store_path, words, vectors, dtype="int8")
    raw = stored(embstore.open(store_path))
    assert (int8.quantize(int8.dequantize(raw)) != raw).any()
    choices: list[tuple[dict[str, Any], Any]] = [
        ({}, slice(None)),
        ({"limit": 90, "dtype": "int8"}, slice(90)),
        ({"vocab_only": words[5:150:2], "lower": False}, slice(5, 150, 2)),
        ({"oov": "mean", "padding": True}, slice(None)),
    ]
    for options, rows in choices:
        embstore.convert(store_path, made, overwrite=True, **options)
        store = embstore.open(made)
        np.testing.assert_array_equal(stored(store)[: len(store)], raw[rows])
    np.testing.assert_array_equal(stored(embstore.open(store_path, limit=20)), raw[:20])
    with pytest.warns(embstore.EmbstoreWarning, match="^rows of zeros left out: 1"):
        embstore.convert(store_path, made, overwrite=True, drop_zeros=True, lower=True)
    np.testing.assert_array_equal(stored(embstore.open(made)), np.delete(raw, 3, axis=0))
    embstore.convert(store_path, made, overwrite=True, normalize=True)
    np.testing.assert_allclose(np.linalg.norm(embstore.open(made).vectors, axis=1), np.arange(200) != 3, atol=0.01)


def test_other_formats_cannot_store_int8(store_path: Path, tmp_path: Path) -> None:
    cure = "`dtype='float32'` writes the values themselves"
    message = f"npy cannot store int8, which needs a scale for each row, as a store has; {cure}"
    with pytest.raises(embstore.EmbstoreError, match=f"^{re.escape(message)}$"):
        embstore.convert(store_path, tmp_path / "table.npy", dtype="int8")
    assert list(tmp_path.iterdir()) == [store_path]


def test_int8_on_the_command_line(store_path: Path, tmp_path: Path) -> None:
    made = tmp_path / "made.safetensors"
    done = CliRunner().invoke(cli, ["convert", str(store_path), str(made), "--dtype", "int8", "--json"])
    assert (done.exit_code, json.loads(done.stdout)["dtype"]) == (0, "int8")
    shown = CliRunner().invoke(cli, ["info", str(made), "--json"])
    assert json.loads(shown.stdout) | {"dim": 5, "dtype": "int8", "embstore.dtype": "int8-rowwise"} == json.loads(
        shown.stdout
    )


def test_special_rows_are_int8(store_path: Path, vectors: NDArray[np.float32], tmp_path: Path) -> None:
    wide, made, oov = tmp_path / "wide.safetensors", tmp_path / "special.safetensors", "lower,hash:4"
    embstore.save(wide, WORDS, vectors)
    embstore.convert(wide, made, oov=oov, padding=True, dtype="int8")
    written, policy = embstore.open(made), dict[str, Any](oov=oov, padding=True)
    assert (written.special, str(stored(written).dtype)) == (5, "uint8")
    np.testing.assert_array_equal(written.weight[6], np.zeros(5))
    layer = embstore.Embedding.from_pretrained(store_path, **policy)
    np.testing.assert_array_equal(layer.weight.numpy(), stored(written))  # recomputed: the same rows
    mapped = embstore.Embedding.from_pretrained(made, **policy)
    assert mapped.mapped is not None
    words = ["the", "qzxv", "blorp", "FROG"]
    ids = mapped.encode([words, ["the"]])
    np.testing.assert_array_equal(mapped(ids)[0].numpy(), written.aligned(words))
    np.testing.assert_array_equal(embstore.open(store_path).aligned(words, oov), written.aligned(words))
    assert mapped(ids)[1, 1:].count_nonzero() == 0


def test_an_embedding_decodes_rows(store_path: Path, vectors: NDArray[np.float32]) -> None:
    layer, rows = (
        embstore.Embedding.from_pretrained(store_path),
        torch.from_numpy(unpacked_by_torch(packed_by_torch(vectors))),
    )
    assert str(layer) == "Embedding(6, 5)"
    assert (layer.weight.dtype, tuple(layer.weight.shape), layer.weight.requires_grad) == (torch.uint8, (6, 13), False)
    assert is_unchanged(layer.weight)  # zero-copy
    for ids in (torch.tensor([[5, 0], [1, 1]]), torch.tensor([3], dtype=torch.int32), torch.empty(0, dtype=torch.long)):
        assert torch.equal(layer(ids), rows[ids.long()])
    half = embstore.Embedding.from_pretrained(store_path, out_dtype=torch.float16)
    assert torch.equal(half(torch.tensor([1])), rows[1:2].half())


BAGS = [["the", "frog", "the"], [], ["nil"], ["king", "seven"]]


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("last", [False, True])
def test_a_bag_pools_like_one_over_float32(store_path: Path, mode: Any, last: bool) -> None:
    bag = embstore.EmbeddingBag.from_pretrained(store_path, mode=mode, include_last_offset=last)
    wide = embstore.EmbeddingBag.from_pretrained(store_path, mode=mode, include_last_offset=last, dtype=torch.float32)
    assert (bag.weight.dtype, bag.embedding_dim, wide.weight.dtype) == (torch.uint8, 5, torch.float32)
    values, offsets = bag.encode(BAGS)
    torch.testing.assert_close(bag(values, offsets), wide(values, offsets))
    assert bag(values, offsets)[1].tolist() == [0] * 5
    torch.testing.assert_close(bag(values.int(), offsets), wide(values, offsets))
    square = values[:6].view(2, 3)
    torch.testing.assert_close(bag(square), wide(square))
    empty: list[list[list[str]]] = [[], [[]], [[], []]]
    for bags in empty:
        assert torch.equal(bag(*bag.encode(bags)), torch.zeros(len(bags), 5))


def test_a_bag_of_one_word_is_its_row(store_path: Path) -> None:
    bag = embstore.EmbeddingBag.from_pretrained(store_path)
    np.testing.assert_array_equal(
        bag(*bag.encode([[word] for word in WORDS])).numpy(), embstore.open(store_path).vectors
    )


def test_weights_scale_a_sum_and_have_gradients(store_path: Path) -> None:
    bag = embstore.EmbeddingBag.from_pretrained(store_path, mode="sum")
    wide = embstore.EmbeddingBag.from_pretrained(store_path, mode="sum", dtype=torch.float32)
    values, offsets, weights = bag.encode(BAGS, weights=[[0.5, 2, -1], [], [3], [1, 0]])
    assert weights.dtype == torch.float32
    torch.testing.assert_close(bag(values, offsets, weights), wide(values, offsets, weights))
    gradients = []
    for layer in (bag, wide):
        trained = weights.clone().requires_grad_()
        layer(values, offsets, trained).sum().backward()
        gradients.append(trained.grad)
    torch.testing.assert_close(*gradients)


def test_strided_ids_and_weights_give_what_their_copies_give(store_path: Path) -> None:
    """torch's kernel refuses strided ids, and reads weights as if they were contiguous."""
    bag = embstore.EmbeddingBag.from_pretrained(store_path, mode="sum")
    ids, offsets, weights = torch.tensor([[0, 1], [2, 3], [4, 0]]), torch.tensor([[0, 9], [2, 9]]), torch.rand(3, 2)
    for factors in (None, weights[:, 1], torch.tensor(0.5).expand(3)):
        expected = bag(ids[:, 1].clone(), offsets[:, 0].clone(), None if factors is None else factors.clone())
        assert torch.equal(bag(ids[:, 1], offsets[:, 0], factors), expected)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_weights_of_another_dtype_are_converted(store_path: Path, dtype: torch.dtype) -> None:
    """Data loaders make float64 of numbers of Python."""
    bag = embstore.EmbeddingBag.from_pretrained(store_path, mode="sum")
    emb = embstore.Embedding.from_pretrained(store_path)
    ids, weights = torch.tensor([[3, 1], [4, 0]]), torch.tensor([[0.5, 0.25], [2, 1]])
    expected = bag(ids, None, weights)
    assert torch.equal(bag(ids, None, weights.to(dtype)), expected)
    starts = torch.tensor([0, 2])
    assert torch.equal(
        bag(ids.flatten(), starts, weights.to(dtype).flatten()), bag(ids.flatten(), starts, weights.flatten())
    )
    assert torch.equal(emb(ids, weights.to(dtype)), emb(ids, weights))


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("offsets", [[1, 2], [0, 9], [0, 2, 1], [0, -1], [0, -1_000_000_000, 2]])
def test_offsets_are_checked(store_path: Path, offsets: list[int], mode: Any) -> None:
    """Also where torch's kernel for float32 rows is used, which ends the process for the last ones."""
    bag = embstore.EmbeddingBag.from_pretrained(store_path, mode=mode)
    message = "^offsets must start at 0, never decrease, and end within the 3 ids of the input$"
    weights = [None, torch.ones(3, requires_grad=True)] if mode == "sum" else [None]
    for each in weights:
        with pytest.raises(ValueError, match=message):
            bag(torch.tensor([0, 1, 2]), torch.tensor(offsets), each)


@pytest.mark.parametrize("ids", [[6], [-1]])
def test_ids_are_checked(store_path: Path, ids: list[int]) -> None:
    for layer in (embstore.EmbeddingBag.from_pretrained(store_path), embstore.Embedding.from_pretrained(store_path)):
        arguments = (torch.tensor(ids), torch.tensor([0]))[: 1 + isinstance(layer, embstore.EmbeddingBag)]
        with pytest.raises((RuntimeError, IndexError), match=r"out of (range|bounds)"):
            layer(*arguments)


def test_int8_rows_cannot_be_trained(store_path: Path) -> None:
    message = "int8 rows cannot be trained: convert them with dtype=torch.float32, or use freeze=True"
    for kind in (embstore.Embedding, embstore.EmbeddingBag):
        with pytest.raises(embstore.EmbstoreError, match=f"^{re.escape(message)}$"):
            kind.from_pretrained(store_path, freeze=False)
        layer = kind.from_pretrained(store_path, freeze=False, dtype=torch.float32)
        assert (layer.weight.requires_grad, layer.weight.dtype) == (True, torch.float32)
        np.testing.assert_array_equal(layer.weight.detach().numpy(), embstore.open(store_path).weight)
        with pytest.raises(ValueError, match=r"^dtype=torch.uint8: expected a floating dtype$"):
            kind.from_pretrained(store_path, dtype=torch.uint8)


def test_checkpoints_copies_and_pickles(store_path: Path) -> None:
    layer = embstore.Embedding.from_pretrained(store_path)
    ids = layer.encode(WORDS)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), copy.deepcopy(layer).half()):
        assert torch.equal(other(ids), layer(ids))
        assert other.embedding_dim == 5
    assert len(pickle.dumps(layer)) < 4096
    other = embstore.Embedding.from_pretrained(store_path)
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(ids), layer(ids))
    light = embstore.Embedding.from_pretrained(store_path, persistent=False)
    assert list(light.state_dict()) == ["store_reference"]
    light.load_state_dict(light.state_dict())


def test_compiled_and_exported(store_path: Path) -> None:
    bag = embstore.EmbeddingBag.from_pretrained(store_path)
    inputs = bag.encode(BAGS)
    compiled = torch.compile(bag, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(*inputs), bag(*inputs))
    exported = torch.export.export(bag, inputs).module()
    torch.testing.assert_close(exported(*inputs), bag(*inputs))
