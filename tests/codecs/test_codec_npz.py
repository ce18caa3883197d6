"""NumPy's .npz: compared with numpy.savez, the choice of arrays, and refused archives."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.refusals import short_refusal
from support.tables import rows_by_word, source

import embstore
from embstore.codecs.numpy import npz as codec

WORDS = ["the", "frog", "naïve"]
MATRIX = np.array([[0.5, -1.5], [2.25, 3], [1, 0.125]], np.float32)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", ">f4"])
def test_every_layout_is_read(tmp_path: Path, dtype: str, order: Any, save: Any) -> None:
    save(tmp_path / "t.npz", w=np.array(WORDS), ids=np.arange(3), m=MATRIX.astype(dtype, order=order))
    store = embstore.open(tmp_path / "t.npz")
    assert list(store.itos) == WORDS
    assert store.vectors.tolist() == MATRIX.tolist()


@pytest.mark.parametrize("words", [np.array(WORDS, ">U9"), np.array([word.encode() for word in WORDS])])
def test_words_of_any_text(tmp_path: Path, words: Any) -> None:
    np.savez(tmp_path / "t.npz", words=words, vectors=MATRIX)
    assert list(embstore.open(tmp_path / "t.npz").itos) == WORDS


def test_numpy_reads_what_it_writes(tmp_path: Path) -> None:
    codec.write(tmp_path / "t.npz", source([*WORDS, b"\xff", "", "a\nb"], np.resize(MATRIX, (6, 2)), 6))
    with np.load(tmp_path / "t.npz", allow_pickle=False) as arrays:
        assert sorted(arrays) == ["vectors", "words"]
        assert arrays["words"].tolist() == [*WORDS, "\udcff", "", "a\nb"]
        assert arrays["vectors"].tobytes() == np.resize(MATRIX, (6, 2)).tobytes()


def test_equal_tables_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        codec.write(tmp_path / name, source(WORDS, MATRIX))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_the_choice_of_arrays(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    np.savez(path, a=MATRIX, b=MATRIX * 2, x=np.array(WORDS), y=np.array(["1", "2", "3"]))
    listed = "x <U5 [3], a <f4 [3, 2], b <f4 [3, 2], y <U1 [3]"
    two = "a <f4 [3, 2], b <f4 [3, 2]"
    assert short_refusal(path) == f"/t.npz: 2 arrays may be the table: name one with `key=` ({two})"
    assert short_refusal(path, key="c") == f"/t.npz: no array 'c': it has {listed}"
    assert short_refusal(path, key="x") == "/t.npz:x: an array of shape (3,), expected (rows, dim)"
    assert short_refusal(path, key="a") == "/t.npz: 2 arrays may be the words: name one with `vocab=` (x, y)"
    assert (
        short_refusal(path, key="a", vocab="b")
        == "/t.npz:b: <f4 [3, 2], expected words (dtype S or U) or whole numbers"
    )
    store = embstore.open(path, key="b", vocab="y")
    assert (list(store.itos), store.vectors.tolist()) == (["1", "2", "3"], (MATRIX * 2).tolist())


def test_words_from_another_file(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    np.savez(path, MATRIX)
    found = (
        "none of t.vocab.txt, t.vocab.json, tokenizer.json, vocab.txt, vocab.json, encoder.json, words.npy next to it"
    )
    assert short_refusal(path) == f"/t.npz: no words for 3 rows: {found}; `vocab=` names a file with the words"
    (tmp_path / "t.vocab.json").write_text('{"c": 2, "a": 0}')
    with pytest.warns(embstore.EmbstoreWarning, match="^rows without a word left out: 1$"):
        store = embstore.open(path)
    assert rows_by_word(store) == {"a": [0.5, -1.5], "c": [1, 0.125]}
    (tmp_path / "w.txt").write_text("1\n2\n3\n")
    assert list(embstore.open(path, vocab=tmp_path / "w.txt").itos) == ["1", "2", "3"]


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    np.savez(path, words=np.array(WORDS, object), vectors=MATRIX)
    code = (
        f"import numpy; arrays = dict(numpy.load({str(path)!r}, allow_pickle=True)); "
        "arrays['words'] = arrays['words'].astype(str); numpy.savez('t-text.npz', **arrays)"
    )
    reason = f"words as Python objects, which would be unpickled: if you trust it, `{code}` saves them as text"
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(path)
    assert str(caught.value) == f"{path}:words: {reason}"
    assert short_refusal(path, vocab="words") == "/t.npz:words: |O [3], expected words (dtype S or U) or whole numbers"
    np.savez(path, vectors=MATRIX.astype(object))
    reason = "an array of Python objects, which would be unpickled: save the matrix and the words separately"
    assert short_refusal(path) == f"/t.npz:vectors: {reason}"


def test_integers_need_a_dtype(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    np.savez(path, v=np.array([[1, 2]]), w=np.array(["a"]))
    assert short_refusal(path) == "/t.npz:v: whole numbers (int64), not embeddings; `dtype='float32'` converts them"
    assert embstore.open(path, dtype="float32").vectors.tolist() == [[1, 2]]


def archive(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(f"{name}.npy", data)
    return path


def test_a_size_that_no_compression_reaches_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    np.savez_compressed(path, vectors=np.zeros((1, 1000), np.float32))
    data = bytearray(path.read_bytes())
    place = data.index(b"PK\1\2")
    packed = int.from_bytes(data[place + 20 : place + 24], "little")
    data[place + 24 : place + 28] = (0xF0000000).to_bytes(4, "little")  # the decompressed size in the directory
    path.write_bytes(data)
    reason = f"4,026,531,840 bytes compressed to {packed}, which is impossible: it is damaged"
    assert short_refusal(path) == f"/t.npz:vectors: {reason}"


def test_a_header_that_claims_too_many_rows(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", MATRIX)
    whole = (tmp_path / "m.npy").read_bytes()
    path = archive(tmp_path / "t.npz", m=whole.replace(b"(3, 2)", b"(9, 9)"))
    assert short_refusal(path) == "/t.npz:m: 152 bytes, expected 452 for <f4 [9, 9]"
    assert short_refusal(archive(path, m=b"nonsense")) == "/t.npz:m: not a .npy: it does not begin with \\x93NUMPY"


def test_a_wrong_checksum_is_found(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    np.savez(path, words=np.array(WORDS), vectors=MATRIX)
    data = bytearray(path.read_bytes())
    data[data.index(MATRIX.tobytes())] ^= 1
    path.write_bytes(data)
    reason = "cannot be read, it is damaged or cut short: Bad CRC-32 for file 'vectors.npy'"
    assert short_refusal(path) == f"/t.npz: {reason}"


@pytest.mark.parametrize(
    ("tokens", "reason"),
    [
        ([b"a", b"b\0"], "the token 'b\\x00' ends in NUL, which NumPy drops: write a store"),
        (
            [b"x" * 1_000_000, *(b"%d" % i for i in range(299))],
            f"every word would take the space of the token {'x' * 60!r}... of 1,000,000 characters: write a store",
        ),
    ],
)
def test_words_that_an_array_cannot_store(tmp_path: Path, tokens: list[bytes], reason: str) -> None:
    rows = np.zeros((len(tokens), 1), np.float32)
    with pytest.raises(embstore.FormatError) as caught:
        codec.write(tmp_path / "t.npz", source(tokens, rows, len(tokens)))
    assert str(caught.value) == f"{tmp_path}/t.npz: {reason}"
    assert not list(tmp_path.iterdir())


def test_an_encrypted_archive(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", vectors=np.ones((2, 2), np.float32), words=np.array(["a", "b"]))
    data = bytearray((tmp_path / "t.npz").read_bytes())
    data[6] |= 1  # the flag of encryption, in the first member and in the directory
    data[data.index(b"PK\1\2") + 8] |= 1
    (tmp_path / "t.npz").write_bytes(data)
    reason = "vectors.npy is encrypted, and embstore does not ask for passwords: unzip it first"
    assert short_refusal(tmp_path / "t.npz") == f"/t.npz: {reason}"
