"""Which format a file has: its bytes tell before its suffix, inside a packed one too."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tables import saved, source

import embstore
from embstore.codecs.registry.detection import sniff
from embstore.codecs.registry.table import CODECS
from embstore.codecs.registry.targets import codec_for_target
from embstore.core.errors import EmbstoreWarning, FormatError, UnknownFormatError
from embstore.files.input import Input

TEXT = b"the 1 2\nof 3 4\n"
BINARY = b"2 2\nthe \0\0\x80\x3f\0\0\0\x40of \0\0\x40\x40\0\0\x80\x40"
SHARED = (".bin", ".safetensors")


def store_named(path: Path) -> Path:
    vectors = np.array([[1, 2], [3, 4]], np.float32)
    return saved(path.with_suffix(".safetensors"), ["the", "of"], vectors).rename(path)


def test_a_wrong_suffix_is_read_with_a_warning(tmp_path: Path) -> None:
    path = store_named(tmp_path / "vectors.txt")
    with pytest.warns(EmbstoreWarning) as caught:
        table = embstore.open(path)
    message = f"{path}: the bytes are store, though the suffix says glove; read as store"
    assert [str(warning.message) for warning in caught] == [message]
    assert table["of"].tolist() == [3, 4]


def test_the_warning_comes_once_where_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "t.npy").write_bytes(BINARY)
    for run in (
        lambda: embstore.open(tmp_path / "t.npy"),
        lambda: embstore.convert(tmp_path / "t.npy", tmp_path / "t.safetensors"),
    ):
        with pytest.warns(EmbstoreWarning) as caught:
            run()
        message = f"{tmp_path / 't.npy'}: the bytes are word2vec-bin, though the suffix says npy; read as word2vec-bin"
        assert [str(warning.message) for warning in caught] == [message]
    assert embstore.open(tmp_path / "t.safetensors")["of"].tolist() == [3, 4]


def test_a_format_that_is_named_is_believed(tmp_path: Path) -> None:
    with pytest.raises(FormatError):
        embstore.open(store_named(tmp_path / "t.txt"), format="glove")


@pytest.mark.parametrize("suffix", [*SHARED, ".unheard", "", ".SAFETENSORS"])
def test_suffixes_of_several_formats_or_none_tell_nothing(tmp_path: Path, suffix: str) -> None:
    assert sniff(Input(store_named(tmp_path / f"table{suffix}"))).name == "store"
    (tmp_path / f"other{suffix}").write_bytes(b"FiFu" + bytes(60))
    assert sniff(Input(tmp_path / f"other{suffix}")).name == "finalfusion"


OWN = sorted(
    suffix
    for codec in CODECS.values()
    for suffix in codec.suffixes
    if sum(suffix in other.suffixes for other in CODECS.values()) == 1
)


def test_every_suffix_of_one_format_warns_of_the_bytes_of_another(tmp_path: Path) -> None:
    assert {".txt", ".vec", ".npy", ".h5", ".hdf5", ".pth"} <= set(OWN)
    assert not set(OWN) & set(SHARED)
    for suffix in OWN:
        path = tmp_path / f"t{suffix}"
        path.write_bytes(b"FiFu" + bytes(60))
        if suffix == ".fifu":
            assert sniff(Input(path)).name == "finalfusion"
            continue
        with pytest.warns(EmbstoreWarning, match=r"the bytes are finalfusion, though the suffix says [\w-]+; read as"):
            assert sniff(Input(path)).name == "finalfusion"


@given(st.sampled_from(OWN), st.binary(min_size=1, max_size=40))
def test_bytes_that_tell_nothing_leave_it_to_the_suffix(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, tail: bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / f"t{suffix}"
    path.write_bytes(b"word " + tail)
    assert suffix in sniff(Input(path)).suffixes


WIDE = b" ".join(b"%.4f" % (i / 999) for i in range(900))  # more than the first 4,096 bytes


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (TEXT, "glove"), (b"2 2\n" + TEXT, "word2vec"), (b"\xef\xbb\xbf2\t2 \r\n" + TEXT, "word2vec"),
        (b"\xef\xbb\xbf" + TEXT, "glove"), (TEXT + b"to 5", "glove"), (b"2 900\nthe " + WIDE + b"\n", "word2vec"),
        (b"the " + WIDE + b"\nof " + WIDE + b"\n", "glove"), (TEXT[:-1], "glove"), (b"2 2\nthe 1 2", "word2vec"),
        (b"the 1 2\nof 3\n", None),
        (b"the 1 2\nof 3 4 5\n", None), (b"2 3\n" + TEXT, None), (b"2 1\nthe 1\nof 2\n", None), (b"0 1\n0 2\n", None),
        (b"the 1\nof 2\n", None), (b"2 2\n", None), (b"\n" * 9, None), (b"the 1 2\n\nof 3 4\n", None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["t", "t.6B.50d", "word2vec_pre_kv_c", "t.dat"])
def test_lines_tell_text_where_nothing_else_does(
    tmp_path: Path, name: str, content: bytes, expected: str | None
) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
    assert sniff(Input(tmp_path / f"{name}.gz")).name == (expected or "glove")
    if expected is None:
        with pytest.raises(UnknownFormatError, match="the format cannot be detected from the first bytes"):
            sniff(Input(tmp_path / name))
    else:
        assert sniff(Input(tmp_path / name)).name == expected


@pytest.mark.parametrize(
    ("content", "expected"), [(TEXT, "glove"), (b"2 2\n" + TEXT, "word2vec"), (b"a\n", "word2vec-bin")]
)
def test_a_bin_may_be_text(tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / "t.bin").write_bytes(content)
    (tmp_path / "t.bin.gz").write_bytes(gzip.compress(content))
    assert sniff(Input(tmp_path / "t.bin")).name == sniff(Input(tmp_path / "t.bin.gz")).name == expected


@pytest.mark.parametrize("name", ["t.npy", "t.h5"])
def test_a_suffix_tells_before_lines_do(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(TEXT)
    assert name[1:] in sniff(Input(tmp_path / name)).suffixes


def written_back(path: Path, words: list[bytes], dim: int = 2) -> str:
    """Write and read; what is wrong with it, nothing where it comes back."""
    vectors = np.arange(len(words) * dim, dtype=np.float32).reshape(-1, dim) / 4
    try:
        codec_for_target(path).writer().write(path, source(words, vectors, len(words)))
    except FormatError as error:
        assert not path.exists()
        return str(error).removeprefix(f"{path}: ")
    table = embstore.open(path)
    assert [word.encode("utf-8", "surrogateescape") for word in table.itos] == words
    assert table.vectors.tolist() == vectors.tolist()
    path.unlink()
    return ""


@pytest.mark.parametrize(
    ("word", "taken"),
    [
        (b"PAR1", "parquet"), (b"FiFu", "finalfusion"), (b"FEA1", "arrow"), (b"ARROW1\0\0", "arrow"),
        (b"(dp0", ""), (b"}q\0", ""), (b"}q\0.", "a pickle"), (b'{"weight_map"', "safetensors"), (b"PAR", ""),
        (b"\xba\x16\x4f\x2f", "fasttext"), (b"\x1f\x8b\x08", "a compressed file"), (b"PK\3\4", "a compressed file"),
        (b"\xef\xbb\xbf", "a byte order mark"), (b"SQLite format 3\0", "magnitude"), (b"\x89HDF\r", ""),
        (b'abcdefgh{"vocab.index"', "store"), (b"the", ""), (b"GGUF\3\0\0\0", "a GGUF model of llama.cpp"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:tokens that are not UTF-8:embstore.EmbstoreWarning")
def test_what_begins_like_another_format_is_not_written(tmp_path: Path, word: bytes, taken: str) -> None:
    for first in (word, word + b"x", word + b" x"):
        message = written_back(tmp_path / "t.txt", [first, b"b"])
        shown = (first + b" 0 0.25\nb 0.5 0.75\n")[:40].decode("utf-8", "replace")
        assert message == (taken and f"the first bytes, {shown!r}, would be read as {taken}; a store keeps them")
        assert not written_back(tmp_path / "t.txt", [b"b", first])
        assert not written_back(tmp_path / "t.vec", [first, b"b"])
        in_binary = b" " in first or any(byte < 32 for byte in first)
        assert in_binary or not written_back(tmp_path / "t.bin", [first, b"b"])


@pytest.mark.parametrize("size", range(4080, 4100))
def test_a_long_first_token_comes_back_or_is_refused(tmp_path: Path, size: int) -> None:
    """At each place of the end of what is looked at, and where the header grows by a digit in the end."""
    word = b"x " * (size // 2) + b"y" * (size % 2 + 1)
    for words in ([word], [word, *(b"w%d" % i for i in range(9))]):
        message = written_back(tmp_path / "t.vec", words)
        header = f"{len(words)} 2\n"
        shown = repr((header + "x " * 40)[:40])
        assert message in ("", f"the first bytes, {shown}, would be read as word2vec-bin; a store keeps them")
        assert bool(message) == (len(header) + len(word) + len(" 0") > 4096)


def test_binary_rows_that_begin_like_another_format_are_not_written(tmp_path: Path) -> None:
    word = b'abcd{"vocab.index"'  # the brace is the ninth byte, behind the header
    message = written_back(tmp_path / "t.bin", [word, b"b"])
    assert message.startswith('the first bytes, \'2 2\\nabcd{"vocab.index" ')
    assert message.endswith(", would be read as store; a store keeps them")


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("t.gz", TEXT, "glove"), ("t.txt.gz", TEXT, "glove"), ("T.VEC.GZ", b"2 2\n" + TEXT, "word2vec"),
        ("glove.6B.50d.gz", TEXT, "glove"), ("wiki.en.gz", TEXT, "glove"), ("t.bin.gz", BINARY, "word2vec-bin"),
        ("t.gz", BINARY, "word2vec-bin"), ("no suffix", BINARY, "word2vec-bin"), ("no suffix", TEXT, "glove"),
    ],
)  # fmt: skip
def test_a_packed_file_is_known_by_what_is_inside(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    (tmp_path / name).write_bytes(gzip.compress(content))
    assert sniff(Input(tmp_path / name)).name == expected
    assert embstore.open(tmp_path / name)["of"].tolist() == [3, 4]


def test_a_packed_file_with_a_wrong_suffix_warns(tmp_path: Path) -> None:
    path = tmp_path / "t.txt.gz"
    path.write_bytes(gzip.compress(BINARY))
    with pytest.warns(EmbstoreWarning) as caught:
        assert sniff(Input(path)).name == "word2vec-bin"
    message = f"{path}: the bytes are word2vec-bin, though the suffix says glove; read as word2vec-bin"
    assert [str(warning.message) for warning in caught] == [message]


def test_the_member_that_is_read_tells_the_format_of_a_zip(tmp_path: Path) -> None:
    path = tmp_path / "models.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/vectors.vec", b"2 2\n" + TEXT)
        archive.writestr("a/vectors.txt", TEXT)
        archive.writestr("a/vectors.bin", BINARY)
        archive.writestr("a/readme", b"")
    found = {name: sniff(Input(path), f"a/vectors.{name}").name for name in ("vec", "txt", "bin")}
    assert found == {"vec": "word2vec", "txt": "glove", "bin": "word2vec-bin"}
    for name in found:
        assert embstore.open(path, member=f"a/vectors.{name}")["of"].tolist() == [3, 4]
    with pytest.raises(FormatError, match="a zip with 3 members"):
        sniff(Input(path))
    with pytest.raises(FormatError, match="no member 'b' in this zip"):
        sniff(Input(path), "b")


@pytest.mark.parametrize(
    ("name", "head", "found", "target"),
    [
        ("t.npy.gz", b"\x93NUMPY\1\0", "npy", "t.npy"),
        ("t.gz", b"PAR1", "parquet", "t.parquet"),
        ("t.h5.gz", b"words", "hdf5", "t.h5"),
    ],
)
def test_what_must_be_unpacked_first(tmp_path: Path, name: str, head: bytes, found: str, target: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(head + bytes(40)))
    with pytest.raises(FormatError) as caught:
        sniff(Input(path))
    reason = f"{found} in a compressed file, expected one of glove, word2vec, csv, json, jsonl, word2vec-bin"
    assert str(caught.value) == f"{path}: {reason}: `gunzip -c {path} > {tmp_path / target}` unpacks it"


def test_a_packed_pickle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.gz").write_bytes(gzip.compress(b"\x80\x04\x95\0\0\0\0"))
    with pytest.raises(FormatError, match="a pickle, which may run any code"):
        sniff(Input(tmp_path / "t.gz"))


@pytest.mark.parametrize("name", ["t.bin", "t.txt", "t.vec"])
def test_sparse_rows_below_a_header_are_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("50 60\nw0 1:0.6 4:0.7\n")
    with pytest.raises(FormatError, match=r":1: sparse rows, index:value, as in 'w0 1:0\.6 4:0\.7', are not read"):
        embstore.open(tmp_path / name)
