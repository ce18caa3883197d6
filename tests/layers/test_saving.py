"""`layer.save`: a layer, trained or not, as a store that gives the same results, to the bit."""

from __future__ import annotations

import copy
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.ngram_models import MODEL, STRANGERS
from support.ranks import run_on_ranks
from support.running import output_of
from support.tables import converted, saved
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor
from torch.nn.utils import parametrize, prune

import embstore
from embstore import Embedding, EmbeddingBag, EmbstoreError, Encoder, Store, Vocabulary
from embstore.core.options import Dtype

pytestmark = pytest.mark.torch

WORDS = ["the", "frog", "paris", "<unk>", "naïve"]
ROWS = np.random.default_rng(11).standard_normal((5, 4), np.float32)
ASKED = ["the", "FROG", "qzxv", "xyzzy", "naïve", "Paris"]
POLICIES = ["lower,zero", "lower,mean", "lower,hash:7", "casefold,unk", "unk:the", "digits,lower,hash:3"]


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    return saved(tmp_path / "words.safetensors", WORDS, ROWS)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.safetensors"


def trained(layer: Any, words: list[str]) -> Any:
    """Train all rows of a layer, each by a different number, and once more those of some words."""
    torch.manual_seed(3)
    optimizer = torch.optim.SGD(layer.parameters(), 0.25)
    with torch.no_grad():
        layer.weight += torch.randn(layer.weight.shape).to(layer.weight.dtype)
    inputs = layer.encode([words]) if isinstance(layer, EmbeddingBag) else (layer.encode(words),)
    results = layer(*inputs)
    (results * torch.randn(results.shape)).sum().backward()
    optimizer.step()
    return layer


def bits(tensor: torch.Tensor) -> list[Any]:
    return tensor.detach().contiguous().view(torch.uint8).tolist()


def check_same(layer: Any, again: Any, words: list[str] = ASKED) -> None:
    assert bits(again.weight) == bits(layer.weight)
    if isinstance(layer, EmbeddingBag):
        bags = [words, [], words[:2]]
        for one, other in zip(layer.encode(bags), again.encode(bags), strict=True):
            assert torch.equal(one, other)
        assert bits(again(*again.encode(bags))) == bits(layer(*layer.encode(bags)))
        return
    assert again.padding_idx == layer.padding_idx
    assert again.encode(words).tolist() == layer.encode(words).tolist()
    assert bits(again(again.encode(words))) == bits(layer(layer.encode(words)))
    if layer.padding_idx is not None:
        batch = [words, words[:1]]
        assert bits(again(again.encode(batch))) == bits(layer(layer.encode(batch)))


def metadata(path: Path, *names: str) -> dict[str, str]:
    with embstore.open(path) as store:
        store.verify()
        return {name: store.metadata[f"embstore.{name}"] for name in names if f"embstore.{name}" in store.metadata}


