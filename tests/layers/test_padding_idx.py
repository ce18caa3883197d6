"""`padding_idx`: a row of the table that stands for padding, for layers with and without words, and for encoders."""

from __future__ import annotations

import copy
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from support.tables import saved
from support.torch_layers import Make, exact_rows, from_vocabulary, gradient, torchs

import embstore
from embstore import Embedding, EmbeddingBag, Encoder, Tables, Vocabulary

pytestmark = pytest.mark.torch

ROWS = exact_rows(5, 3)
WORDS = ["<pad>", "the", "frog", "sat", "end"]


@pytest.fixture
def store(tmp_path: Path) -> embstore.Store:
    return embstore.open(saved(tmp_path / "words.safetensors", WORDS, ROWS.numpy()))


@pytest.mark.parametrize(("given", "row"), [(0, 0), (3, 3), (-1, 4), (-5, 0), (torch.tensor(2).numpy()[()], 2)])
def test_it_is_the_row_that_torch_takes(make: Make, given: int, row: int) -> None:
    layer = make(Embedding, ROWS, padding_idx=given)
    assert layer.padding_idx == torchs(Embedding, ROWS, padding_idx=int(given)).padding_idx == row
    assert repr(layer) == f"Embedding(5, 3, padding_idx={row})"
    assert torch.equal(layer.weight, ROWS)  # not zeroed, as in torch's from_pretrained
    bag = make(EmbeddingBag, ROWS, padding_idx=given)
    assert bag.padding_idx == row
    assert repr(bag) == f"EmbeddingBag(5, 3, mode='mean', padding_idx={row})"
    assert torch.equal(bag.weight, ROWS)


@pytest.mark.parametrize("kind", [Embedding, EmbeddingBag])
def test_a_tensor_without_words_takes_it(kind: type[Embedding] | type[EmbeddingBag]) -> None:
    layer = kind.from_pretrained(ROWS, padding_idx=-2)
    assert (layer.padding_idx, layer.encoder) == (3, None)
    assert layer.weight.data_ptr() == ROWS.data_ptr()


def test_drawn_rows_begin_with_zeros_for_it_as_in_torchs_constructor() -> None:
    for kind in (Embedding, EmbeddingBag):
        layer = kind.from_vocabulary(WORDS, 3, padding_idx=1, oov="mean")
        assert (layer.weight == 0).all(1).tolist() == [False, True, False, False, False, False]
    encoder = Encoder(Vocabulary(WORDS), padding_idx=-1)
    layer = Embedding.from_vocabulary(encoder, 3)
    assert layer.padding_idx == 4
    assert (layer.weight == 0).all(1).tolist() == [False, False, False, False, True]


