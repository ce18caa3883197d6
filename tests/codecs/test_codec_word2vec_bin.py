"""word2vec binary: rows across blocks, newlines or none, against a reader of one row at a time."""

from __future__ import annotations

import struct
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tables import source, tokens_and_vectors

import embstore
from embstore.codecs.registry.detection import sniff
from embstore.codecs.word2vec_bin import word2vec_bin as codec
from embstore.codecs.word2vec_bin.blanks import CONTROL
from embstore.core import _native, _speedups
from embstore.core.options import ReadOptions
from embstore.files.input import Input

Rows = list[tuple[bytes, bytes]]


def binary(rows: Rows, dim: int, between: bytes = b"") -> bytes:
    return f"{len(rows)} {dim}\n".encode() + between.join(token + b" " + numbers for token, numbers in rows)


def read_rows(path: Path) -> Rows:
    tokens, vectors = tokens_and_vectors(codec.read(Input(path), ReadOptions()))
    return list(zip(tokens, map(np.ndarray.tobytes, vectors), strict=True))


tokens = st.binary(max_size=5).filter(
    lambda token: b" " not in token and not token.startswith(b"\n") and not any(CONTROL[byte] for byte in token)
)
sizes = st.floats(2.0**-36, 2.0**26, width=32) | st.just(0.0)  # others may be the rest of a token


@st.composite
def binary_tables(draw: st.DrawFn) -> tuple[Rows, int]:
    dim = draw(st.integers(1, 5))
    numbers = st.lists(st.tuples(sizes, st.sampled_from([1, -1])), min_size=dim, max_size=dim).map(
        lambda signed: np.array([size * sign for size, sign in signed], "<f4").tobytes()
    )
    return draw(st.lists(st.tuples(tokens, numbers), min_size=1, max_size=20)), dim


@pytest.mark.parametrize("between", [b"", b"\n"])
@pytest.mark.parametrize("block", [80, 1 << 20])
@given(table=binary_tables())
def test_any_rows_come_back(
    kernel: ModuleType,
    block: int,
    between: bytes,
    table: tuple[Rows, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows, dim = table
    monkeypatch.setattr(codec, "BLOCK", block)
    path = tmp_path / "t.bin"
    path.write_bytes(binary(rows, dim, between) + between)
    assert read_rows(path) == rows


@given(
    data=st.binary(max_size=40).map(lambda raw: raw.replace(b"\xff", b" ").replace(b"\xfe", b"\n")),
    span=st.tuples(st.integers(0, 40), st.integers(0, 40)),
    newlines=st.booleans(),
    width=st.integers(1, 3),
    room=st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(1, 9)),
)
def test_twins_split_any_bytes_alike(
    data: bytes, span: tuple[int, int], newlines: bool, width: int, room: tuple[int, int, int]
) -> None:
    block, stop = np.frombuffer(data, np.uint8), min(span[1], len(data))
    found = []
    for module in (_speedups, _native):
        rows, tokens, offsets = (
            np.zeros((room[0], width), np.uint8),
            np.zeros(room[1], np.uint8),
            np.zeros(room[2], int),
        )
        ends = module.split_rows(block, span[0], stop, newlines, rows, tokens, offsets, 0)
        found.append((ends, rows.tolist(), tokens.tolist(), offsets.tolist()))
    assert found[0] == found[1]


@pytest.mark.parametrize(("position", "stop"), [(-1, 3), (0, 4)])
def test_rows_outside_of_the_block_are_refused(kernel: ModuleType, position: int, stop: int) -> None:
    arrays = np.zeros((1, 4), np.uint8), np.zeros(4, np.uint8), np.zeros(2, np.int64)
    with pytest.raises(ValueError, match=r"^the rows to split must lie inside the block$"):
        kernel.split_rows(np.zeros(3, np.uint8), position, stop, False, *arrays, 0)


def test_many_rows_of_every_length(kernel: ModuleType, tmp_path: Path) -> None:
    vectors = np.random.default_rng(3).standard_normal((30_000, 25), np.float32)
    words = [b"x" * (i % 97) + b"%d" % i for i in range(30_000)]
    codec.write(tmp_path / "t.bin", source(words, vectors, len(words)))
    assert read_rows(tmp_path / "t.bin") == [(word, row.tobytes()) for word, row in zip(words, vectors, strict=True)]


def test_rows_larger_than_a_block(tmp_path: Path) -> None:
    vectors = np.random.default_rng(3).standard_normal((3, 700_000), np.float32)
    codec.write(tmp_path / "t.bin", source(["a", "b", "c"], vectors))
    assert [numbers for _, numbers in read_rows(tmp_path / "t.bin")] == [row.tobytes() for row in vectors]


@pytest.mark.parametrize(
    ("token", "shown"), [("two words", "'two words'"), ("\na", r"'\na'"), ("x" * (1 << 20), f"'{'x' * 60}'")]
)
def test_tokens_that_would_not_read_back_are_refused(tmp_path: Path, token: str, shown: str) -> None:
    with pytest.raises(embstore.FormatError) as caught:
        codec.write(tmp_path / "t.bin", source(["a", token], np.ones((2, 1), np.float32)))
    ends = "tokens are limited to 1 MB" if len(token) > 1000 else "in this format a space ends a token"
    reason = f"the token {shown} would not read back: {ends}; a store keeps it"
    assert str(caught.value) == f"{tmp_path}/t.bin: {reason}"
    assert not list(tmp_path.iterdir())


def test_a_token_without_end_is_not_read_to_the_end(tmp_path: Path) -> None:
    path = tmp_path / "t.bin"
    with path.open("wb") as file:
        file.write(b"2 1\na " + struct.pack("<f", 1) + b"\xff" * (3 << 20))
        file.truncate(1 << 40)  # holes: it takes no space
    reason = "no space in the first 1,048,576 bytes of row 2: not word2vec binary"
    with pytest.raises(embstore.FormatError) as caught:
        read_rows(path)
    assert str(caught.value) == f"{path}: {reason}"


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"1 2\nthe 0.5 -1.5\n", "glove"),
        (b"1 2\nthe " + struct.pack("<2f", 0.5, -1.5), "word2vec-bin"),
        (b"3000000 300\n</s> " + struct.pack("<300f", *range(300)), "word2vec-bin"),
    ],
)
def test_text_and_binary_are_told_apart(tmp_path: Path, data: bytes, name: str) -> None:
    path = tmp_path / ("t.txt" if name == "glove" else "a suffix of.none")
    path.write_bytes(data)
    assert sniff(Input(path)).name == name
