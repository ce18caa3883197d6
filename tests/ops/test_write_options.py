"""Writing options: their effect on the file, round trips, and formats that do not support them."""

from __future__ import annotations

import json
import zipfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.codecs import codecs_that
from support.running import Run
from support.tables import saved, source

import embstore
from embstore.codecs.hdf5 import writing as hdf5
from embstore.codecs.registry.table import CODECS, Codec
from embstore.core.errors import FormatError
from embstore.core.options import WriteOptions

WORDS = ["the", "frog", "naïve", "日本", ""]
VECTORS = np.arange(15, dtype=np.float32).reshape(5, 3) / 7
VALUES: dict[str, Any] = {"compression": "gzip", "layout": "contiguous", "strings": "fixed"}
SUPPORTED = [
    pytest.param(codec, {name: value}, id=f"{codec.name}-{name}-{value}")
    for codec in CODECS.values()
    for name, values in codec.choices.items()
    for value in values
]


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    return saved(tmp_path / "s.safetensors", WORDS, VECTORS)


@pytest.mark.parametrize(("codec", "options"), SUPPORTED)
def test_round_trip_keeps_tokens_and_bits(
    codec: Codec, options: dict[str, Any], store_path: Path, tmp_path: Path
) -> None:
    for dtype in ("float32", "float16"):
        path = tmp_path / f"{dtype}{codec.suffixes[0]}"
        embstore.convert(store_path, path, dtype=dtype, **options)
        table = embstore.open(path)
        assert list(table.itos) == WORDS
        assert table.vectors.tobytes() == VECTORS.astype(dtype).tobytes()


def hdf5_facts(path: Path) -> dict[str, Any]:
    with h5py.File(path) as file:
        vectors, tokens = file["vectors"], file["tokens"]
        assert [vectors.shape, tokens.shape] == [(5, 3), (5,)]
        string = h5py.check_string_dtype(tokens.dtype)
        return {
            "compression": [vectors.compression, tokens.compression],
            "chunked": [vectors.chunks is not None, tokens.chunks is not None],
            "strings": (string.encoding, string.length),
            "mappable": vectors.id.get_offset() is not None,
        }


@pytest.mark.parametrize(
    ("options", "changed"),
    [
        ({}, {}),
        ({"compression": "none", "layout": "chunked", "strings": "variable"}, {}),
        ({"compression": "gzip"}, {"compression": ["gzip"] * 2}),
        ({"compression": "lzf"}, {"compression": ["lzf"] * 2}),
        ({"layout": "contiguous"}, {"chunked": [False] * 2, "mappable": True}),
        ({"strings": "fixed"}, {"strings": ("utf-8", 6)}),
        ({"strings": "fixed", "compression": "lzf"}, {"strings": ("utf-8", 6), "compression": ["lzf"] * 2}),
        (
            {"strings": "fixed", "layout": "contiguous", "compression": "none"},
            {"strings": ("utf-8", 6), "chunked": [False] * 2, "mappable": True},
        ),
    ],
)
def test_content_of_hdf5_files(
    options: dict[str, Any], changed: dict[str, Any], store_path: Path, tmp_path: Path
) -> None:
    embstore.convert(store_path, tmp_path / "t.h5", **options)
    plain = {"compression": [None] * 2, "chunked": [True] * 2, "strings": ("utf-8", None), "mappable": False}
    assert hdf5_facts(tmp_path / "t.h5") == plain | changed
    assert list(embstore.open(tmp_path / "t.h5").itos) == WORDS


@pytest.mark.parametrize(
    ("options", "methods"), [({}, [0, 8]), ({"compression": "none"}, [0, 0]), ({"compression": "deflate"}, [8, 8])]
)
def test_content_of_npz_files(options: dict[str, Any], methods: list[int], store_path: Path, tmp_path: Path) -> None:
    embstore.convert(store_path, tmp_path / "t.npz", **options)
    with zipfile.ZipFile(tmp_path / "t.npz") as archive:
        assert [info.compress_type for info in archive.infolist()] == methods
    with np.load(tmp_path / "t.npz") as arrays:
        assert arrays["words"].tolist() == WORDS
        assert arrays["vectors"].tobytes() == VECTORS.tobytes()


@pytest.mark.parametrize(
    ("value", "codec"), [(None, "ZSTD"), ("zstd", "ZSTD"), ("snappy", "SNAPPY"), ("none", "UNCOMPRESSED")]
)
def test_content_of_parquet_files(value: str | None, codec: str, store_path: Path, tmp_path: Path) -> None:
    embstore.convert(store_path, tmp_path / "t.parquet", compression=value)
    group = pyarrow.parquet.ParquetFile(tmp_path / "t.parquet").metadata.row_group(0)
    assert [group.column(i).compression for i in range(2)] == [codec] * 2
    assert "BYTE_STREAM_SPLIT" in group.column(1).encodings


def test_compression_makes_smaller_files(tmp_path: Path) -> None:
    path = tmp_path / "s.safetensors"
    embstore.save(
        path, [f"word{i}" for i in range(3000)], np.repeat(np.arange(3000.0, dtype=np.float32), 20).reshape(-1, 20)
    )
    sizes = {}
    for suffix, options in (
        (".h5", ("none", "lzf", "gzip")),
        (".npz", ("none", "deflate")),
        (".parquet", ("none", "zstd")),
    ):
        for option in options:
            embstore.convert(path, tmp_path / f"{option}{suffix}", compression=option)
        sizes[suffix] = [(tmp_path / f"{option}{suffix}").stat().st_size for option in options]
    assert all(later < earlier for found in sizes.values() for earlier, later in pairwise(found))


