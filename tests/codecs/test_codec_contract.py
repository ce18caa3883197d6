"""What every codec does alike; a format that enters the table is tested here without a word about it."""

from __future__ import annotations

import gzip
import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.codecs import codecs_that
from support.damage import with_changed_bytes
from support.goldens import copy_golden
from support.paths import SAMPLE
from support.tables import source, tokens_and_vectors

import embstore
from embstore.codecs.registry.detection import sniff
from embstore.codecs.registry.table import CODECS, Codec, codec_for_target
from embstore.core.batch import Batch, Source, Tokens
from embstore.core.errors import EmbstoreError, FormatError
from embstore.core.options import Dtype, ReadOptions
from embstore.files.atomic import replacing
from embstore.files.input import Input

WRITING = codecs_that(lambda codec: codec.writes)
BOTH = codecs_that(lambda codec: codec.writes and codec.reads)
FILES = codecs_that(lambda codec: codec.reads and codec.suffixes)

WORDS = ["the", "frog", "naïve", "日本", "123", "-", "'s", "https://example.org/?q=1"]
ODD = [
    b"", b" ", b"two words", b"ends ", b" begins", b"a\tb", b"a\nb", b"\n", b"a\rb", b"a\r", b"3.5", b"at 3.5", b"nan",
    b"\x00", b"a\x00", b"a\x00b", b"\xff", b"caf\xe9", b"\xed\xa0\x80", b"\xef\xbb\xbfmark", b"\xc2\x85",
    b"\xe2\x80\xa8", b'"', b"\\n", b"\\", b"x" * 5000, b"<unk>", b"__index__", b"2 3",
]  # fmt: skip
EDGES = [0.0, -0.0, 1.0, 1e-45, -1.17549435e-38, 3.4028235e38, 0.1, -2.5, float("inf"), -float("inf")]


def target(folder: Path, codec: Codec) -> Path:
    return folder / f"table{codec.suffixes[0] if codec.suffixes else ''}"


def write(codec: Codec, path: Path, tokens: list[bytes], vectors: NDArray[np.float32]) -> None:
    codec.writer().write(path, source(tokens, vectors))


def refused(codec: Codec, path: Path, tokens: list[bytes], vectors: NDArray[np.float32]) -> str | None:
    """Write; the message where the format has no room for a token."""
    try:
        write(codec, path, tokens, vectors)
    except FormatError as error:
        return str(error)
    return None


def some(rows: int, dim: int) -> NDArray[np.float32]:
    return np.random.default_rng(rows).standard_normal((rows, dim), np.float32)


def same(codec: Codec, path: Path, tokens: list[bytes], vectors: NDArray[np.float32]) -> None:
    found, values = tokens_and_vectors(codec.reader().read(Input(path), ReadOptions()))
    assert found == tokens
    assert values.dtype.kind == "f"
    assert values.astype("<f4").tobytes() == vectors.tobytes()


@pytest.mark.parametrize("codec", BOTH)
def test_tokens_and_bits_come_back(codec: Codec, tmp_path: Path) -> None:
    tokens, vectors = [word.encode() for word in WORDS], some(len(WORDS), 5)
    vectors[2] = EDGES[:5]
    vectors[5] = EDGES[5:]
    path = target(tmp_path, codec)
    write(codec, path, tokens, vectors)
    same(codec, path, tokens, vectors)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names of files are text")
@pytest.mark.parametrize("codec", BOTH)
def test_names_of_files_are_any_bytes(codec: Codec, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"s\n\xff\xc5\xbe" + os.fsencode(codec.suffixes[0]))
    tokens, vectors = [b"frog", b"toad"], some(2, 3)
    write(codec, path, tokens, vectors)
    same(codec, path, tokens, vectors)


@pytest.mark.parametrize("dim", [1, 2, 257])
@pytest.mark.parametrize("codec", BOTH)
def test_any_dimension_comes_back(codec: Codec, dim: int, tmp_path: Path) -> None:
    path, tokens, vectors = target(tmp_path, codec), [b"frog", b"toad"], some(2, dim)
    write(codec, path, tokens, vectors)
    same(codec, path, tokens, vectors)


