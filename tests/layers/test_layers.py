"""`Embedding`: bit-equal rows, zero-copy over the file; writes to a layer change no file and no other view."""

from __future__ import annotations

import copy
import hashlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.tables import saved

import embstore
from embstore import Embedding
from embstore.store import header as layout

pytestmark = pytest.mark.torch

WORDS = ["the", "frog", "paris", "Paris", "<unk>", "naïve"]
DIM = 5
ROWS = np.random.default_rng(5).standard_normal((len(WORDS), DIM), np.float32)


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    return saved(tmp_path / "words.safetensors", WORDS, ROWS)


def sha256(store_path: Path) -> str:
    return hashlib.sha256(store_path.read_bytes()).hexdigest()


def address(store: embstore.Store) -> int:
    return int(store.block(0, 1, encoded=True).ctypes.data)


def test_a_layer_is_an_embedding_of_torch_with_bit_equal_rows(store_path: Path) -> None:
    layer = Embedding.from_pretrained(store_path)
    assert isinstance(layer, torch.nn.Embedding)
    assert (layer.num_embeddings, layer.embedding_dim, layer.padding_idx) == (6, 5, None)
    assert not layer.weight.requires_grad
    np.testing.assert_array_equal(layer.weight.numpy().view(np.uint32), ROWS.view(np.uint32))
    assert list(layer.state_dict()) == ["weight"]
    torch.nn.Embedding(6, 5).load_state_dict(layer.state_dict())


def test_nan_infinity_and_negative_zero_keep_their_bits(tmp_path: Path) -> None:
    bits = np.array([[0x7FC12345, 0xFF800000, 0x80000000, 0x00000001]], np.uint32)
    with pytest.warns(embstore.EmbstoreWarning, match="NaN"):
        embstore.save(tmp_path / "odd.safetensors", ["odd"], bits.view(np.float32))
    weight = Embedding.from_pretrained(tmp_path / "odd.safetensors").weight
    np.testing.assert_array_equal(weight.numpy().view(np.uint32), bits)


def test_each_frozen_layer_has_its_own_map(store_path: Path) -> None:
    store = embstore.open(store_path)
    layer, other = Embedding.from_pretrained(store), Embedding.from_pretrained(store)
    assert layer.mapped is not None
    assert layer.weight.data_ptr() == address(layer.mapped.store)
    assert len({address(store), layer.weight.data_ptr(), other.weight.data_ptr()}) == 3


@pytest.mark.parametrize("freeze", [True, False])
def test_writing_to_a_layer_changes_no_file_store_or_other_layer(store_path: Path, freeze: bool) -> None:
    before, store = sha256(store_path), embstore.open(store_path)
    layer, other = (Embedding.from_pretrained(store, freeze=freeze) for _ in range(2))
    with torch.no_grad():
        layer.weight.fill_(7)
    assert sha256(store_path) == before
    np.testing.assert_array_equal(store.vectors, ROWS)
    np.testing.assert_array_equal(other.weight.detach().numpy(), ROWS)
    np.testing.assert_array_equal(embstore.open(store_path).vectors, ROWS)


def test_training_changes_only_the_rows_that_were_looked_up(store_path: Path) -> None:
    before = sha256(store_path)
    layer = Embedding.from_pretrained(store_path, freeze=False)
    assert layer.weight.requires_grad
    optimizer = torch.optim.SGD(layer.parameters(), 0.5)
    layer(layer.encode(["frog", "frog"])).sum().backward()
    optimizer.step()
    expected = ROWS.copy()
    expected[1] -= 1
    np.testing.assert_array_equal(layer.weight.detach().numpy(), expected)
    assert sha256(store_path) == before


def test_rows_outlive_the_store_and_the_file(store_path: Path) -> None:
    with embstore.open(store_path) as store:
        layer = Embedding.from_pretrained(store)
    store_path.unlink()
    np.testing.assert_array_equal(layer.weight.numpy(), ROWS)
    assert layer.encode(["frog"]).tolist() == [1]


def test_a_closed_store_is_refused(store_path: Path) -> None:
    store = embstore.open(store_path)
    store.close()
    with pytest.raises(ValueError, match=r"^this store is closed$"):
        Embedding.from_pretrained(store)


