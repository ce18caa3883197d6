"""The special rows: their values, their positions, and when a file already has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.stored import stored
from support.tables import converted, in_memory

import embstore
from embstore.core.dtypes import encode_rows, to_bfloat16
from embstore.core.options import Dtype
from embstore.store.rows import ArrayRows, DecodedRows
from embstore.words.encoder import Encoder
from embstore.words.endings.hash import Hash
from embstore.words.endings.zero import Zero
from embstore.words.moments import BLOCK, moments
from embstore.words.policy import Policy
from embstore.words.special_rows import SpecialRows, special_rows

RNG = np.random.default_rng(7)
VECTORS = (RNG.standard_normal((6, 3)) * [1, 10, 100] + [5, 0, -3]).astype(np.float32)
WORDS = ["the", "The", "naive", "<unk>", "r0d0", "frog"]


def rows(array: NDArray[Any], dtype: Dtype = "float32", after: int = 0) -> DecodedRows:
    """A table without words, the last rows of which are special."""
    return DecodedRows(ArrayRows(array, dtype), len(array) - after)


@pytest.fixture
def text_path(tmp_path: Path) -> Path:
    path = tmp_path / "table.txt"
    lines = (" ".join([word, *map(repr, vector.tolist())]) for word, vector in zip(WORDS, VECTORS, strict=True))
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


# ----------------------------------------------------------------------------------------- the values


@pytest.mark.parametrize("policy", ["error", "skip", "unk", "unk:the", "lower,error"])
def test_some_endings_have_no_rows(policy: str) -> None:
    assert special_rows(rows(VECTORS), policy, False).shape == (0, 3)
    padding = special_rows(rows(VECTORS), policy, True)
    assert padding.dtype == np.float32
    assert padding.tolist() == [[0, 0, 0]]


@pytest.mark.parametrize("padding", [False, True])
def test_zero_and_mean(padding: bool) -> None:
    before = [[0.0, 0.0, 0.0]] * padding
    assert special_rows(rows(VECTORS), "zero", padding).tolist() == [*before, [0, 0, 0]]
    mean = VECTORS.astype(np.float64).mean(axis=0).astype(np.float32)
    assert special_rows(rows(VECTORS), "mean", padding).tolist() == [*before, mean.tolist()]


def test_the_buckets_of_a_seed_are_fixed() -> None:
    """Detects a change of the random stream of NumPy, which would change the rows that are made."""
    table = rows(np.array([[-1, 10], [1, 30]], np.float32))  # mean 0 and 20, deviation 1 and 10
    expected = [[0.1257302165031433, 18.678951263427734], [0.6404226422309875, 21.049001693725586]]
    assert special_rows(table, "hash:2", False).tolist() == expected
    assert special_rows(table, "hash:2", True).tolist() == [[0, 0], *expected]
    assert special_rows(table, "lower,hash:2:3", False).tolist() == expected
    assert special_rows(table, "hash:2", False, seed=1).tolist() != expected


def test_more_buckets_begin_with_the_same_rows() -> None:
    many = special_rows(rows(VECTORS), Hash(BLOCK + 5), False)
    assert np.array_equal(many[:10], special_rows(rows(VECTORS), "hash:10", False))
    assert np.allclose(many.mean(axis=0), VECTORS.mean(axis=0), atol=5)
    assert np.allclose(many.std(axis=0), VECTORS.std(axis=0), rtol=0.05)


@pytest.mark.parametrize("count", [1, BLOCK, 2 * BLOCK + 1])
def test_mean_and_deviation_of_any_number_of_blocks(count: int) -> None:
    table = np.random.default_rng(count).normal([1e4, 0, -1], 1, (count, 3)).astype(np.float32)
    mean, deviation = moments(rows(table))
    wide = table.astype(np.float64)
    assert np.allclose(mean, wide.mean(axis=0), rtol=1e-12)
    assert np.allclose(deviation, wide.std(axis=0), rtol=1e-9)


def test_rows_that_are_not_finite_are_ignored() -> None:
    table = np.concatenate([VECTORS, np.array([[np.nan, 0, 0], [0, np.inf, 0]], np.float32)])
    mean, deviation = moments(rows(table))
    assert np.array_equal(mean, moments(rows(VECTORS))[0])
    assert np.array_equal(deviation, moments(rows(VECTORS))[1])
    assert [part.tolist() for part in moments(rows(table[-1:]))] == [[0, 0, 0], [1, 1, 1]]


def test_an_empty_table_has_standard_normal_buckets() -> None:
    made = special_rows(rows(np.empty((0, 2), np.float32)), "hash:2", False)
    assert made.tolist() == np.random.default_rng(0).standard_normal((2, 2)).astype(np.float32).tolist()


def test_bfloat16_rows_are_decoded() -> None:
    rounded = to_bfloat16(VECTORS)
    wide = (rounded.astype("<u4") << 16).view("<f4")
    assert np.array_equal(moments(rows(rounded, "bfloat16"))[0], moments(rows(wide))[0])


def test_special_rows_are_ignored() -> None:
    longer = rows(np.concatenate([VECTORS, np.full((2, 3), 1e6, np.float32)]), after=2)
    assert np.array_equal(special_rows(longer, "mean", False), special_rows(rows(VECTORS), "mean", False))


# -------------------------------------------------------------------------------------- written into the file


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("policy", ["zero", "mean", "lower,hash:5"])
def test_a_file_gets_the_rows_that_a_layer_would_make(text_path: Path, dtype: Dtype, policy: str) -> None:
    store = converted(text_path, text_path.parent, oov=policy, padding=True, dtype=dtype)
    plain = converted(text_path, text_path.parent, dtype=dtype)
    made = special_rows(plain, policy, True)
    assert store.special == len(made)
    assert np.array_equal(stored(store)[:6], stored(plain))
    assert np.array_equal(stored(store)[6:], encode_rows(made, dtype))
    assert (store.metadata["embstore.oov"], store.metadata["embstore.padding"]) == (str(Policy.parse(policy)), "1")
    assert Encoder(store, policy, padding=True).in_file


def test_the_mean_uses_the_last_of_repeated_rows(text_path: Path) -> None:
    text_path.write_text("a 1\nb 2\na 9\n")
    with pytest.warns(embstore.EmbstoreWarning):
        store = converted(text_path, text_path.parent, oov="mean", duplicates="last")
    assert store.weight.tolist() == [[9], [2], [5.5]]


def test_a_policy_without_rows_is_recorded(text_path: Path) -> None:
    store = converted(text_path, text_path.parent, oov="lower,unk")
    assert (store.metadata["embstore.oov"], store.special) == ("lower,unk", 0)
    assert "embstore.padding" not in store.metadata


def test_padding_alone_makes_one_row(text_path: Path) -> None:
    store = converted(text_path, text_path.parent, padding=True)
    assert (store.metadata["embstore.oov"], store.metadata["embstore.padding"]) == ("error", "1")
    assert store.weight[6:].tolist() == [[0, 0, 0]]


def test_a_function_cannot_be_written(text_path: Path) -> None:
    with pytest.raises(ValueError) as caught:
        converted(text_path, text_path.parent, oov=[str.lower, "zero"])
    message = "oov '<str.lower>,zero': a file stores named back-offs only, and at most 500 characters of a policy"
    assert str(caught.value) == message
    assert not text_path.with_suffix(".safetensors").exists()


def test_a_policy_as_long_as_a_header_cannot_be_written(text_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"xxx': a file stores named back-offs only, and at most 500 characters of a policy$"
    ):
        converted(text_path, text_path.parent, oov="unk:" + "x" * 500)


def test_other_formats_have_no_special_rows(text_path: Path) -> None:
    with pytest.raises(embstore.EmbstoreError) as caught:
        embstore.convert(text_path, text_path.with_name("again.txt"), oov="zero")
    assert str(caught.value) == "glove cannot store special rows, which oov and padding add: write a store"


# ------------------------------------------------------------------------------ which policies the rows cover


@pytest.mark.parametrize(
    ("required", "padding", "covered"),
    [
        ("lower,hash:5", True, True),
        ("casefold,hash:5", False, True),
        ("error", True, True),
        ("unk", True, True),
        ("hash:6", True, False),
        ("hash:5:2", False, False),
        ("zero", True, False),
    ],
)
def test_a_file_covers_the_policies_whose_rows_it_has(
    text_path: Path, required: str, padding: bool, covered: bool
) -> None:
    encoder = Encoder(
        converted(text_path, text_path.parent, oov="lower,hash:5", padding=True), required, padding=padding
    )
    assert encoder.in_file is covered
    assert encoder.padding_idx == (6 if padding else None)
    assert encoder.num_embeddings == 6 + encoder.special
    if covered:
        assert encoder.special == 6


def test_padding_that_the_file_lacks_is_not_in_it(text_path: Path) -> None:
    store = converted(text_path, text_path.parent, oov="zero")
    assert Encoder(store, "zero").in_file
    assert Encoder(store, "zero").encode(["?"]).tolist() == [6]
    assert not Encoder(store, "zero", padding=True).in_file
    assert Encoder(store, "zero", padding=True).encode(["?"]).tolist() == [7]


def test_buckets_follow_padding_that_is_not_requested(text_path: Path) -> None:
    ids = Encoder(converted(text_path, text_path.parent, oov="hash:5", padding=True), "hash:5").encode(["qzxv"])
    assert ids.tolist() == [7 + Hash(5).buckets_of(["qzxv"])[0, 0]]


def test_a_policy_without_rows_does_not_use_the_file_s(text_path: Path) -> None:
    encoder = Encoder(converted(text_path, text_path.parent, oov="hash:5", padding=True), "lower,unk")
    assert (encoder.in_file, encoder.special, encoder.num_embeddings) == (False, 0, 6)


@pytest.mark.parametrize(
    ("metadata", "count"),
    [
        ({}, 1),
        ({"embstore.oov": "zero"}, 2),
        ({"embstore.oov": "zero", "embstore.padding": "1"}, 1),
        ({"embstore.oov": "of a later version"}, 1),
    ],
)
def test_rows_that_do_not_match_the_header_are_not_used(metadata: dict[str, str], count: int) -> None:
    assert SpecialRows.of_table(metadata, count) is None


def test_rows_that_match_the_header() -> None:
    assert SpecialRows.of_table({"embstore.oov": "lower,zero", "embstore.padding": "1"}, 2) == SpecialRows(True, Zero())


def test_drawn_rows_are_finite_for_a_table_of_the_largest_numbers() -> None:
    table = in_memory({"a": [3e38, 1], "b": [-3e38, 1]})
    rows = special_rows(table, "hash:100", padding=False)
    assert np.isfinite(rows).all()
    assert rows[:, 0].max() == np.finfo(np.float32).max