@pytest.mark.parametrize("codec", BOTH)
def test_odd_tokens_come_back_or_are_refused(codec: Codec, tmp_path: Path) -> None:
    vectors = some(3, 2)
    for number, odd in enumerate(ODD[::5] if codec.name == "hdf5" else ODD):  # which takes a process for each reading
        for place, tokens in enumerate(([odd, b"b", b"c"], [b"a", b"b", odd])):
            path = target(tmp_path / f"{number}.{place}", codec)
            path.parent.mkdir()
            refusal = refused(codec, path, tokens, vectors)
            if refusal is None:
                same(codec, path, tokens, vectors)
            else:
                assert refusal.startswith(
                    tuple(f"{path}: {what}" for what in ("the token ", "a token ", "the first bytes, "))
                )
                assert "\n" not in refusal
                assert not list(path.parent.iterdir())


@pytest.mark.parametrize("codec", [p for p in BOTH if p.id != "hdf5"])  # a child process for each reading
@settings(max_examples=30)
@given(data=st.data())
def test_any_table_comes_back_or_is_refused(
    codec: Codec, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    words = st.binary(max_size=6) | st.text(max_size=4).map(lambda word: word.encode("utf-8", "surrogatepass"))
    tokens = data.draw(st.lists(words, min_size=1, max_size=7, unique=True))
    dim = data.draw(st.integers(1, 4))
    numbers = st.floats(width=32, allow_nan=False)
    rows = data.draw(
        st.lists(st.lists(numbers, min_size=dim, max_size=dim), min_size=len(tokens), max_size=len(tokens))
    )
    path, vectors = target(tmp_path_factory.mktemp("any"), codec), np.array(rows, np.float32)
    if refused(codec, path, tokens, vectors) is None:
        same(codec, path, tokens, vectors)
    else:
        assert not list(path.parent.iterdir())


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("codec", BOTH)
def test_half_precision_keeps_its_values(codec: Codec, dtype: Dtype, tmp_path: Path) -> None:
    vectors = np.array([[0.5, -1.25], [3, 0.0078125]], np.float32)  # exact in both
    path = target(tmp_path, codec)
    batches = vectors if dtype == "bfloat16" else vectors.astype(np.float16)
    codec.writer().write(path, source([b"a", b"b"], batches, dtype=dtype))
    same(codec, path, [b"a", b"b"], vectors)


@pytest.mark.parametrize(("rows", "dim"), [(3000, 256), (800, 1024)])
@pytest.mark.parametrize("codec", BOTH)
def test_reading_streams(codec: Codec, rows: int, dim: int, tmp_path: Path) -> None:
    vectors = some(rows, dim)
    path = target(tmp_path, codec)
    codec.writer().write(path, source([b"w%d" % i for i in range(rows)], vectors, step=rows // 4))
    sizes = [batch.vectors.nbytes for batch in codec.reader().read(Input(path), ReadOptions()).batches]
    assert sum(sizes) == vectors.nbytes
    assert len(sizes) > 1
    assert max(sizes) <= 2 << 20
    same(codec, path, [b"w%d" % i for i in range(rows)], vectors)


@pytest.mark.parametrize("codec", BOTH)
def test_limit_takes_the_first_rows(codec: Codec, tmp_path: Path) -> None:
    path, vectors = target(tmp_path, codec), some(4, 3)
    write(codec, path, [b"a", b"b", b"c", b"d"], vectors)
    store = embstore.open(path, format=codec.name, limit=2)
    assert list(store.itos) == ["a", "b"]
    assert store.vectors.tobytes() == vectors[:2].tobytes()


@pytest.mark.parametrize("codec", BOTH)
def test_the_source_tells_its_origin_and_progress(codec: Codec, tmp_path: Path) -> None:
    path, told = target(tmp_path, codec), []
    write(codec, path, [b"%d" % i for i in range(99)], some(99, 30))
    read_from = codec.reader().read(Input(path), ReadOptions(), lambda done, total: told.append((done, total)))
    assert read_from.dim == 30
    assert sum(len(batch.tokens) for batch in read_from.batches) == 99
    assert read_from.rows in (None, 99)
    origin = read_from.provenance()
    assert (origin["name"], origin["format"]) == (path.name, codec.name)
    assert told
    assert all(0 <= done <= total for done, total in told)
    if codec.name != "store":  # whose sha256 is that of its rows
        assert origin["size"] == str(path.stat().st_size)
        assert origin["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("codec", BOTH)
def test_what_it_writes_is_found_again(codec: Codec, tmp_path: Path) -> None:
    path = target(tmp_path, codec)
    write(codec, path, [b"frog", b"toad"], some(2, 3))
    assert sniff(Input(path)) is codec
    assert codec_for_target(path) is codec or codec.name == "safetensors"  # the suffix is the store's
    if codec.magic is not None:
        assert sniff(Input(path.rename(tmp_path / "table.unheard"))) is codec


class OwnError(Exception):
    pass


def broken() -> Iterator[Batch]:
    yield Batch(Tokens.pack([b"a", b"b"]), some(2, 3))
    raise OwnError


@pytest.mark.parametrize("codec", WRITING)
def test_nothing_is_left_behind_by_an_error(codec: Codec, tmp_path: Path) -> None:
    path = target(tmp_path, codec)
    with pytest.raises(OwnError):
        codec.writer().write(path, Source(3, broken()))
    assert not list(tmp_path.iterdir())
    if codec.suffixes:  # a folder is never replaced
        write(codec, path, [b"old"], some(1, 3))
        before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
        with pytest.raises(OwnError):
            codec.writer().write(path, Source(3, broken()))
        assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


@pytest.mark.parametrize("codec", WRITING)
def test_a_table_without_rows_is_refused(codec: Codec, tmp_path: Path) -> None:
    path = target(tmp_path, codec)
    with pytest.raises(FormatError) as caught:
        codec.writer().write(path, Source(3, iter([])))
    assert str(caught.value) == f"{path}: no rows to write: the input holds none, or all were left out"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("codec", FILES)
def test_nothing_but_a_regular_file_is_read(codec: Codec, tmp_path: Path) -> None:
    pipe, folder = target(tmp_path, codec), target(tmp_path / "folder", codec)
    os.mkfifo(pipe)
    folder.mkdir(parents=True)
    for path, kind in ((pipe, "a pipe, socket or device"), (folder, "a folder")):
        with pytest.raises(FormatError) as caught:
            codec.reader().read(Input(path), ReadOptions())
        assert str(caught.value) == f"{path}: {kind}, expected a regular file"


@pytest.mark.filterwarnings("ignore:rows not of length 1")
@pytest.mark.parametrize("codec", BOTH)
def test_real_rows_come_back(codec: Codec, tmp_path: Path) -> None:
    path, direct, again = target(tmp_path, codec), tmp_path / "direct.safetensors", tmp_path / "again.safetensors"
    embstore.convert(SAMPLE, direct)
    embstore.convert(SAMPLE, path, to=codec.name, overwrite=True)
    embstore.convert(path, again, format=codec.name, overwrite=True)
    expected, store = embstore.open(direct), embstore.open(again)
    assert list(store.itos) == list(expected.itos)
    assert store.vectors.tobytes() == expected.vectors.tobytes()


@pytest.mark.parametrize("codec", [p for p in BOTH if CODECS[str(p.id)].compressed])
def test_packed_files_are_read(codec: Codec, tmp_path: Path) -> None:
    plain, packed = target(tmp_path, codec), tmp_path / f"packed{codec.suffixes[0]}.gz"
    write(codec, plain, [b"frog", b"toad"], some(2, 3))
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    same(codec, packed, [b"frog", b"toad"], some(2, 3))


@pytest.mark.parametrize("codec", [p for p in FILES if p.id != "hdf5"])
def test_a_cut_or_damaged_file_is_refused_or_read(codec: Codec, tmp_path: Path) -> None:
    """Never another exception, whatever byte is wrong: the message is one line and names the file."""
    path = target(tmp_path, codec)
    if codec.writes:
        write(codec, path, [b"the", b"frog", b"toad"], some(3, 2))
    else:
        copy_golden(codec, path)
    whole, random = path.read_bytes(), np.random.default_rng(1)
    cuts = [whole[:stop] for stop in sorted({*range(0, len(whole), max(1, len(whole) // 60)), len(whole) - 1})]
    for damaged in [*cuts, *(with_changed_bytes(whole, random, reach_in(whole, random)) for _ in range(100))]:
        with replacing(path) as file:
            file.write(damaged)
        message = ""
        try:
            tokens_and_vectors(codec.reader().read(Input(path), ReadOptions()))
        except EmbstoreError as error:
            message = str(error)
        assert not message or str(tmp_path) in message
        assert "\n" not in message


def reach_in(whole: bytes, random: np.random.Generator) -> int:
    """How far into a file bytes change: the first 200, where headers are, as often as anywhere."""
    return len(whole) if random.integers(2) else min(200, len(whole))