def test_a_store_whose_file_was_replaced_is_refused(store_path: Path) -> None:
    store = embstore.open(store_path)
    embstore.save(store_path, WORDS, ROWS + 1, overwrite=True)
    message = f"{store_path}: the file was replaced by another table since it was first opened: open it again"
    with pytest.raises(embstore.FormatError, match=f"^{re.escape(message)}$"):
        Embedding.from_pretrained(store)


def test_encode_a_sentence_a_batch_and_a_length(store_path: Path) -> None:
    layer = Embedding.from_pretrained(store_path, padding=True)
    assert layer.padding_idx == 6
    sentence = layer.encode(["paris", "the"])
    assert (sentence.dtype, sentence.tolist()) == (torch.int64, [2, 0])
    reviews = [["the", "frog", "paris"], ["naïve"], []]
    assert layer.encode(reviews).tolist() == [[0, 1, 2], [5, 6, 6], [6, 6, 6]]
    assert layer.encode(reviews, length=2).tolist() == [[0, 1], [5, 6], [6, 6]]
    assert layer.encode(reviews, length=4, side="left").tolist() == [[6, 0, 1, 2], [6, 6, 6, 5], [6, 6, 6, 6]]
    assert torch.equal(
        layer(layer.encode(reviews))[1], torch.tensor(np.stack([ROWS[5], *np.zeros((2, 5))]).astype("f4"))
    )


def test_options_of_torch_are_passed_on(store_path: Path) -> None:
    options: dict[str, Any] = {"max_norm": 3.0, "norm_type": 1.0, "scale_grad_by_freq": True, "sparse": True}
    pretrained = Embedding.from_pretrained(store_path, freeze=False, **options)
    drawn = Embedding.from_vocabulary(["a"], 2, **options)
    for layer in (pretrained, drawn):
        assert {name: getattr(layer, name) for name in options} == options


def test_padding_has_no_gradient(store_path: Path) -> None:
    layer = Embedding.from_pretrained(store_path, padding=True, freeze=False)
    layer(layer.encode([["the", "frog"], ["the"]])).sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.sum(1).tolist() == [10, 5, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("oov", "ids"),
    [("unk", [1, 4]), ("zero", [1, 6]), ("mean", [1, 6]), ("lower,zero", [1, 1]), ("lower,hash:1", [1, 1])],
)
def test_unknown_words_follow_the_policy(store_path: Path, oov: str, ids: list[int]) -> None:
    layer = Embedding.from_pretrained(store_path, oov=oov)
    assert layer.encode(["frog", "FROG"]).tolist() == ids
    np.testing.assert_array_equal(layer.weight[:6].numpy(), ROWS)
    if oov == "mean":
        np.testing.assert_array_equal(layer.weight[6].numpy(), ROWS.astype(np.float64).mean(0).astype(np.float32))


def test_the_default_policy_names_unknown_words(store_path: Path) -> None:
    with pytest.raises(embstore.UnknownTokenError, match=r"^not in the vocabulary: 'qzxv'$"):
        Embedding.from_pretrained(store_path).encode(["the", "qzxv"])


def test_hash_rows_depend_on_the_seed(store_path: Path) -> None:
    first, again, other = (
        Embedding.from_pretrained(store_path, oov="hash:3", seed=seed).weight[6:] for seed in (1, 1, 2)
    )
    assert first.shape == (3, 5)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_special_rows_written_in_the_file_keep_the_layer_zero_copy(store_path: Path) -> None:
    special = store_path.with_name("special.safetensors")
    embstore.convert(store_path, special, oov="lower,hash:4", padding=True)
    layer = Embedding.from_pretrained(special, padding=True)
    assert layer.mapped is not None
    assert layer.weight.data_ptr() == address(layer.mapped.store)
    assert layer.weight.shape == (11, 5)
    assert layer.encoder is not None
    assert str(layer.encoder.policy) == "lower,hash:4"  # the file's, as no other was requested
    copied = Embedding.from_pretrained(store_path, oov="lower,hash:4", padding=True)
    assert copied.mapped is None
    assert torch.equal(copied.weight, layer.weight)
    assert Embedding.from_pretrained(special, oov="zero").mapped is None


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_16_bit_tables_keep_their_dtype_and_out_dtype_casts_the_result(store_path: Path, dtype: str) -> None:
    half = store_path.with_name("half.safetensors")
    embstore.convert(store_path, half, dtype=dtype)  # type: ignore[arg-type]
    expected = torch.from_numpy(ROWS).to(getattr(torch, dtype))
    layer = Embedding.from_pretrained(half, out_dtype=torch.float32)
    assert torch.equal(layer.weight, expected)
    assert layer.mapped is not None
    assert layer.weight.data_ptr() == address(layer.mapped.store)
    vectors = layer(layer.encode(["frog"]))
    assert vectors.dtype == torch.float32
    assert torch.equal(vectors[0], expected[1].float())
    widened = Embedding.from_pretrained(half, dtype=torch.float64, oov="zero")
    assert torch.equal(widened.weight, torch.cat([expected, expected[:1] * 0]).double())