@pytest.mark.parametrize("repeats", [1, 2, 1000])  # torch's kernels differ by the number of ids
@pytest.mark.parametrize("sparse", [False, True])
def test_its_row_is_looked_up_but_not_trained(make: Make, sparse: bool, repeats: int) -> None:
    layer = make(Embedding, ROWS, padding_idx=-2, sparse=sparse)
    ids = torch.tensor([1, 2, 2] + [3] * repeats)
    assert torch.equal(layer(ids), ROWS[ids])
    layer(ids).sum().backward()
    assert gradient(layer)[:, 0].tolist() == [0, 1, 2, 0, 0]
    torch.optim.SGD(layer.parameters(), lr=0.5).step()
    assert torch.equal(layer.weight[3], ROWS[3])
    assert torch.equal(layer.weight[2], ROWS[2] - 1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_a_bag_is_what_it_is_without_that_row(make: Make, mode: str, dtype: torch.dtype) -> None:
    rows = exact_rows(10, 3, dtype)
    bags = [[3, 1, 4, 1], [], [1], [1, 1], [5, 9, 2, 6, 5], [1, 7]]
    without = [[number for number in bag if number != 1] for bag in bags]
    plain = make(EmbeddingBag, rows, mode=mode)
    expected = plain(*ragged(without))
    assert not expected[1:4].any()
    matrix = torch.tensor([[*bag, *[1] * (5 - len(bag))] for bag in bags])
    for sparse in (False, True) if mode != "max" else (False,):
        layer = make(EmbeddingBag, rows, mode=mode, padding_idx=1, sparse=sparse)
        for given in (ragged(bags), (matrix,)):
            layer.zero_grad()
            plain.zero_grad()
            found = layer(*given)
            torch.testing.assert_close(found, expected)
            found.square().sum().backward()
            plain(*ragged(without)).square().sum().backward()
            torch.testing.assert_close(gradient(layer), gradient(plain))


def ragged(bags: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    ids = [number for bag in bags for number in bag]
    starts = [sum(map(len, bags[:position])) for position in range(len(bags))]
    return torch.tensor(ids), torch.tensor(starts)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_a_bag_of_int8_rows_leaves_it_out_too(tmp_path: Path, mode: Any) -> None:
    path = saved(tmp_path / "int8.safetensors", WORDS, ROWS.numpy(), dtype="int8")
    layer = EmbeddingBag.from_pretrained(path, mode=mode, padding_idx=0)
    wide = EmbeddingBag.from_pretrained(path, mode=mode, padding_idx=0, dtype=torch.float32)
    bags = [[0, 3, 0, 2], [0], [], [1]]
    matrix = torch.tensor([[0, 3, 0, 2], [0, 0, 0, 0]])
    torch.testing.assert_close(layer(*ragged(bags)), wide(*ragged(bags)))
    torch.testing.assert_close(layer(matrix), wide(matrix))
    assert torch.equal(layer(matrix)[1], torch.zeros(3))
    if mode == "sum":
        weights = torch.tensor([[1.0, 0.5, 2.0, 0.25], [1, 1, 1, 1]])
        torch.testing.assert_close(layer(matrix, None, weights), wide(matrix, None, weights))


def test_encode_pads_with_it(store: embstore.Store) -> None:
    layer = Embedding.from_pretrained(store, padding_idx=store.stoi["<pad>"], oov="zero")
    assert (layer.num_embeddings, layer.padding_idx) == (6, 0)
    ids = layer.encode([["the", "frog", "?"], ["<pad>", "end"], []])
    assert ids.tolist() == [[1, 2, 5], [0, 4, 0], [0, 0, 0]]
    assert layer.encode(["the"], length=3, side="left").tolist() == [0, 0, 1]
    bag = EmbeddingBag.from_pretrained(store, padding_idx=0)
    assert bag.encoder is not None
    padded = torch.from_numpy(bag.encoder.encode([["the", "frog"], ["end"]]))
    assert torch.equal(bag(padded), torch.stack([ROWS[1:3].mean(0), ROWS[4]]))


@pytest.mark.parametrize("oov", ["zero", "skip", "hash:10:2"])
def test_weighted_means_do_not_count_its_word(store: embstore.Store, oov: str) -> None:
    layer = EmbeddingBag.from_pretrained(store, padding_idx=0, oov=oov, mode="mean")
    bags = [["the", "<pad>", "frog"], ["<pad>"], ["<pad>", "?"], []]
    without = [["the", "frog"], [], ["?"], []]
    found = layer(*layer.encode(bags, weights=[[1, 7, 3], [2], [5, 1], []]))
    torch.testing.assert_close(found, layer(*layer.encode(without, weights=[[1, 3], [], [1], []])))
    torch.testing.assert_close(found[0], (ROWS[1] + 3 * ROWS[2]) / 4)
    torch.testing.assert_close(layer(*layer.encode(bags)), layer(*layer.encode(without)))


def test_words_with_several_ids_do_not_look_at_its_row() -> None:
    rows = ROWS.clone()
    rows[0] = float("nan")
    layer = Embedding.from_pretrained(rows, tokens=WORDS, oov="hash:10:2", padding_idx=0)
    ids, weights = layer.encode(["the", "?"])
    assert torch.equal(layer(ids, weights)[0], ROWS[1])
    assert (ids[0].tolist(), weights[0].tolist()) == ([1, 1], [1, 0])


def test_a_layer_with_it_maps_the_store_and_shares_its_checkpoint(store: embstore.Store) -> None:
    plain = Embedding.from_pretrained(store, persistent=False)
    layer = Embedding.from_pretrained(store, padding_idx=0, persistent=False)
    assert layer.mapped is not None
    assert layer.reference == plain.reference
    plain.load_state_dict(layer.state_dict())
    for again in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert again.padding_idx == 0
        assert again.encode([["the"], []]).tolist() == [[1], [0]]


def test_it_goes_with_special_rows_that_the_store_has(tmp_path: Path) -> None:
    saved(tmp_path / "plain.safetensors", WORDS, ROWS.numpy())
    path = tmp_path / "special.safetensors"
    embstore.convert(tmp_path / "plain.safetensors", path, oov="zero", padding=True)
    layer = Embedding.from_pretrained(path, padding_idx=-1)  # the last word, not the last special row
    assert (layer.num_embeddings, layer.padding_idx) == (7, 4)
    assert layer.encode([["?", "the"], ["frog"]]).tolist() == [[6, 1], [2, 4]]


def test_an_encoder_shows_and_pickles_it() -> None:
    encoder = Encoder(Vocabulary(WORDS), "zero", padding_idx=-1)
    assert repr(encoder) == "Encoder(<Vocabulary of 5 words>, oov='zero', padding_idx=4)"
    assert (encoder.padding_idx, encoder.padding, encoder.special, encoder.num_embeddings) == (4, False, 1, 6)
    again = pickle.loads(pickle.dumps(encoder))
    assert repr(again) == repr(encoder)
    assert again.encode([["the"], []]).tolist() == [[1], [4]]
    with_row = pickle.loads(pickle.dumps(Encoder(Vocabulary(WORDS), padding=True)))
    assert (with_row.padding_idx, with_row.padding) == (5, True)


def test_tables_pad_lists_of_words_with_it(store: embstore.Store) -> None:
    tables = Tables({"text": Embedding.from_pretrained(store, padding_idx=0)}, lengths={"text": 3})
    batch = tables.encode([{"text": ["the"]}, {"text": ["frog", "end"]}])
    assert torch.equal(batch["text"], torch.tensor([[1, 0, 0], [2, 4, 0]]))  # type: ignore[arg-type]


def test_a_bag_over_an_encoder_with_a_padding_row_has_none_to_leave_out() -> None:
    bag = EmbeddingBag.from_vocabulary(Encoder(Vocabulary(WORDS), padding=True), 3)
    assert bag.padding_idx is None
    assert EmbeddingBag.from_vocabulary(Encoder(Vocabulary(WORDS), padding_idx=0), 3).padding_idx == 0


BOTH = "padding=True adds a row of zeros for padding, and padding_idx=0 names a row that exists: pass one of them"


@pytest.mark.parametrize("options", [{"tokens": WORDS}, {}])
@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (5, ValueError, "padding_idx=5: expected -5 to 4, a row of the table"),
        (-6, ValueError, "padding_idx=-6: expected -5 to 4, a row of the table"),
        (True, TypeError, "padding_idx=True: expected the number of a row, such as store.stoi['<pad>']"),
        (1.0, TypeError, "padding_idx=1.0: expected the number of a row, such as store.stoi['<pad>']"),
        ("<pad>", TypeError, "padding_idx='<pad>': expected the number of a row, such as store.stoi['<pad>']"),
    ],
)
@pytest.mark.parametrize("kind", [Embedding, EmbeddingBag])
def test_a_value_that_is_no_row_of_the_table_is_refused(
    kind: Any, value: object, error: type[Exception], message: str, options: dict[str, Any]
) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        kind.from_pretrained(ROWS, padding_idx=value, **options)


