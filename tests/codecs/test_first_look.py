"""What is no table at all is named before any reader sees it; and nothing else is."""

from __future__ import annotations

import gzip
import json
import pickle
import zlib
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gensim.test.utils import datapath
from hypothesis import given
from hypothesis import strategies as st
from support.archives import PACKERS, zipped
from support.foreign import (
    LFS,
    MATLAB,
    NGINX,
    ONNX,
    PAGE,
    S3,
    SAVED_MODEL,
    SENTENCEPIECE,
    TEXT,
    VECTORS,
    WORDS,
    numbers_of,
    tar_of,
    zip_with,
)
from support.refusals import refusal
from support.running import Run, output_of

import embstore
from embstore.codecs.shared.first_look.check import what_it_is
from embstore.codecs.shared.first_look.first_bytes import FirstBytes, Role
from embstore.core.errors import EmbstoreWarning, FormatError
from embstore.ops.coverage import count_words

AGAIN = "the download went wrong, fetch the file again"
UNPACK = "unpack it and read the file of vectors inside"
R = "write the table from R as text, each word in front of its numbers"
TENSORFLOW = "load it in TensorFlow, and save its matrix and its words by embstore.save"
PICKLE = "which may run any code when it is loaded. Where you trust it"
KINDS: dict[str, tuple[bytes, str]] = {
    "git lfs": (
        LFS,
        "a Git LFS pointer to a file of 862,182,613 bytes: the file itself was not downloaded; get it by git lfs pull, "
        "or download it",
    ),
    "web page": (PAGE, f"a web page, '404 Not Found', not {{expected}}: {AGAIN}"),
    "page of nginx": (NGINX, f"a web page, '403 Forbidden', not {{expected}}: {AGAIN}"),
    "s3": (
        S3,
        f"an error of the server, 'NoSuchKey: The specified key does not exist.', not {{expected}}: {AGAIN}",
    ),
    "hugging face": (b"Entry not found", f"the error of a server, 'Entry not found', not {{expected}}: {AGAIN}"),
    "json": (
        b'{"error":"Repository not found"}',
        f"the error of a server, 'Repository not found', not {{expected}}: {AGAIN}",
    ),
    "gguf": (
        b"GGUF\3\0\0\0" + bytes(40),
        "a GGUF model of llama.cpp, which embstore does not read: convert the safetensors checkpoint that it was made "
        "from",
    ),
    "7z": (b"7z\xbc\xaf\x27\x1c\0\4" + bytes(30), f"a 7z archive: {UNPACK}"),
    "rar": (b"Rar!\x1a\x07\1\0" + bytes(30), f"a RAR archive: {UNPACK}"),
    "rds": (b"X\n\0\0\0\3\0\4\1\0" + bytes(30), f"an object of R (.rds): {R}"),
    "rdata": (b"RDX3\nX\n\0\0\0\3" + bytes(30), f"data of R (.RData): {R}"),
    "pdf": (b"%PDF-1.7\n%\xb5\xb5\n", "a PDF document, not vectors"),
    "matlab": (
        MATLAB,
        "a MAT-file of MATLAB: load it by scipy.io.loadmat, and save its matrix and its words by embstore.save; files "
        "that MATLAB saves with -v7.3 are HDF5",
    ),
    "onnx": (
        ONNX,
        "an ONNX model: save the matrix of its embeddings by embstore.save, in the program that exported it",
    ),
    "saved model": (SAVED_MODEL, f"a SavedModel of TensorFlow, not a table: {TENSORFLOW}"),
    "checkpoint": (
        b'model_checkpoint_path: "model.ckpt-9"\nall_model_checkpoint_paths: "model.ckpt-9"\n',
        f"a file of a TensorFlow checkpoint, not a table: {TENSORFLOW}",
    ),
    "tflite": (
        b"\x1c\0\0\0TFL3\x14\0\x20\0" + bytes(20),
        f"a TensorFlow Lite model, not a table: {TENSORFLOW}",
    ),
    "lmdb": (
        bytes(16) + b"\xde\xc0\xef\xbe\1\0\0\0" + bytes(40),
        "an LMDB database: write its words and vectors from the program that made it, by embstore.save",
    ),
    "apple double": (
        b"\0\5\x16\7\0\2\0\0Mac OS X        ",
        "macOS's notes about another file, of the same name without ._: read that file",
    ),
    "java": (
        b"\xac\xed\0\5sr\0\x10java.lang.String",
        "serialized objects of Java: write the table from that program as text",
    ),
}
SUFFIXES = (".npy", ".bin", ".gz", ".safetensors", ".txt", ".vec", "", ".h5", ".pt", ".npz", ".parquet", ".json")
EACH = pytest.mark.parametrize(("data", "reason"), KINDS.values(), ids=KINDS.keys())