@settings(max_examples=40)
@given(
    words=st.lists(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5), min_size=1, unique=True
    ),
    layout=st.sampled_from([None, "chunked", "contiguous"]),
    strings=st.sampled_from(["variable", "fixed"]),
    step=st.integers(1, 4),
)
def test_any_words_are_written(
    words: list[str], layout: str | None, strings: str, step: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path, vectors = (
        tmp_path_factory.mktemp("any") / "t.h5",
        np.random.default_rng(1).random((len(words), 2), np.float32),
    )
    hdf5.write_hdf5(path, source(words, vectors, step), WriteOptions(layout=layout, strings=strings))
    with h5py.File(path) as file:
        assert [bytes(word).decode() for word in file["tokens"][:]] == words
        assert file["vectors"][:].tobytes() == vectors.tobytes()


REFUSED = [
    ("t.h5", {"compression": "zstd"},
     "hdf5 does not support the compression 'zstd'; supported: none, gzip, lzf"),
    ("t.h5", {"layout": "c"}, "hdf5 does not support the layout 'c'; supported: chunked, contiguous"),
    ("t.npz", {"layout": "chunked"}, "npz is written without the option layout; supported: compression"),
    ("t.txt", {"compression": "gzip"}, "glove is written without the option compression"),
    ("t.safetensors", {"strings": "fixed"}, "store is written without the option strings"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options", "reason"), REFUSED)
def test_unsupported_options(name: str, options: dict[str, Any], reason: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError) as caught:  # the source does not exist: it is not opened
        embstore.convert(tmp_path / "missing", tmp_path / name, **options)
    assert str(caught.value) == f"{tmp_path / name}: {reason}"


@pytest.mark.parametrize("codec", codecs_that(lambda codec: codec.writes))
def test_every_format_supports_only_its_own_options(codec: Codec, tmp_path: Path) -> None:
    for name, value in VALUES.items():
        if name not in codec.choices:
            reason = rf": {codec.name} is written without the option {name}(; supported: [a-z, ]+)?$"
            with pytest.raises(FormatError, match=reason):
                embstore.convert(tmp_path / "missing", tmp_path / "t", to=codec.name, **{name: value})


@pytest.mark.parametrize("compression", ["gzip", "lzf"])
def test_contiguous_data_cannot_be_compressed(compression: str, store_path: Path, tmp_path: Path) -> None:
    with pytest.raises(FormatError) as caught:
        embstore.convert(store_path, tmp_path / "t.h5", compression=compression, layout="contiguous")
    reason = f"the compression {compression} needs chunks: `layout='chunked'` writes them"
    assert str(caught.value) == f"{tmp_path / 't.h5'}: {reason}"
    assert [path.name for path in tmp_path.iterdir()] == ["s.safetensors"]


@pytest.mark.parametrize("options", [{"strings": "fixed"}, {"layout": "contiguous"}])
def test_a_failed_write_leaves_no_file(options: dict[str, Any], tmp_path: Path) -> None:
    embstore.save(tmp_path / "nul.safetensors", ["a\0b", "c"], VECTORS[:2])
    with pytest.raises(FormatError, match=r"a token contains a NUL byte, which ends strings in HDF5: write a store$"):
        embstore.convert(tmp_path / "nul.safetensors", tmp_path / "t.h5", **options)
    assert [path.name for path in tmp_path.iterdir()] == ["nul.safetensors"]


def test_a_long_token_is_refused_with_fixed_strings(
    store_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hdf5, "MAX_WORDS", 29)
    with pytest.raises(FormatError) as caught:
        embstore.convert(store_path, tmp_path / "t.h5", strings="fixed")
    reason = "every fixed-length string would take 6 bytes: `strings='variable'` takes less"
    assert str(caught.value) == f"{tmp_path / 't.h5'}: {reason}"
    monkeypatch.setattr(hdf5, "MAX_WORDS", 30)
    embstore.convert(store_path, tmp_path / "t.h5", strings="fixed")


def test_on_the_command_line(store_path: Path, tmp_path: Path, run: Run) -> None:
    path = str(tmp_path / "t.h5")
    assert run("convert", str(store_path), path, "--quiet", "--layout", "contiguous", "--strings", "fixed") == (
        0,
        "",
        "",
    )
    assert hdf5_facts(Path(path))["strings"] == ("utf-8", 6)
    packed = ("--overwrite", "--compression", "gzip", "--dtype", "float16", "--report-loss", "--json")
    code, out, _ = run("convert", str(store_path), path, *packed)
    assert (code, json.loads(out)["dtype"]) == (0, "float16")
    assert hdf5_facts(Path(path))["compression"] == ["gzip", "gzip"]
    assert run("convert", str(store_path), path, "--compression", "brotli")[:2] == (2, "")
    message = f"error: {tmp_path / 't.npy'}: npy is written without the option compression\n"
    assert run("convert", str(store_path), str(tmp_path / "t.npy"), "--compression", "gzip") == (1, "", message)


def test_formats_lists_writing_options(run: Run) -> None:
    code, out, err = run("formats", "--json")
    assert (code, err) == (0, "")
    listed = {entry["name"]: entry for entry in json.loads(out)["formats"]}
    assert listed["npz"]["choices"] == {"compression": ["none", "deflate"]}
    assert listed["npz"]["options"] == ["key", "vocab", "word_column", "exact_words"]
    assert listed["store"]["choices"] == {}
