"""Vectors as decimal text: C's %g with the fewest digits, six at least, that read back to the same bits."""

from __future__ import annotations

import struct
from pathlib import Path
from types import ModuleType

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray
from support.tables import in_memory, source, tokens_and_vectors

import embstore
from embstore.codecs.text import glove
from embstore.core.errors import FormatError
from embstore.core.limits import MAX_TOKEN
from embstore.core.options import Dtype, ReadOptions
from embstore.files.input import Input


def write_text(path: Path, words: list[str], vectors: NDArray[np.float32], step: int = 1000) -> bytes:
    glove.write(path, source(words, vectors, step))
    return path.read_bytes()


def shortest(value: float) -> str:
    """The model: try 6, 7, 8 and 9 digits."""
    for digits in range(6, 10):
        text = f"{value:.{digits}g}"
        with np.errstate(over="ignore"):
            if np.float64(text).astype(np.float32) == np.float32(value):
                break
    return text if value == value else "nan"


BITS = st.integers(0, 2**32 - 1)
SHORT = st.builds(lambda form, value: float(form % value), st.sampled_from(["%.1g", "%.4g", "%.5g", "%.6g", "%.3f"]),
                  st.floats(-1000, 1000))  # fmt: skip
NUMBERS = (
    BITS.map(lambda raw: struct.unpack("<f", struct.pack("<I", raw))[0])
    | SHORT
    | st.floats(-1e-4, 1e-4)
    | st.integers(-50, 40).map(lambda power: 10.0**power)
    | st.integers(0, 10**8).map(float)
)
VECTORS = st.lists(NUMBERS, min_size=1, max_size=40).map(
    lambda row: np.array(row, np.float64).astype(np.float32)[:, np.newaxis]
)


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
@given(vectors=VECTORS)
def test_numbers_are_as_short_as_read_back(kernel: ModuleType, tmp_path: Path, vectors: NDArray[np.float32]) -> None:
    words = [f"w{i}" for i in range(len(vectors))]
    text = write_text(tmp_path / "t.txt", words, vectors, 7)
    expected = [f"w{i} {shortest(value)}\n" for i, value in enumerate(vectors[:, 0].tolist())]
    assert text.decode() == "".join(expected)


@given(vectors=VECTORS, dim=st.sampled_from([1, 2, 3, 5]))
@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_text_reads_back_to_the_same_bits(
    kernel: ModuleType, tmp_path: Path, vectors: NDArray[np.float32], dim: int
) -> None:
    matrix = np.resize(vectors, (3, dim))
    matrix[np.isnan(matrix)] = np.nan
    write_text(tmp_path / "t.txt", ["", "b", "c d"], matrix)
    _, back = tokens_and_vectors(glove.read(Input(tmp_path / "t.txt"), ReadOptions()))
    np.testing.assert_array_equal(back.view(np.uint32), matrix.view(np.uint32))


def test_a_line_to_look_at(kernel: ModuleType, tmp_path: Path) -> None:
    row = [
        0.418,
        0.24968,
        -0.41242,
        0.1217,
        -0.0,
        1e-05,
        123456.0,
        1234567.0,
        1e10,
        0.1 + 0.2,
        2**-149,
        np.inf,
        -np.inf,
    ]
    text = write_text(tmp_path / "t.txt", ["the"], np.array([row], np.float32))
    assert text == b"the 0.418 0.24968 -0.41242 0.1217 -0 1e-05 123456 1234567 1e+10 0.3 1.4013e-45 inf -inf\n"


WORDS = st.text(st.sampled_from("a5.-e \t\n\u0085\u00a0\ufeffé\r0"), max_size=5)


@given(words=st.lists(WORDS, min_size=1, max_size=5), dim=st.integers(2, 3))
def test_a_token_reads_back_or_is_refused(kernel: ModuleType, tmp_path: Path, words: list[str], dim: int) -> None:
    path = tmp_path / "t.txt"
    try:
        write_text(path, words, np.ones((len(words), dim), np.float32))
    except FormatError as error:
        if "the first bytes" in str(error):
            assert words[0].startswith("\ufeff")
        else:
            if "look as if" in str(error):
                assert not all(map(str.isalpha, words))
                return
            refused = next(word for word in words if repr(word) in str(error))
            assert "\n" in refused or refused.replace("\t", " ").rpartition(" ")[1]
        assert not path.exists()
        return
    tokens, _ = tokens_and_vectors(glove.read(Input(path), ReadOptions(dim=dim)))
    assert [token.decode() for token in tokens] == words
    path.unlink()


@pytest.mark.parametrize("word", ["a\nb", "\n", "at 5", "at\t-.5e3", "x nan"])
def test_what_would_not_read_back(tmp_path: Path, word: str) -> None:
    path = tmp_path / "t.txt"
    with pytest.raises(FormatError) as caught:
        write_text(path, [word], np.ones((1, 2), np.float32))
    reason = f"the token {word!r} would not read back from this format; word2vec-bin or a store keeps it"
    assert str(caught.value) == f"{path}: {reason}"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("dtype", "kept"), [("float16", 0.0999755859375), ("bfloat16", 0.10009765625)])
def test_narrow_vectors_become_text_that_is_exact(tmp_path: Path, dtype: Dtype, kept: float) -> None:
    store, text = tmp_path / "s.safetensors", tmp_path / "t.txt"
    embstore.save(store, ["a"], np.array([[0.1, 0.5]], np.float32), dtype=dtype)
    embstore.convert(store, text)
    assert text.read_bytes() == f"a {shortest(kept)} 0.5\n".encode()
    assert np.float32(shortest(kept)) == kept


@pytest.mark.parametrize("name", ["glove", "word2vec", "word2vec-bin"])
def test_what_is_too_long_to_read_back_is_not_written(tmp_path: Path, name: str) -> None:
    long = in_memory({"the": [1.0], "x" * (MAX_TOKEN + 1): [2.0]})
    with pytest.raises(FormatError, match=r"^\S+: the token 'x{60}' would not read back\b.*; a store keeps it$"):
        embstore.convert(long, tmp_path / "t", to=name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["glove", "word2vec"])
def test_lines_that_are_too_long_to_read_back_are_not_written(tmp_path: Path, name: str) -> None:
    wide = in_memory({"the": [1.0] * 800_000})
    with pytest.raises(FormatError) as caught:
        embstore.convert(wide, tmp_path / "t", to=name)
    assert str(caught.value) == f"{tmp_path / 't'}: 800,000 numbers make lines too long to read back: write a store"