@EACH
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_each_kind_is_named_under_every_suffix(tmp_path: Path, data: bytes, reason: str, suffix: str) -> None:
    path = tmp_path / f"t{suffix}"
    path.write_bytes(data)
    assert refusal(path) == f"{path}: {reason.format(expected='vectors')}"


@EACH
@pytest.mark.parametrize("suffix", PACKERS)
def test_each_kind_is_named_where_it_is_packed(tmp_path: Path, data: bytes, reason: str, suffix: str) -> None:
    for name in (f"t.txt.{suffix}", f"t.npy.{suffix}", f"t.{suffix}"):
        (tmp_path / name).write_bytes(PACKERS[suffix](data))
        assert refusal(tmp_path / name) == f"{tmp_path / name}: {reason.format(expected='vectors')}"
    path = tmp_path / "t.zip"
    path.write_bytes(zipped({"t.txt": data}))
    assert refusal(path) == f"{path}: {reason.format(expected='vectors')}"


FORMATS = (
    "glove",
    "word2vec",
    "word2vec-bin",
    "npy",
    "npz",
    "safetensors",
    "hdf5",
    "torch",
    "parquet",
    "arrow",
    "store",
)


@EACH
@pytest.mark.parametrize("format_name", FORMATS)
def test_each_kind_is_named_where_the_format_is_given(
    tmp_path: Path, data: bytes, reason: str, format_name: str
) -> None:
    path = tmp_path / "t.x"
    path.write_bytes(data)
    assert refusal(path, format=format_name) == f"{path}: {reason.format(expected='vectors')}"
    path.write_bytes(gzip.compress(data))
    assert refusal(path, format=format_name) == f"{path}: {reason.format(expected='vectors')}"


@EACH
@pytest.mark.parametrize("suffix", [".txt", ".json", ".tsv", ""])
def test_each_kind_is_named_as_a_word_list(tmp_path: Path, data: bytes, reason: str, suffix: str) -> None:
    np.save(tmp_path / "m.npy", VECTORS)
    words = tmp_path / f"words{suffix}"
    words.write_bytes(data)
    expected = f"{words}: {reason.format(expected='words')}"
    assert refusal(tmp_path / "m.npy", vocab=words) == expected
    with pytest.raises(FormatError) as caught:
        embstore.convert(tmp_path / "m.npy", tmp_path / "out.safetensors", vocab_only=words, vocab=tmp_path / "none")
    assert str(caught.value) == expected


