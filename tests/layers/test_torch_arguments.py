"""Arguments as users of torch write them work here, and what does not is answered with what to write."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.tables import saved
from support.torch_layers import exact_rows

import embstore
from embstore import Embedding, EmbeddingBag, Encoder, Vocabulary

pytestmark = pytest.mark.torch

ROWS = exact_rows(5, 3)
WORDS = ["a", "b", "c", "d", "e"]
embedding: Any = Embedding  # for mistakes that mypy finds too
bag: Any = EmbeddingBag
READING = (
    "advise, dim, duplicates, exact_words, format, header, key, limit, member, on_error, progress, vocab, word_column"
)


@pytest.mark.parametrize(("kind", "theirs"), [(Embedding, torch.nn.Embedding), (EmbeddingBag, torch.nn.EmbeddingBag)])
def test_the_first_arguments_are_those_of_torch_in_its_order(kind: Any, theirs: Any) -> None:
    ours, torchs = (
        [
            (each.name, each.default)
            for each in inspect.signature(cls.from_pretrained).parameters.values()
            if each.kind is each.POSITIONAL_OR_KEYWORD
        ]
        for cls in (kind, theirs)
    )
    assert (ours[0][0], torchs[0][0]) == ("source", "embeddings")
    assert ours[1:] == torchs[1:]
    assert inspect.signature(kind) == inspect.signature(theirs)


def test_positional_arguments_mean_what_they_mean_for_torch() -> None:
    given = False, 2, 1.0, 1.0, True, True
    layer = embedding.from_pretrained(ROWS, *given)
    theirs: Any = torch.nn.Embedding
    assert layer.weight.requires_grad
    assert repr(layer) == repr(theirs.from_pretrained(ROWS.clone(), *given))
    pooling = EmbeddingBag.from_pretrained(ROWS, False, None, 2.0, False, "sum", False, True, -1)
    assert (pooling.mode, pooling.include_last_offset, pooling.padding_idx) == ("sum", True, 4)
    assert pooling.weight.requires_grad


@pytest.mark.parametrize("kind", [Embedding, EmbeddingBag])
def test_the_table_may_be_called_embeddings(kind: Any) -> None:
    assert torch.equal(kind.from_pretrained(embeddings=ROWS, tokens=WORDS).weight, ROWS)
    assert torch.equal(kind.from_pretrained(source=ROWS).weight, ROWS)
    message = r"^embeddings= is the table, which is given already as the first argument$"
    with pytest.raises(TypeError, match=message):
        kind.from_pretrained(ROWS, embeddings=ROWS)
    with pytest.raises(TypeError, match=message):
        kind.from_pretrained(source=ROWS, embeddings=ROWS)


def test_the_constructor_is_that_of_torch() -> None:
    torch.manual_seed(3)
    layer = Embedding(10, 3, padding_idx=-1, dtype=torch.float64)
    torch.manual_seed(3)
    assert torch.equal(layer.weight, torch.nn.Embedding(10, 3, padding_idx=-1, dtype=torch.float64).weight)
    assert (layer.encoder, layer.padding_idx, layer.weight.requires_grad) == (None, 9, True)
    kept = Embedding(5, 3, _weight=ROWS, _freeze=True)
    assert kept.weight.data_ptr() == ROWS.data_ptr()
    assert not kept.weight.requires_grad
    pooling = EmbeddingBag(num_embeddings=5, embedding_dim=3, _weight=ROWS, mode="sum")
    assert pooling(torch.tensor([[0, 1]])).tolist() == [(ROWS[0] + ROWS[1]).tolist()]
    skip_init: Any = torch.nn.utils.skip_init
    assert skip_init(Embedding, 10, 3).weight.shape == (10, 3)
    with pytest.raises(
        embstore.EmbstoreError,
        match=r"^the rows of this layer have no words: use from_pretrained\(array, tokens=words\)$",
    ):
        layer.encode(["the"])


def test_a_table_or_words_for_the_constructor_are_told_where_they_go(tmp_path: Path) -> None:
    path = saved(tmp_path / "words.safetensors", WORDS, ROWS.numpy())
    table = "Embedding.from_pretrained(table)"
    for first, name, meant in [
        (str(path), "str", f"Embedding.from_pretrained({str(path)!r})"),
        (path, type(path).__name__, f"Embedding.from_pretrained({str(path)!r})"),
        (embstore.open(path), "Store", table),
        (ROWS, "Tensor", table),
        (ROWS.numpy(), "ndarray", table),
        (WORDS, "list", "Embedding.from_vocabulary(words, dim)"),
        (Vocabulary(WORDS), "Vocabulary", "Embedding.from_vocabulary(words, dim)"),
        (Encoder(Vocabulary(WORDS)), "Encoder", "Embedding.from_vocabulary(words, dim)"),
    ]:
        given: Any = first
        with pytest.raises(TypeError) as caught:
            Embedding(given, 3)
        assert str(caught.value) == (
            "Embedding(num_embeddings, embedding_dim) makes a layer without words, as torch.nn.Embedding does, and"
            f" takes numbers, not {name}: use {meant}"
        )
    assert Embedding.from_pretrained(str(path)).encode(["b"]).tolist() == [1]
    with pytest.raises(TypeError, match=r"^EmbeddingBag\(num_embeddings, .*: use EmbeddingBag\.from_pretrained"):
        bag("glove.txt")


CONSTRUCTORS = [
    (Embedding, "from_pretrained", (ROWS,)),
    (EmbeddingBag, "from_pretrained", (ROWS,)),
    (Embedding, "from_pretrained", ("no such file.txt",)),  # options are looked at before the file
    (Embedding, "from_vocabulary", (WORDS, 3)),
    (EmbeddingBag, "from_vocabulary", (WORDS, 3)),
]


@pytest.mark.parametrize(("kind", "name", "given"), CONSTRUCTORS)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"frezze": True}, "{} has no option 'frezze': did you mean freeze=?"),
        ({"_freeze": True}, "{} has no option '_freeze': did you mean freeze=?"),
        ({"max_norn": 1.0}, "{} has no option 'max_norn': did you mean max_norm=?"),
        ({"scale_grad_by_frequency": True}, "{} has no option 'scale_grad_by_frequency':"
         " did you mean scale_grad_by_freq=?"),
        ({"pading_idx": 0}, "{} has no option 'pading_idx': did you mean padding_idx=?"),
        ({"freeze": "no"}, "freeze='no': expected True or False"),
        ({"freeze": 0}, "freeze=0: expected True or False"),
        ({"freeze": None}, "freeze=None: expected True or False"),
        ({"freeze": "sum"}, "freeze='sum': expected True or False; the mode of a bag is mode='sum'"),
        ({"sparse": "no"}, "sparse='no': expected True or False"),
        ({"scale_grad_by_freq": "no"}, "scale_grad_by_freq='no': expected True or False"),
        ({"dtype": np.float32}, "dtype=<class 'numpy.float32'>: expected a dtype of torch, such as torch.float32"),
        ({"out_dtype": "single"}, "out_dtype='single': expected a dtype of torch, such as torch.float32"),
    ],
)  # fmt: skip
def test_options_that_are_none_are_told_what_they_resemble(
    kind: Any, name: str, given: tuple[object, ...], options: dict[str, object], message: str
) -> None:
    with pytest.raises(TypeError) as caught:
        getattr(kind, name)(*given, **options)
    assert str(caught.value) == message.format(f"{kind.__name__}.{name}")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: embedding.from_pretrained(ROWS, pading=True), TypeError,
         "Embedding.from_pretrained has no option 'pading': did you mean padding=?"),
        (lambda: embedding.from_pretrained(ROWS, padding="<pad>"), TypeError,
         "padding='<pad>': expected True or False"),
        (lambda: embedding.from_vocabulary(WORDS, 3, padding="no"), TypeError,
         "padding='no': expected True or False"),
        (lambda: embedding.from_pretrained(ROWS, persistent="no"), TypeError,
         "persistent='no': expected True or False"),
        (lambda: bag.from_pretrained(ROWS, include_last_offset="no"), TypeError,
         "include_last_offset='no': expected True or False"),
        (lambda: bag.from_pretrained(ROWS, padding=True), TypeError,
         "EmbeddingBag.from_pretrained has no option 'padding': bags need no padding; padding_idx= names a row that"
         " is left out of each bag"),
        (lambda: bag.from_pretrained(ROWS, "sum"), TypeError,
         "freeze='sum': expected True or False; the mode of a bag is mode='sum'"),
        (lambda: embedding.from_pretrained(ROWS, _weight=ROWS), TypeError,
         "Embedding.from_pretrained has no option '_weight': expected one of source, freeze, padding_idx, max_norm,"
         " norm_type, scale_grad_by_freq, sparse, tokens, oov, padding, dtype, device, out_dtype, persistent, seed, "
         + READING),
        (lambda: embedding.from_vocabulary(WORDS, 3, vectors=ROWS), TypeError,
         "Embedding.from_vocabulary has no option 'vectors': expected one of vocabulary, dim, oov, padding,"
         " padding_idx, init, std, freeze, max_norm, norm_type, scale_grad_by_freq, sparse, dtype, device, out_dtype,"
         " seed"),
        (lambda: embedding.from_pretrained(ROWS, key="rows"), TypeError,
         "key: reading options are for a path, not for Tensor"),
        (lambda: embedding.from_pretrained(ROWS, dtype=torch.int32), ValueError,
         "dtype=torch.int32: expected a floating dtype"),
        (lambda: embedding.from_pretrained(ROWS, dtype="int8"), ValueError, "dtype=int8: expected a floating dtype"),
        (lambda: embedding.from_pretrained(ROWS, out_dtype=torch.int32), ValueError,
         "out_dtype=torch.int32: expected a floating dtype"),
    ],
)  # fmt: skip
def test_other_mistakes(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message


def test_a_dtype_may_be_named_as_in_open_and_convert() -> None:
    layer = embedding.from_pretrained(ROWS, dtype="bfloat16", out_dtype="float64")
    assert layer.weight.dtype == torch.bfloat16
    assert layer.out_dtype == layer(torch.tensor([0])).dtype == torch.float64
    assert EmbeddingBag.from_vocabulary(WORDS, 3, dtype="float16").weight.dtype == torch.float16


def test_whole_numbers_are_converted_to_a_dtype(tmp_path: Path) -> None:
    numbers = np.arange(6).reshape(2, 3)
    assert Embedding.from_pretrained(numbers, dtype=torch.float32).weight.tolist() == numbers.tolist()
    np.save(tmp_path / "numbers.npy", numbers)
    (tmp_path / "words.txt").write_text("a\nb\n")
    path, vocab = tmp_path / "numbers.npy", tmp_path / "words.txt"
    message = f"{path}: whole numbers (int64), not embeddings; `dtype='float32'` converts them"
    with pytest.raises(embstore.FormatError, match=f"^{re.escape(message)}$"):
        Embedding.from_pretrained(path, vocab=vocab)
    for dtype in (torch.float32, "float32", torch.float16):
        layer = embedding.from_pretrained(path, vocab=vocab, dtype=dtype)
        assert layer.weight.tolist() == numbers.tolist()
        assert layer.encode(["b"]).tolist() == [1]
    cut = tmp_path / "cut.npy"
    cut.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(
        embstore.FormatError,
        match=r"cut\.npy: 168 bytes, expected 176 for <i8 \[2, 3\]: it is cut short or the header is wrong$",
    ):
        Embedding.from_pretrained(cut, vocab=vocab, dtype=torch.float32)