@pytest.mark.parametrize("shift", range(1, 8))
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_unaligned_rows_are_bit_equal(
    store_path: Path, shift: int, dtype: type[np.floating[np.typing.NBitBase]]
) -> None:
    rows = ROWS.astype(dtype)
    source = embstore.open(store_path).vocab
    parts = {
        "first": ("U8", (shift,), bytes(shift)),
        layout.WEIGHT: ("F32" if dtype is np.float32 else "F16", rows.shape, rows.tobytes()),
        layout.SLOTS: ("U64", (len(source.slots) // 8,), source.slots.tobytes()),
        layout.OFFSETS: ("I64", (len(WORDS) + 1,), source.offsets.tobytes()),
        layout.BYTES: ("U8", (len(source.data),), source.data.tobytes()),
    }
    header = layout.build_header([(name, kind, shape) for name, (kind, shape, _) in parts.items()], {})
    odd = store_path.with_name("odd.safetensors")
    odd.write_bytes(header + b"".join(data for *_, data in parts.values()))
    layer = Embedding.from_pretrained(odd)
    np.testing.assert_array_equal(layer(layer.encode(WORDS)).numpy(), rows)
    assert layer.weight.data_ptr() % rows.itemsize == 0
    np.testing.assert_array_equal(copy.deepcopy(layer).weight.numpy(), rows)


def test_max_norm_scales_only_the_rows_of_this_layer(store_path: Path) -> None:
    before, store = sha256(store_path), embstore.open(store_path)
    layer = Embedding.from_pretrained(store, freeze=False, max_norm=0.5).requires_grad_(False)
    assert layer(layer.encode(WORDS)).norm(dim=1).max() < 0.5001
    np.testing.assert_array_equal(store.vectors, ROWS)
    assert sha256(store_path) == before


def test_one_row_no_words_and_int32_ids(tmp_path: Path) -> None:
    embstore.save(tmp_path / "one.safetensors", ["only"], ROWS[:1])
    layer = Embedding.from_pretrained(tmp_path / "one.safetensors")
    np.testing.assert_array_equal(layer(layer.encode(["only", "only"])).numpy(), ROWS[[0, 0]])
    empty = layer.encode([])
    assert (empty.dtype, empty.shape, layer(empty).shape) == (torch.int64, (0,), (0, 5))
    assert torch.equal(layer(torch.tensor([[0]], dtype=torch.int32)), layer(torch.tensor([[0]])))


@given(st.lists(st.lists(st.sampled_from([*WORDS, "nobody", ""]), max_size=4), max_size=5))
def test_lookup_agrees_with_a_dict(sentences: list[list[str]]) -> None:
    model = dict(zip(WORDS, ROWS.tolist(), strict=True))
    layer = Embedding.from_pretrained(ROWS, tokens=WORDS, oov="zero", padding=True)
    width = max(map(len, sentences), default=0)
    zero = [0.0] * DIM
    expected = [[model.get(word, zero) for word in row] + [zero] * (width - len(row)) for row in sentences]
    assert layer(layer.encode(sentences)).tolist() == expected


def test_the_docstring_of_encode_says_that_the_end_is_cut() -> None:
    text = " ".join(str(Embedding.encode.__doc__).split())
    assert "Long sentences are cut at the end, for either side." in text