def test_a_sentencepiece_model_is_named_as_a_table_and_as_words(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", VECTORS)
    path = tmp_path / "sp.model"
    path.write_bytes(SENTENCEPIECE)
    cure = "its words are in the .vocab file that was written with it"
    assert refusal(path) == f"{path}: a SentencePiece model, which has tokens without vectors: {cure}"
    expected = f"{path}: a SentencePiece model, which is no list of words: {cure}"
    assert refusal(tmp_path / "m.npy", vocab=path) == expected


TABLE_FORMATS = {
    b"\x93NUMPY\1\0v\0": "NumPy's .npy",
    b"\x89HDF\r\n\x1a\n\0": "HDF5",
    b"PAR1\x15\4\x15": "Parquet",
    b"ARROW1\0\0": "Arrow",
    b"FEA1\0\0\0\0": "Feather",
    b"SQLite format 3\0": "an SQLite database",
    b"FiFu\0\0\0\0": "finalfusion",
    b"\xba\x16\x4f\x2f\x0c\0\0\0": "a fastText model",
    b"\x40\0\0\0\0\0\0\0{": "safetensors",
}


@pytest.mark.parametrize(("data", "name"), TABLE_FORMATS.items(), ids=TABLE_FORMATS.values())
def test_a_table_is_no_list_of_words(tmp_path: Path, data: bytes, name: str) -> None:
    np.save(tmp_path / "m.npy", VECTORS)
    words = tmp_path / "words.txt"
    words.write_bytes(data)
    assert refusal(tmp_path / "m.npy", vocab=words) == f"{words}: {name}, expected a list of words"


@pytest.mark.parametrize("options", [{}, {"limit": 1}, {"on_error": "skip"}, {"format": "glove"}, {"dim": 2}])
@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2", ".xz", ".zst"])
def test_a_tar_archive_gives_no_row(tmp_path: Path, suffix: str, options: dict[str, Any]) -> None:
    path = tmp_path / f"t.tar{suffix}"
    archive = tar_of({"glove.txt": TEXT})
    path.write_bytes(PACKERS[suffix[1:]](archive) if suffix else archive)
    reason = f"a tar archive, whose first member is 'glove.txt', not vectors: `tar -xf {path}` unpacks it"
    assert refusal(path, **options) == f"{path}: {reason}"
    with pytest.raises(FormatError):
        embstore.convert(path, tmp_path / "out.txt", **options)
    assert not (tmp_path / "out.txt").exists()


def test_a_tar_archive_of_hdf5_is_no_hdf5(tmp_path: Path) -> None:
    """Its member begins where HDF5 may begin, after 512 bytes."""
    path = tmp_path / "t.h5"
    path.write_bytes(tar_of({"t.h5": b"\x89HDF\r\n\x1a\n" + bytes(2000)}))
    assert refusal(path).startswith(f"{path}: a tar archive, whose first member is 't.h5'")


def test_old_tar_archives_have_a_checksum_alone(tmp_path: Path) -> None:
    header = bytearray(tar_of({"glove.txt": TEXT})[:512])
    header[257:265] = bytes(8)
    header[148:156] = b"%06o\0 " % (sum(header) - sum(header[148:156]) + 8 * 32)
    (tmp_path / "t").write_bytes(bytes(header) + TEXT.ljust(512, b"\0"))
    assert "a tar archive" in refusal(tmp_path / "t")
    header[0] ^= 1
    (tmp_path / "t").write_bytes(bytes(header) + TEXT.ljust(512, b"\0"))
    assert "a tar archive" not in refusal(tmp_path / "t")


@pytest.mark.parametrize("outer", ["gz", "bz2", "xz", "zst"])
@pytest.mark.parametrize("inner", ["gz", "bz2", "xz", "zst", "zip"])
def test_what_is_packed_twice_is_named(tmp_path: Path, outer: str, inner: str) -> None:
    names = {"gz": "gzip", "bz2": "bzip2", "xz": "xz", "zst": "zstd", "zip": "zip"}
    path = tmp_path / f"t.txt.{outer}"
    path.write_bytes(PACKERS[outer](zipped({"t.txt": TEXT}) if inner == "zip" else PACKERS[inner](TEXT)))
    programs = {"gz": "gunzip -c", "bz2": "bunzip2 -c", "xz": "xz -d -c"}
    cure = f"`{programs[outer]} {path} > {tmp_path / 't.txt'}` unpacks it" if outer in programs else "unpack it first"
    assert refusal(path) == f"{path}: {names[inner]} within {names[outer]}, expected vectors: {cure}"


WIDE = ("utf-16", "utf-16-le", "utf-16-be", "utf-32")
NAMED = {"utf-16": "UTF-16", "utf-16-le": "UTF-16LE", "utf-16-be": "UTF-16BE", "utf-32": "UTF-32"}


@pytest.mark.parametrize("encoding", WIDE)
def test_wide_text_is_named(tmp_path: Path, encoding: str) -> None:
    text = "\n".join(f"word{i} {i / 7:.4f} {i / 9:.4f}" for i in range(9000))  # more than the first bytes
    for content in (text, text[:30]):
        path = tmp_path / "t.txt"
        path.write_bytes(content.encode(encoding))
        command = f"`iconv -f {NAMED[encoding]} -t UTF-8 {path} > {tmp_path / 't.utf8.txt'}` converts it"
        assert refusal(path) == f"{path}: text in {NAMED[encoding]}, expected UTF-8: {command}"


def test_wide_words_are_named_in_any_language(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", VECTORS)
    words = tmp_path / "words.txt"
    words.write_bytes(b"\xff\xfe" + "中国\n人民\n😀\n".encode("utf-16-le")[:-3])
    assert f"{words}: text in UTF-16, expected UTF-8" in refusal(tmp_path / "m.npy", vocab=words)
    words = tmp_path / "words.json"
    words.write_bytes(json.dumps(WORDS).encode("utf-16"))  # JSON says itself how it is encoded
    assert list(embstore.open(tmp_path / "m.npy", vocab=words).itos) == WORDS


class Unknown:
    """A class that is defined nowhere else."""


def handmade(*classes: str) -> bytes:
    """A pickle that makes an object of each class, by opcodes."""
    made = b"".join(b"c%s\n%s\n)\x81" % tuple(name.encode().rsplit(b".", 1)) for name in classes)
    return b"\x80\x02" + made + b"."


JOBLIB = "load it by joblib.load, and save its words and vectors by embstore.save"
PICKLES: dict[str, tuple[bytes, str]] = {
    "pandas": (
        handmade("pandas.core.frame.DataFrame"),
        f"a pickle of pandas' DataFrame, {PICKLE}, load it by pandas.read_pickle, and write it by to_parquet",
    ),
    "joblib": (
        handmade("joblib.numpy_pickle.NumpyArrayWrapper"),
        f"a pickle of joblib's, {PICKLE}, {JOBLIB}",
    ),
    "joblib, zlib": (
        zlib.compress(pickle.dumps(WORDS * 99)),
        f"a pickle of joblib's, {PICKLE}, {JOBLIB}",
    ),
    "a class": (
        pickle.dumps(Unknown()),
        f"a pickle of the class test_first_look.Unknown, {PICKLE}, load it where that class is defined, and save what "
        "it holds by embstore.save",
    ),
    "gensim, no vectors": (
        handmade("gensim.corpora.dictionary.Dictionary"),
        f"a pickle of gensim's Dictionary, {PICKLE}, load it by gensim, and save what it holds by embstore.save",
    ),
    "a number": (pickle.dumps(3), f"a pickle, {PICKLE}, load it and save its words and vectors by embstore.save"),
    "words": (
        pickle.dumps(WORDS),
        f"a pickle of words without vectors, {PICKLE}, load it and save its words and vectors by embstore.save",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "reason"), PICKLES.values(), ids=PICKLES.keys())
def test_pickles_are_named(tmp_path: Path, data: bytes, reason: str) -> None:
    for name, content in {"t.pkl": data, "t": data, "t.bin": data, "t.txt.gz": gzip.compress(data)}.items():
        (tmp_path / name).write_bytes(content)
        assert refusal(tmp_path / name) == f"{tmp_path / name}: {reason}"


MANY = [f"w{row}" for row in range(20_000)]
LARGE = np.ones((len(MANY), 2), np.float32)
BY_WORD = " of words and their vectors"
STRUCTURES: dict[str, tuple[Any, str]] = {
    "dict": (dict(zip(WORDS, VECTORS, strict=True)), BY_WORD),
    "large dict": (dict(zip(MANY, LARGE, strict=True)), BY_WORD),
    "ordered dict": (OrderedDict(zip(WORDS, VECTORS, strict=True)), BY_WORD),
    "dict of lists": (dict(zip(WORDS, VECTORS.tolist(), strict=True)), BY_WORD),
    "words first": ((WORDS, VECTORS), " of words and a matrix"),
    "large, words first": ((MANY, LARGE), " of words and a matrix"),
    "matrix first": ((VECTORS, WORDS), " of a matrix and words"),
    "large, matrix first": ((LARGE, MANY), " of a matrix and words"),
    "named, words first": ({"vocab": WORDS, "emb": VECTORS}, " of a dict with words and a matrix"),
    "named, large": ({"vocab": MANY, "emb": LARGE}, " of a dict with words and a matrix"),
    "named, matrix first": ({"emb": VECTORS, "vocab": WORDS}, " of a dict with a matrix and words"),
    "pairs": (list(zip(WORDS, VECTORS, strict=True)), " of pairs, each a word and its vector"),
    "large pairs": (list(zip(MANY, LARGE, strict=True)), " of pairs, each a word and its vector"),
    "matrix": (VECTORS, " of a matrix"),
    "large matrix": (LARGE, " of a matrix"),
    "words": (WORDS, " of words without vectors"),
    "large words": (MANY, " of words without vectors"),
    "something else": ({"epoch": 3, "loss": 0.5}, ""),
}


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(("value", "structure"), STRUCTURES.values(), ids=STRUCTURES.keys())
def test_the_opcodes_say_what_a_pickle_holds(value: Any, structure: str, protocol: int) -> None:
    data = pickle.dumps(value, protocol)
    look = FirstBytes(Path("t.pkl"), data[:65536], len(data), read_tail=lambda: data[-64:])
    assert str(what_it_is(look)).startswith(f"a pickle{structure}, {PICKLE}, ")


def test_no_pickle_is_loaded(tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    code = b"cos\nsystem\n(S'touch %s'\ntR." % str(mark).encode()
    for name in ("t.pkl", "t.txt", "t.npy"):
        (tmp_path / name).write_bytes(code)
        assert refusal(tmp_path / name).startswith(f"{tmp_path / name}: a pickle of the class os.system, {PICKLE}")
    assert not mark.exists()


def test_files_of_torch_before_1_6_are_left_to_their_reader(tmp_path: Path) -> None:
    legacy = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19." + pickle.dumps(1001, 2)
    assert what_it_is(FirstBytes(tmp_path / "t.pt", legacy)) is None
    reason = what_it_is(FirstBytes(tmp_path / "t.pt", legacy, role="words"))
    assert reason == "a file of torch.save, expected a list of words"


ARCHIVES = {
    "a document of an office program, not vectors: save its table as text": ("[Content_Types].xml", "xl/workbook.xml"),
    "a Java archive (.jar), not vectors: unpack it and read the file of vectors inside": (
        "META-INF/MANIFEST.MF",
        "a.class",
    ),
    "a program that torch.export saved, not a table: save the state_dict of the model by torch.save": (
        "model/archive_format",
        "model/models/model.json",
    ),
}


@pytest.mark.parametrize(("reason", "members"), ARCHIVES.items())
@pytest.mark.parametrize("suffix", [".zip", ".pt", ".npz", ".txt"])
def test_zips_that_are_something_else(tmp_path: Path, reason: str, members: tuple[str, ...], suffix: str) -> None:
    path = tmp_path / f"t{suffix}"
    path.write_bytes(zip_with(*members))
    for options in ({}, {"format": "npz"}, {"format": "glove"}, {"format": "torch"}):
        assert refusal(path, **options) == f"{path}: {reason}"


def test_the_parts_of_a_tensorflow_checkpoint_are_named(tmp_path: Path) -> None:
    reason = f"a file of a TensorFlow checkpoint, not a table: {TENSORFLOW}"
    index = tmp_path / "model.ckpt.index"
    index.write_bytes(b"\0\0\2\1\0" + bytes(40) + b"\x57\xfb\x80\x8b\x24\x75\x47\xdb")
    data = tmp_path / "model.ckpt.data-00000-of-00001"
    data.write_bytes(numbers_of(np.linspace(-1, 1, 4000), "<f4"))
    assert (refusal(index), refusal(data)) == (f"{index}: {reason}", f"{data}: {reason}")


GIVEN = np.random.default_rng(5)


@pytest.mark.parametrize("kind", ["<f4", "<f8"])
@pytest.mark.parametrize("scale", [0.01, 0.4, 5])
@pytest.mark.parametrize("name", ["t.bin", "t.bytes", "t", "t.txt"])
def test_numbers_without_words_are_named(tmp_path: Path, kind: str, scale: float, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(numbers_of(GIVEN.normal(0, scale, (50, 25)), kind))
    named = {"<f4": "float32", "<f8": "float64"}[kind]
    start = f"{path}: numbers ({named}) without words and without a shape, not a table. "
    assert refusal(path).startswith(start)
    assert refusal(path, format="word2vec-bin").startswith(start)
    (tmp_path / "t.gz").write_bytes(gzip.compress(path.read_bytes()))
    packed = "unpack it, and save the numbers with their words by embstore.save"
    assert refusal(tmp_path / "t.gz") == f"{tmp_path / 't.gz'}: {start[len(str(path)) + 2 : -2]}: {packed}"


@pytest.mark.parametrize(
    "data",
    [
        GIVEN.integers(0, 255, 8000, np.uint8).tobytes(),
        GIVEN.integers(-1000, 1000, 4000).astype("<i4").tobytes(),
        GIVEN.normal(0, 1, 4000).astype("<f2").tobytes(),
        bytes(8000),
        b"2 900\nthe " + GIVEN.normal(0, 0.4, 1800).astype("<f4").tobytes(),
    ],
    ids=["random", "integers", "float16", "zeros", "word2vec"],
)
def test_other_bytes_are_no_numbers(data: bytes) -> None:
    assert what_it_is(FirstBytes(Path("t.bin"), data, len(data))) is None


@pytest.mark.parametrize(
    "first",
    [
        "<html>", "<!doctype", "<?xml", "<head>", "version", "https://git-lfs.github.com/spec/v1", "GGUF", "BZh9", "PK",
        "Rar!", "7z", "%PDF-1.7", "MATLAB", "(dp0", "(lp0", "(S'a'", "(V", "(Xa", "cnn.com", "copy_reg", "}q", ")", "]",
        "Obj", "LZIP", "RDX3", "X", "SQLite", "x^", "x\x01", "model_checkpoint_path:", "Entry", "404", "ustar",
        '{"error":', "\x7fELF1", "Ã¾Ã¿", "(i0", "S'", "TFL3", "____TFL3", "\xac\xed",
    ],
)  # fmt: skip
def test_words_that_begin_like_something_else_are_rows(tmp_path: Path, first: str) -> None:
    for rows in (f"{first} 1 2\nthe 3 4\n", f"{first} 1 2\n" + "".join(f"w{i} 3 4\n" for i in range(9000))):
        (tmp_path / "t.txt").write_text(rows, encoding="utf-8")
        store = embstore.open(tmp_path / "t.txt")
        assert (store.itos[0], store[first].tolist()) == (first, [1, 2])
        (tmp_path / "t.txt.gz").write_bytes(gzip.compress(rows.encode()))
        assert embstore.open(tmp_path / "t.txt.gz")[first].tolist() == [1, 2]


def test_bytes_that_are_not_utf8_may_begin_a_table(tmp_path: Path) -> None:
    for first in (b"\xff\xfe", b"\xfe\xff", b"\xac\xed"):
        (tmp_path / "t.txt").write_bytes(first + b" 1 2\nthe 3 4\n")
        with pytest.warns(EmbstoreWarning, match="not UTF-8"):
            assert len(embstore.open(tmp_path / "t.txt")) == 2


@pytest.mark.parametrize(
    "words",
    [
        ["<html>", "<head>"], ["<html>", "</html>"], ["<!doctype>", "<p>"], ["<?xml>", "a"], ["cnn.com", "the"],
        ["c_a", "of"], ["(dp0", "a"], ["PAR1", "FEA1"], ["FiFu", "a"], ["Not", "found"], ["version", "a"], ["PK", "a"],
        ["GGUF", "a"], ["%PDF-1.4 ", "a"], ["(lp0", "Vab"], ["error", "message"], ["Virginia.a", "b"],
    ],
)  # fmt: skip
def test_words_that_begin_like_something_else_are_words(tmp_path: Path, words: list[str]) -> None:
    np.save(tmp_path / "m.npy", VECTORS)
    (tmp_path / "w.txt").write_text("".join(f"{word}\n" for word in words))
    assert list(embstore.open(tmp_path / "m.npy", vocab=tmp_path / "w.txt").itos) == words
    (tmp_path / "w.json").write_text(json.dumps({word: row for row, word in enumerate(words)}))
    assert list(embstore.open(tmp_path / "m.npy", vocab=tmp_path / "w.json").itos) == words


BEGINNINGS = [data[:64] for data, _ in (*KINDS.values(), *PICKLES.values())] + [
    SENTENCEPIECE, tar_of({"a": b"b"}), "a 1\n".encode("utf-16"), b"(S'", b"(X\4\0\0\0", b"}q\0", b"x\x9c",
]  # fmt: skip
ROLES: tuple[Role, ...] = ("table", "words", "text")


@given(st.sampled_from(BEGINNINGS), st.integers(0, 64), st.binary(max_size=80), st.sampled_from(ROLES), st.booleans())
def test_any_bytes_have_an_answer_of_one_line(
    beginning: bytes, kept: int, rest: bytes, role: Role, is_whole: bool
) -> None:
    data = beginning[:kept] + rest
    look = FirstBytes(Path("t.txt"), data, len(data) if is_whole else None, role, read_tail=lambda: rest)
    reason = what_it_is(look)
    assert reason is None or (reason and "\n" not in str(FormatError("t", reason)))


PRINTABLE = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zs", "Zl", "Zp", "Cs")), min_size=1)


@given(st.lists(st.tuples(PRINTABLE, st.lists(st.floats(width=32), min_size=2, max_size=4)), min_size=1))
def test_no_text_table_is_taken_for_something_else(rows: list[tuple[str, list[float]]]) -> None:
    text = "".join(f"{word} {' '.join(map(str, numbers))}\n" for word, numbers in rows).encode()
    assert what_it_is(FirstBytes(Path("t.txt"), text, len(text))) is None


@given(st.lists(PRINTABLE, min_size=1))
def test_no_word_list_is_taken_for_something_else(words: list[str]) -> None:
    text = "".join(f"{word}\n" for word in words).encode()
    assert what_it_is(FirstBytes(Path("t.txt"), text, len(text), "words")) is None


@pytest.mark.parametrize("text", [b'{"message": "frog", "vector": [1, 2]}', b'{"error": 0, "message": 1}', b"{}", b"{"])
def test_json_of_a_table_or_of_words_is_no_error(text: bytes) -> None:
    for role in ROLES:
        assert what_it_is(FirstBytes(Path("t.json"), text, len(text), role)) is None


@pytest.mark.parametrize("member", [".", "..", "a/..", "C:x", ""])
def test_a_member_may_have_a_name_that_no_file_has(tmp_path: Path, member: str) -> None:
    text = "the 1 2\nof 3 4\n".encode("utf-16")
    for data in (text, gzip.compress(b"the 1 2\n"), pickle.dumps(dict(zip(WORDS, VECTORS, strict=True)))):
        look = FirstBytes(tmp_path / "t.zip", data, packing="zip", member=member)
        assert str(look.beside(".txt")) == str(tmp_path / "t.txt")
        assert what_it_is(look)


@pytest.mark.parametrize("role", ["words", "text"])
def test_prose_is_text(role: Role) -> None:
    text = Path(datapath("head500.noblanks.cor")).read_bytes()[:65536]
    assert what_it_is(FirstBytes(Path("t.txt"), text, len(text), role)) is None


@pytest.mark.parametrize("data", [PAGE, S3, b'{"error": "a"}', b"Entry not found"], ids=["html", "xml", "json", "line"])
def test_the_words_of_a_web_page_are_counted(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "t.txt").write_bytes(data)
    assert sum(count_words(tmp_path / "t.txt").values()) == len(data.split())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (LFS, "a Git LFS pointer"), ("a b\n".encode("utf-16"), "text in UTF-16"), (tar_of({"a": b""}), "a tar archive"),
        (pickle.dumps(WORDS), "a pickle, which"), (b"%PDF-1.7\n", "a PDF document"), (b"\x93NUMPY\1\0", "NumPy's .npy"),
    ],
)  # fmt: skip
def test_what_is_no_text_is_not_counted(tmp_path: Path, data: bytes, reason: str) -> None:
    for name, content in {"t.txt": data, "t.txt.gz": gzip.compress(data)}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FormatError) as caught:
            count_words(tmp_path / name)
        assert str(caught.value).startswith(f"{tmp_path / name}: {reason}")


def test_a_shard_that_was_not_downloaded_is_named(tmp_path: Path) -> None:
    weights = {"weight_map": {"model.embed_tokens.weight": "model-00001.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(weights))
    (tmp_path / "model-00001.safetensors").write_bytes(LFS)
    reason = KINDS["git lfs"][1]
    for path in (tmp_path, tmp_path / "model.safetensors.index.json"):
        assert refusal(path) == f"{tmp_path / 'model-00001.safetensors'}: {reason}"
    (tmp_path / "model.safetensors.index.json").unlink()
    (tmp_path / "model.safetensors").write_bytes(LFS)
    assert refusal(tmp_path) == f"{tmp_path / 'model.safetensors'}: {reason}"


def test_a_store_that_was_not_downloaded_is_named_when_it_is_verified(tmp_path: Path, run: Run) -> None:
    (tmp_path / "t.safetensors").write_bytes(LFS)
    assert run("verify", "t.safetensors") == (1, "", f"error: t.safetensors: {KINDS['git lfs'][1]}\n")
    code, printed, _ = run("verify", "t.safetensors", "--json")
    told = {"path": "t.safetensors", "ok": False, "error": f"t.safetensors: {KINDS['git lfs'][1]}"}
    assert (code, json.loads(printed)) == (1, told)


def test_a_tokenizer_that_was_not_downloaded_is_named(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", VECTORS)
    (tmp_path / "tokenizer.json").write_bytes(LFS)
    assert refusal(tmp_path / "m.npy") == f"{tmp_path / 'tokenizer.json'}: {KINDS['git lfs'][1]}"


def test_the_vectors_of_spacy_that_were_not_downloaded_are_named(tmp_path: Path) -> None:
    (tmp_path / "vectors").write_bytes(LFS)
    (tmp_path / "key2row").write_bytes(b"\x81\1\0")
    assert refusal(tmp_path) == f"{tmp_path / 'vectors'}: {KINDS['git lfs'][1]}"


ABOUT = (
    ".DS_Store", "README", "README.txt", "a/readme.md", "LICENSE", "LICENCE.txt", "COPYING", "NOTICE", "Thumbs.db",
    "__MACOSX/._glove.txt", "._glove.txt", "glove.txt.md5", "glove.txt.sha256", "CHANGES.md", "desktop.ini",
)  # fmt: skip


def test_what_is_about_the_vectors_is_no_member(tmp_path: Path) -> None:
    path = tmp_path / "glove.zip"
    path.write_bytes(zipped({**dict.fromkeys(ABOUT, b"x"), "glove.txt": TEXT}))
    assert embstore.open(path)["new-york"].tolist() == [3, 4]
    path.write_bytes(zipped({"README.txt": TEXT, "LICENSE": b"x"}))
    assert refusal(path) == f"{path}: a zip with 2 members (README.txt, LICENSE): name one with `member=`"
    assert embstore.open(path, member="README.txt")["new-york"].tolist() == [3, 4]
    path.write_bytes(zipped({"README.txt": TEXT}))
    assert embstore.open(path)["new-york"].tolist() == [3, 4]
    path.write_bytes(zipped({"folder/": b""}))
    assert refusal(path) == f"{path}: a zip without files"


STORE = """
import sys, embstore
embstore.open(sys.argv[1])
print([name for name in sys.modules if "first_look" in name or name in ("zipfile", "pickletools")])
"""


def test_a_store_opens_without_the_first_look(tmp_path: Path) -> None:
    path = tmp_path / "t.safetensors"
    embstore.save(path, WORDS, VECTORS)
    assert output_of(STORE, path) == "[]\n"


def deep(opcode: bytes) -> bytes:
    return b"\x80\x04" + opcode * 60_000


@pytest.mark.parametrize(
    "opcode", [b"(", b"]", b"}", b"2", b"]a", b"(l", b"(t", b"\x85", b"h\0", b"0", b"u", b"R", b"b"]
)
def test_pickles_made_to_be_deep_are_named_in_no_time(tmp_path: Path, opcode: bytes) -> None:
    look = FirstBytes(tmp_path / "t", deep(opcode))
    reason = what_it_is(look)
    assert reason is not None
    assert reason.startswith("a pickle")


def test_the_head_of_a_matrix_may_be_anything(tmp_path: Path) -> None:
    """Formats that are known by their first bytes are never asked whether they are numbers."""
    for rows in (VECTORS, np.zeros((40, 30), np.float32), np.full((40, 30), 0.5, np.float32)):
        np.save(tmp_path / "t.npy", rows)
        words = "".join(f"w{i}\n" for i in range(len(rows)))
        (tmp_path / "t.vocab.txt").write_text(words)
        assert embstore.open(tmp_path / "t.npy").vectors.tolist() == rows.tolist()