@pytest.mark.parametrize("padding", [False, True])
@pytest.mark.parametrize("oov", POLICIES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_a_trained_embedding_comes_back_to_the_bit(
    store_path: Path, out: Path, dtype: torch.dtype, oov: str, padding: bool
) -> None:
    layer = Embedding.from_pretrained(store_path, oov=oov, padding=padding, dtype=dtype, freeze=False)
    trained(layer, ASKED)
    layer.save(out)
    again = Embedding.from_pretrained(out, padding=padding)
    assert again.weight.dtype == dtype
    check_same(layer, again)
    assert again.mapped is not None  # the special rows are in the file
    assert metadata(out, "oov", "padding") == {"oov": oov, **({"padding": "1"} if padding else {})}


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("oov", [*POLICIES, "lower,skip"])
def test_a_trained_bag_comes_back_to_the_bit(store_path: Path, out: Path, oov: str, mode: Any) -> None:
    bag = trained(EmbeddingBag.from_pretrained(store_path, oov=oov, mode=mode, freeze=False), ASKED)
    bag.save(out)
    check_same(bag, EmbeddingBag.from_pretrained(out, mode=mode))
    assert metadata(out, "oov", "padding") == {"oov": oov}


def test_a_policy_of_errors_is_not_written_as_none_was_requested(store_path: Path, out: Path) -> None:
    Embedding.from_pretrained(store_path).save(out)
    assert metadata(out, "oov", "padding") == {}
    assert out.read_bytes()[4096:] == store_path.read_bytes()[4096:]
    with pytest.raises(embstore.UnknownTokenError, match="qzxv"):
        Embedding.from_pretrained(out).encode(["qzxv"])


@pytest.mark.parametrize("ending", ["zero", "hash:3", "error"])
def test_int8_rows_are_copied_not_rounded_again(store_path: Path, out: Path, ending: str) -> None:
    quantized = store_path.with_name("int8.safetensors")
    rows = np.random.default_rng(2).standard_normal((4000, 7), np.float32)
    saved(store_path, [f"w{row}" for row in range(len(rows))], rows, overwrite=True)
    embstore.convert(store_path, quantized, dtype="int8", oov=ending, padding=True)
    layer = Embedding.from_pretrained(quantized, padding=True)
    layer.save(out)
    again = Embedding.from_pretrained(out, padding=True)
    assert embstore.open(out).dtype == "int8"
    check_same(layer, again, ["w3", "w3999"] if ending == "error" else ["w3", "qzxv", "w3999"])
    decoded = embstore.open(quantized).vectors
    requantized = saved(out.with_name("twice.safetensors"), list(embstore.open(out).itos), decoded, dtype="int8")
    assert (embstore.open(requantized).block(0, 4000, encoded=True) != layer.weight[:4000].numpy()).any()


def test_int8_rows_become_float32_on_request(store_path: Path, out: Path) -> None:
    quantized = store_path.with_name("int8.safetensors")
    embstore.convert(store_path, quantized, dtype="int8")
    layer = EmbeddingBag.from_pretrained(quantized, oov="hash:3", mode="sum")
    layer.save(out, dtype="float32")
    again = EmbeddingBag.from_pretrained(out, mode="sum")
    assert again.weight.dtype == torch.float32
    bags = [[word] for word in ASKED]
    assert torch.equal(again(*again.encode(bags)), layer(*layer.encode(bags)))


def test_trained_rows_become_int8_rows_on_request(store_path: Path, out: Path) -> None:
    layer = trained(Embedding.from_pretrained(store_path, oov="hash:3", padding=True, freeze=False), ASKED)
    layer.save(out, dtype="int8")
    again = Embedding.from_pretrained(out, padding=True)
    expected = torch.ops.quantized.embedding_bag_byte_prepack(layer.weight.detach())
    assert torch.equal(again.weight, expected)


@pytest.mark.parametrize("dtype", ["float16", torch.float16])
def test_rows_are_rounded_on_request_alone(store_path: Path, out: Path, dtype: Any) -> None:
    layer = trained(Embedding.from_pretrained(store_path, oov="hash:3", freeze=False), ASKED)
    layer.save(out, dtype=dtype)
    again = Embedding.from_pretrained(out)
    assert torch.equal(again.weight, layer.weight.detach().half())


@pytest.mark.parametrize("kind", ["float64", "float8_e5m2"])
def test_a_dtype_that_a_store_lacks_is_an_error_that_names_the_option(out: Path, kind: str) -> None:
    layer = Embedding.from_vocabulary(WORDS, 4, oov="hash:2", dtype=getattr(torch, kind))
    message = (
        f"the rows are {kind}, which a store cannot hold: dtype='float32' rounds them"
        " ('float32', 'float16', 'bfloat16', 'int8')"
    )
    with pytest.raises(EmbstoreError, match=f"^{re.escape(message)}$"):
        layer.save(out)
    assert not out.exists()
    layer.save(out, dtype="float32")
    assert torch.equal(Embedding.from_pretrained(out).weight, layer.weight.detach().float())


def test_an_unknown_dtype_is_an_error(store_path: Path, out: Path) -> None:
    layer = Embedding.from_pretrained(store_path)
    for dtype in ("float64", torch.float64):
        message = "dtype='float64': expected one of float32, float16, bfloat16, int8"
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            layer.save(out, dtype=dtype)  # type: ignore[arg-type]


@pytest.mark.parametrize("oov", ["subword", "lower,subword"])
@pytest.mark.parametrize(("dtype", "padding"), [("float32", True), ("bfloat16", False), ("int8", True)])
def test_trained_ngram_rows_come_back(tmp_path: Path, out: Path, dtype: Dtype, padding: bool, oov: str) -> None:
    store = converted(MODEL, tmp_path, dtype=dtype, padding=padding)
    bag = EmbeddingBag.from_pretrained(store, oov=oov, mode="sum", freeze=dtype == "int8")
    words = [*STRANGERS, "the", "Frog"]
    if dtype != "int8":
        trained(bag, words)
    bag.save(out)
    check_same(bag, EmbeddingBag.from_pretrained(out, mode="sum"), words)
    assert metadata(out, "oov", "subword") == {"oov": oov, "subword": store.metadata["embstore.subword"]}


def test_special_rows_of_the_file_keep_their_ids(store_path: Path, out: Path) -> None:
    with_rows = store_path.with_name("special.safetensors")
    embstore.convert(store_path, with_rows, oov="hash:6", padding=True)
    bag = EmbeddingBag.from_pretrained(with_rows, mode="sum", freeze=False)  # without padding, but the file has it
    assert bag.num_embeddings == 5 + 1 + 6
    bag.save(out)
    check_same(bag, EmbeddingBag.from_pretrained(out, mode="sum"))
    assert metadata(out, "oov", "padding") == {"oov": "hash:6", "padding": "1"}


def test_rows_that_the_policy_of_the_layer_does_not_use_are_left_out(store_path: Path, out: Path) -> None:
    with_rows = store_path.with_name("special.safetensors")
    embstore.convert(store_path, with_rows, oov="hash:6", padding=True)
    layer = Embedding.from_pretrained(with_rows, oov="unk", padding=True)
    assert layer.num_embeddings == 12
    layer.save(out)
    again = Embedding.from_pretrained(out, padding=True)
    assert again.num_embeddings == 6
    batch = [["qzxv", "frog"], ["the"]]
    assert again.encode(batch).tolist() == layer.encode(batch).tolist() == [[3, 1], [0, 5]]
    assert torch.equal(again(again.encode(batch)), layer(layer.encode(batch)))
    assert metadata(out, "oov", "padding") == {"oov": "unk", "padding": "1"}


def test_a_written_padding_row_is_kept(store_path: Path, out: Path) -> None:
    layer = Embedding.from_pretrained(store_path, padding=True, oov="hash:2", freeze=False)
    with torch.no_grad():
        layer.weight[5] = 0.5
    layer.save(out)
    check_same(layer, Embedding.from_pretrained(out, padding=True))


@pytest.mark.parametrize("kind", [np.uint32, np.uint16])
def test_nan_infinities_and_negative_zero_keep_their_bits(out: Path, kind: Any) -> None:
    rows = np.array([[0x7F812345, 0xFFC12345, 0xFF800000, 0x80000000, 0x00000001]], np.uint32)
    weight = torch.from_numpy(rows.view(np.float32))
    if kind is np.uint16:  # bfloat16: the upper halves
        weight = torch.from_numpy((rows >> 16).astype(np.uint16).view(np.int16)).view(torch.bfloat16)
    layer = Embedding.from_pretrained(weight, tokens=["odd"])
    with pytest.warns(embstore.EmbstoreWarning, match="rows with NaN, Inf or a value beyond the dtype: 1, the first"):
        layer.save(out)
    assert bits(Embedding.from_pretrained(out).weight) == bits(weight)


def test_special_rows_beyond_the_dtype_warn_or_are_refused(out: Path) -> None:
    layer = Embedding.from_vocabulary(["a"], 2, oov="hash:3", padding=True)
    with torch.no_grad():
        layer.weight[3] = 1e6
    with pytest.warns(embstore.EmbstoreWarning, match=r"beyond the dtype: 1, the first special row 2$"):
        layer.save(out, dtype="float16")
    with torch.no_grad():
        layer.weight[3] = torch.nan
    with pytest.raises(EmbstoreError, match=r"^special row 2 has NaN, Inf or a range beyond float32, which int8"):
        layer.save(out, dtype="int8", overwrite=True)


@pytest.mark.parametrize("make", [Vocabulary, list])
def test_a_layer_without_pretrained_rows(out: Path, make: Any) -> None:
    layer = trained(Embedding.from_vocabulary(make(WORDS), 3, oov="lower,hash:4", padding=True), ASKED)
    layer.save(out)
    check_same(layer, Embedding.from_pretrained(out, padding=True))
    assert metadata(out, "source.name", "source.format") == {"source.name": "memory", "source.format": "layer"}


def test_an_encoder_of_a_store_with_other_rows(store_path: Path, out: Path) -> None:
    encoder = Encoder(embstore.open(store_path), "lower,mean", padding=True)
    layer = trained(Embedding.from_vocabulary(encoder, 9), ASKED)
    layer.save(out)
    check_same(layer, Embedding.from_pretrained(out, padding=True))


def test_what_the_rows_started_from_is_in_the_file(store_path: Path, out: Path, tmp_path: Path) -> None:
    trained(Embedding.from_pretrained(store_path, freeze=False), ["the"]).save(out)
    names = ("source.name", "source.sha256", "source.format")
    started = {"source.name": "words.safetensors", "source.format": "layer"}
    assert metadata(out, *names) == {**started, **_sha256_of_rows(store_path)}
    text = tmp_path / "words.txt"
    embstore.convert(store_path, text)
    Embedding.from_pretrained(text).save(out, overwrite=True)
    found = metadata(out, *names)
    assert (found["source.name"], found["source.format"], len(found["source.sha256"])) == ("words.txt", "layer", 64)


def _sha256_of_rows(path: Path) -> dict[str, str]:
    return {"source.sha256": embstore.open(path).metadata["embstore.sha256.embedding.weight"]}


def test_counts_are_kept(tmp_path: Path, out: Path) -> None:
    (tmp_path / "words.vocab.tsv").write_text("the\t90\nfrog\t7\n")
    np.save(tmp_path / "words.npy", ROWS[:2])
    counted = tmp_path / "counted.safetensors"
    with pytest.warns(embstore.EmbstoreWarning, match="counts"):
        embstore.convert(tmp_path / "words.npy", counted, vocab=tmp_path / "words.vocab.tsv")
    assert embstore.open(counted).counts is not None
    trained(Embedding.from_pretrained(counted, oov="hash:2", freeze=False), ["the"]).save(out)
    store = embstore.open(out)
    assert store.counts is not None
    assert store.counts.tolist() == [90, 7]


@pytest.mark.parametrize("freeze", [True, False])
def test_a_layer_over_the_file_that_is_replaced_stays_valid(store_path: Path, freeze: bool) -> None:
    layer = Embedding.from_pretrained(store_path, oov="hash:3", freeze=freeze)
    before = copy.deepcopy(layer)
    if not freeze:
        trained(layer, ASKED)
    expected = layer.weight.detach().clone()
    with pytest.raises(FileExistsError, match=r"words\.safetensors: exists already"):
        layer.save(store_path)
    store = embstore.open(store_path)
    layer.save(store_path, overwrite=True)
    np.testing.assert_array_equal(store.vectors, ROWS)  # the old file, which is still mapped
    assert torch.equal(layer.weight, expected)
    check_same(layer, Embedding.from_pretrained(store_path))
    for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        check_same(layer, copied)
    assert torch.equal(before.weight[:5], torch.from_numpy(ROWS))
    layer.save(store_path, overwrite=True)
    check_same(layer, Embedding.from_pretrained(store_path))


def test_a_mapped_layer_over_the_file_that_is_replaced_keeps_written_rows(store_path: Path) -> None:
    layer = Embedding.from_pretrained(store_path)
    assert layer.mapped is not None
    with torch.no_grad():
        layer.weight[2] = 4
    layer.save(store_path, overwrite=True)
    check_same(layer, Embedding.from_pretrained(store_path), ["the", "paris"])
    check_same(layer, copy.deepcopy(layer), ["the", "paris"])
    assert embstore.open(store_path)["paris"].tolist() == [4, 4, 4, 4]


def test_pruned_rows_are_those_of_the_next_call(store_path: Path, out: Path) -> None:
    layer = Embedding.from_pretrained(store_path, oov="hash:2", freeze=False)
    prune.l1_unstructured(layer, "weight", amount=0.5)  # type: ignore[no-untyped-call]
    optimizer = torch.optim.SGD(layer.parameters(), 0.5)
    layer(layer.encode(ASKED)).sum().backward()
    optimizer.step()  # changes weight_orig; weight is computed again by the next call
    layer.save(out)
    again = Embedding.from_pretrained(out)
    assert torch.equal(again(again.encode(ASKED)), layer(layer.encode(ASKED)))
    assert (again.weight == 0).sum() == round(layer.weight.numel() / 2)


class Doubled(torch.nn.Module):
    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return 2 * weight


def test_parametrized_rows_are_those_that_are_used(store_path: Path, out: Path) -> None:
    layer = Embedding.from_pretrained(store_path, oov="hash:2", freeze=False)
    parametrize.register_parametrization(layer, "weight", Doubled())
    trained_by = torch.optim.SGD(layer.parameters(), 0.5)
    layer(layer.encode(ASKED)).sum().backward()
    trained_by.step()
    layer.save(out)
    again = Embedding.from_pretrained(out)
    assert torch.equal(again(again.encode(ASKED)), layer(layer.encode(ASKED)))
    assert not torch.equal(again.weight[:5], torch.from_numpy(ROWS))


def stem(word: str) -> str:
    return word.removesuffix("s")


def test_what_cannot_be_saved(store_path: Path, out: Path) -> None:
    refused: list[tuple[Any, type[Exception], str]] = [
        (
            Embedding.from_pretrained(torch.eye(3)),
            EmbstoreError,
            "the rows of this layer have no words: use from_pretrained(array, tokens=words)",
        ),
        (
            Embedding.from_pretrained(store_path, oov=["lower", stem, "zero"]),
            ValueError,
            "oov 'lower,<stem>,zero': a file stores named back-offs only, and at most 500 characters of a policy",
        ),
        (
            EmbeddingBag.from_vocabulary([], 3, oov="hash:4"),
            EmbstoreError,
            "the vocabulary of this layer is empty, and a store has one word at least: keep the rows of a layer that"
            " hashes all words by torch.save(layer.state_dict(), path)",
        ),
    ]
    without, meta, longer = (Embedding.from_pretrained(store_path, oov="hash:2") for _ in range(3))
    del without.weight
    missing = "this layer has no weight, which was removed from it: there are no rows to save"
    meta.to("meta")
    nowhere = "the rows of this layer are on the meta device, which has no data: load them first"
    longer.weight = torch.nn.Parameter(torch.zeros(9, 4))
    shape = "the weight has the shape (9, 4), expected (7, dim), a row for each of 5 words and 2 special rows"
    refused += [(without, EmbstoreError, missing), (meta, EmbstoreError, nowhere), (longer, EmbstoreError, shape)]
    for layer, error, message in refused:
        with pytest.raises(error, match=f"^{re.escape(message)}$"):
            layer.save(out)
    assert not out.exists()


def test_a_layer_that_hashes_all_words_is_kept_as_the_message_says(tmp_path: Path) -> None:
    layer = trained(EmbeddingBag.from_vocabulary([], 3, oov="hash:4", mode="sum"), ASKED)
    torch.save(layer.state_dict(), tmp_path / "layer.pt")
    again = EmbeddingBag.from_vocabulary([], 3, oov="hash:4", mode="sum")
    again.load_state_dict(torch.load(tmp_path / "layer.pt"))
    check_same(layer, again)


def test_rows_in_any_layout(store_path: Path, out: Path) -> None:
    layer = Embedding.from_pretrained(store_path, freeze=False)
    layer.weight = torch.nn.Parameter(torch.from_numpy(ROWS).T.contiguous().T)
    assert not layer.weight.is_contiguous()
    layer.save(out)
    np.testing.assert_array_equal(embstore.open(out).vectors, ROWS)


def test_tokens_that_are_not_utf8_keep_their_bytes(tmp_path: Path, out: Path) -> None:
    (tmp_path / "odd.txt").write_bytes(b"a\xff 0.5 1\nb 2 3\n")
    with pytest.warns(embstore.EmbstoreWarning, match="not UTF-8"):
        layer = Embedding.from_pretrained(tmp_path / "odd.txt")
    with pytest.warns(embstore.EmbstoreWarning, match="not UTF-8"):
        layer.save(out)
    store: Store = embstore.open(out)
    assert list(store.itos) == ["a\udcff", "b"]
    check_same(layer, Embedding.from_pretrained(out), ["a\udcff", "b"])


def save_spread_rows(rank: int, out: Path) -> None:
    mesh = init_device_mesh("cpu", (2,))
    layer = Embedding.from_pretrained(torch.from_numpy(ROWS), tokens=WORDS, oov="lower,zero", freeze=False)
    layer.weight = torch.nn.Parameter(distribute_tensor(layer.weight.detach(), mesh, [Shard(0)]))
    message = (
        "the rows of this layer are spread over processes: gather them on every rank, layer.weight ="
        " torch.nn.Parameter(layer.weight.full_tensor()), and save the layer on one"
    )
    with pytest.raises(EmbstoreError, match=f"^{re.escape(message)}$"):
        layer.save(out)
    message = "the vectors are spread over processes: gather them on every rank by full_tensor() first"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        embstore.save(out, [*WORDS, "more"], layer.weight)
    layer.weight = torch.nn.Parameter(layer.weight.full_tensor())  # type: ignore[attr-defined]
    if rank == 0:
        layer.save(out)
        check_same(layer, Embedding.from_pretrained(out))


def test_rows_that_are_spread_over_processes_are_gathered_first(tmp_path: Path, out: Path) -> None:
    run_on_ranks(save_spread_rows, tmp_path, out)
    np.testing.assert_array_equal(embstore.open(out).vectors, ROWS)


def test_a_layer_that_leaves_its_rows_out_of_checkpoints(store_path: Path, out: Path) -> None:
    layer = Embedding.from_pretrained(store_path, oov="lower,hash:3", padding=True, persistent=False)
    layer.save(out)
    again = Embedding.from_pretrained(out, padding=True, persistent=False)
    check_same(layer, again)
    assert list(again.state_dict()) == ["store_reference"]


def test_options_that_no_store_has_are_given_again(store_path: Path, out: Path) -> None:
    options: dict[str, Any] = {"mode": "max", "include_last_offset": True, "out_dtype": torch.float64}
    bag = EmbeddingBag.from_pretrained(store_path, oov="hash:3", **options)
    bag.save(out)
    check_same(bag, EmbeddingBag.from_pretrained(out, **options))


MEASURED = """
import sys, torch, embstore
from support.memory import peak_of_process
words = [str(row) for row in range(20_000)]
small, large = (torch.ones(len(words), dim, dtype=getattr(torch, sys.argv[2])) for dim in (1, 2000))
small, large = (embstore.Embedding.from_pretrained(rows, tokens=words) for rows in (small, large))
small.save(sys.argv[1])  # imports modules, and builds an index
before = peak_of_process()
large.save(sys.argv[1], overwrite=True)
print(peak_of_process() - before)
"""


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_saving_takes_no_second_copy_of_the_rows(out: Path, dtype: str) -> None:
    assert int(output_of(MEASURED, out, dtype)) < 40_000_000  # of 160 or 80 MB