def test_special_rows_are_no_rows_of_the_table(store: embstore.Store) -> None:
    with pytest.raises(ValueError, match=r"^padding_idx=5: expected -5 to 4, a row of the table$"):
        Embedding.from_pretrained(store, oov="zero", padding_idx=5)
    with pytest.raises(ValueError, match=r"^padding_idx=0: expected a row of the table, which has none$"):
        Embedding.from_vocabulary([], 3, oov="hash:7", padding_idx=0)


def test_both_kinds_of_padding_exclude_each_other(store: embstore.Store) -> None:
    for call in (
        lambda: Embedding.from_pretrained(store, padding=True, padding_idx=0),
        lambda: from_vocabulary(Embedding, ROWS, padding=True, padding_idx=0),
        lambda: Encoder(store, padding=True, padding_idx=0),
    ):
        with pytest.raises(TypeError, match=f"^{re.escape(BOTH)}$"):
            call()
    message = r"^an Encoder already has oov and padding: pass them to Encoder\(\.\.\.\)$"
    with pytest.raises(TypeError, match=message):
        Embedding.from_vocabulary(Encoder(store), 3, padding_idx=0)


@pytest.mark.filterwarnings("ignore:`torch.jit.trace.*:DeprecationWarning")
def test_traced_bags_leave_it_out_too(tmp_path: Path) -> None:
    path = saved(tmp_path / "int8.safetensors", WORDS, ROWS.numpy(), dtype="int8")
    layer = EmbeddingBag.from_pretrained(path, padding_idx=0)
    given = ragged([[0, 3, 0, 2], [0], [], [1]])
    other = ragged([[2, 0], [], [4, 4, 0], [0], [3]])
    exported = torch.export.export(layer, given).module()  # for these sizes, as padding_idx fixes them in torch
    torch.testing.assert_close(exported(*given), layer(*given))
    jit: Any = torch.jit
    for made in (torch.fx.symbolic_trace(layer), jit.trace(layer, given)):
        for bags in (given, other):
            torch.testing.assert_close(made(*bags), layer(*bags))
