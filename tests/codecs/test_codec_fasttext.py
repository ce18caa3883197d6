"""fastText's models: n-grams compared with plain loops, vectors with those of fastText and gensim."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.memory import peak_of
from support.paths import FORMATS

import embstore
from embstore.codecs import fasttext
from embstore.codecs.fasttext import quantized as quantized_module
from embstore.codecs.fasttext.cursor import Cursor
from embstore.codecs.fasttext.quantized import Quantized, read_quantized
from embstore.codecs.registry.detection import sniff
from embstore.codecs.registry.magic import OLD_ARGUMENTS, is_fasttext
from embstore.core.batch import Tokens
from embstore.files.input import Input
from embstore.words import ngrams
from embstore.words.ngrams import Ngrams

VALID = FORMATS / "fasttext" / "valid"
# Vectors of "frog" and "žába" in the golden files, by load_facebook_vectors of gensim 4.4.
BY_GENSIM = {
    "ngrams_1_to_1": [[0.16249999, -0.29687500, -0.12500000], [-0.14375000, -0.28749999, -0.11562500]],
    "ngrams_2_to_4": [[-0.10576923, -0.17668270, -0.00480769], [-0.06971154, -0.26201922, -0.09014423]],
    "ngrams_3_to_6": [[0.06107955, -0.05397727, 0.11789773], [0.01278409, -0.38920453, -0.21732955]],
}
# The same by get_word_vector of fastText 0.9.2; the old model was given the header of version 11 to be loaded.
BY_FASTTEXT = {
    "old.bin": [[-0.10576923, -0.17668270, -0.00480769], [-0.06971154, -0.26201925, -0.09014423]],
    "quantized.ftz": [[0.17307693, -0.23437501, 0.06129808], [0.15625000, -0.40384617, 0.07812500]],
    "quantized_norms.ftz": [[0.20252405, -0.01652644], [0.30288464, 0.15745193]],
    "quantized_wide.ftz": [[0.17307693, -0.23437501], [0.15625000, -0.40384617]],
    "quantized_pruned.ftz": [[-0.16071430, 0.44140628], [0.07378472, 0.62673610]],
    "quantized_pruned_all.ftz": [[-0.78125000, -0.57812500], [-2.62109375, -2.06250000]],
}


@pytest.mark.parametrize("name", BY_GENSIM)
def test_vectors_are_those_of_gensim(name: str) -> None:
    store = embstore.open(VALID / f"{name}.bin")
    np.testing.assert_allclose(store[["frog", "žába"]], BY_GENSIM[name], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", BY_FASTTEXT)
def test_vectors_are_those_of_fasttext(name: str) -> None:
    np.testing.assert_allclose(embstore.open(VALID / name)[["frog", "žába"]], BY_FASTTEXT[name], rtol=0, atol=1e-7)


@pytest.mark.filterwarnings("ignore:.*UTF-8")
def test_ngrams_of_words_that_are_not_utf8_are_those_of_their_bytes() -> None:
    word = b"\x8epatn\x98".decode("utf-8", "surrogateescape")
    expected = [0.04086539, -0.03004808, -0.10096154]  # by fastText 0.9.2
    np.testing.assert_allclose(embstore.open(VALID / "old_not_utf8.bin")[word], expected, rtol=0, atol=1e-7)


def fnv(data: bytes) -> int:
    hashed = 2166136261
    for byte in data:
        hashed = (hashed ^ (byte - 256 if byte > 127 else byte) % (1 << 32)) * 16777619 % (1 << 32)
    return hashed


def by_loops(word: str, least: int, most: int, buckets: int) -> list[int]:
    """The n-grams of a word by the loops of fastText's Dictionary::computeSubwords."""
    marked, found = f"<{word}>", []
    for start in range(len(marked)):
        for stop in range(start + 1, min(start + most, len(marked)) + 1):
            length = stop - start
            if length >= least and not (length == 1 and (start == 0 or stop == len(marked))):
                found.append(fnv(marked[start:stop].encode()) % buckets)
    return [] if word == "</s>" else found


words = st.lists(st.text(max_size=8) | st.just("</s>"), max_size=6)


@given(
    words=words,
    least=st.integers(1, 4),
    more=st.integers(0, 4),
    buckets=st.integers(1, 3_000_000),
    block=st.sampled_from([1, 9, 30, ngrams.BLOCK]),
)
def test_ngrams_are_those_of_loops(words: list[str], least: int, more: int, buckets: int, block: int) -> None:
    words = [word for word in words if word.isprintable() or word.isspace()]
    expected = [by_loops(word, least, least + more, buckets) for word in words]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ngrams, "BLOCK", block)
        found, counts = Ngrams(least, least + more, buckets).of(Tokens.pack(words))
    assert counts.tolist() == [len(places) for places in expected]
    assert found.tolist() == [place for places in expected for place in places]


@pytest.mark.parametrize(("least", "most", "buckets"), [(0, 0, 5), (3, 6, 0), (3, 2, 5)])
def test_models_without_ngrams(least: int, most: int, buckets: int) -> None:
    found, counts = Ngrams(least, most, buckets).of(Tokens.pack(["frog", "toad"]))
    assert (found.tolist(), counts.tolist()) == ([], [0, 0])


def test_published_hashes() -> None:
    """FNV-1a of 32 bits, http://www.isthe.com/chongo/tech/comp/fnv; sign extension does not change ASCII."""
    found, _ = Ngrams(3, 3, 1 << 32).of(Tokens.pack(["a"]))
    assert found.tolist() == [fnv(b"<a>")]
    assert (fnv(b"a"), fnv(b"foobar")) == (0xE40C292C, 0xBF9CF968)


@pytest.mark.parametrize("block", [1, 50, ngrams.BLOCK])
@pytest.mark.parametrize("long", [0, 5, 256])
def test_sums_are_rounded_row_by_row(long: int, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ngrams, "BLOCK", block)
    monkeypatch.setattr(fasttext, "LONG", long)
    monkeypatch.setattr(fasttext, "BLOCK", 7)
    texts, least, most, buckets, dim = ["a", "</s>", "frog", "x" * 90, "žába", "long" * 4], 3, 6, 50, 5
    table = np.random.default_rng(0).standard_normal((len(texts) + buckets, dim), np.float32)
    data = struct.pack("<12id", dim, 5, 5, 1, 5, 1, 2, 2, buckets, least, most, 100, 1e-4)
    data += struct.pack("<iiiq", len(texts), len(texts), 0, 99)
    data += b"".join(word.encode() + bytes([0]) + struct.pack("<qb", 1, 0) for word in texts)
    (tmp_path / "t.bin").write_bytes(data + struct.pack("<qq", *table.shape) + table.tobytes())
    store = embstore.open(tmp_path / "t.bin")
    for row, word in enumerate(texts):
        places = by_loops(word, least, most, buckets)
        total = table[row].copy()
        for place in places:
            total += table[len(texts) + place]
        assert store[word].tolist() == (total * np.float32(1 / (1 + len(places)))).tolist()


def with_long_word(path: Path, word: bytes, least: int, most: int) -> Path:
    """Write a model of one word, of one dimension and 10 buckets."""
    data = struct.pack("<ii12id", 793712314, 12, 1, 5, 5, 1, 5, 1, 2, 2, 10, least, most, 100, 1e-4)
    data += struct.pack("<iiiqq", 1, 1, 0, 99, -1) + word + bytes([0]) + struct.pack("<qb", 1, 0)
    path.write_bytes(data + struct.pack("<?qq", False, 11, 1) + np.arange(11, dtype="<f4").tobytes())
    return path


@pytest.mark.filterwarnings("ignore:tokens that are not UTF-8")
@pytest.mark.parametrize("word", [b"x" * 100_000, b"x" * 90_000 + b"\xbf" * 10_000])
def test_a_long_word_takes_little_time_and_memory(word: bytes, tmp_path: Path) -> None:
    path, start = with_long_word(tmp_path / "t.bin", word, 3, 6), time.monotonic()
    opened: list[embstore.Store] = []
    assert peak_of(lambda: opened.append(embstore.open(path))) < 30_000_000
    assert len(opened[0]) == 1
    assert time.monotonic() - start < 10


def test_ngrams_of_more_than_100_characters_are_refused(tmp_path: Path) -> None:
    path = with_long_word(tmp_path / "t.bin", b"x" * 20_000, 1, 2**31 - 1)
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(path)
    assert str(caught.value) == f"{path}: n-grams of 1 to 2,147,483,647 characters, expected 100 at most"
    assert len(embstore.open(with_long_word(tmp_path / "t.bin", b"x" * 2000, 1, 100))) == 1


# ---------------------------------------------------------------------------------- models without a magic number

OLD = (VALID / "old.bin").read_bytes()
HEADER = struct.Struct("<12id3i")


def with_field(position: int, value: float) -> bytes:
    fields = list(HEADER.unpack_from(OLD))
    fields[position] = value
    return HEADER.pack(*fields) + OLD[HEADER.size :]


def outside() -> list[tuple[int, float]]:
    """The first values outside of each plausible range, and impossible ones."""
    found: list[tuple[int, float]] = [(12, -1e-4), (12, 1e-13), (12, 1.1), (12, float("nan")), (12, float("inf"))]
    for position, (least, most) in enumerate(OLD_ARGUMENTS):
        found.append((position, least - 1))
        if most < 2**31 - 1:
            found.append((position, most + 1))
    return [*found, (13, 0), (13, 7), (14, 0), (14, -6), (15, -1), (15, 1)]


@pytest.mark.parametrize(("position", "value"), outside())
def test_one_argument_that_is_not_plausible_is_enough(position: int, value: float, tmp_path: Path) -> None:
    assert is_fasttext(OLD)
    assert not is_fasttext(with_field(position, value))
    (tmp_path / "t.bin").write_bytes(with_field(position, value))
    assert sniff(Input(tmp_path / "t.bin")).name == "word2vec-bin"
    with pytest.raises(embstore.FormatError) as caught:
        embstore.open(tmp_path / "t.bin", format="fasttext")
    first = value if position == 0 else 3
    assert str(caught.value) == (
        f"{tmp_path / 't.bin'}: not a fastText model: it begins with {first}, expected 793712314, "
        "or the arguments of an older model"
    )


def test_the_ends_of_each_range_are_plausible() -> None:
    for position, ends in enumerate(OLD_ARGUMENTS):
        assert all(is_fasttext(with_field(position, end)) for end in ends)
    assert all(is_fasttext(with_field(12, sample)) for sample in (0.0, 1e-12, 1.0))
    assert not is_fasttext(OLD[: HEADER.size - 1])


def test_no_golden_file_of_another_format_is_detected_as_a_model() -> None:
    paths = [path for path in FORMATS.rglob("*/*") if path.is_file() and path.parts[-3] != "fasttext"]
    assert len(paths) > 300
    assert not [path for path in paths if is_fasttext(path.read_bytes()[:4096])]


@given(
    kind=st.sampled_from(["<i2", "<i4", "<i8", "<f4", "<f8"]),
    numbers=st.lists(st.integers(0, 9) | st.integers(-(2**15), 2**15 - 1), min_size=40, max_size=60),
)
def test_arrays_of_numbers_are_not_detected_as_a_model(kind: str, numbers: list[int]) -> None:
    data = np.array(numbers, kind)
    plausible = kind == "<i4" and is_fasttext(data.tobytes())
    assert not plausible or (data[15] == data[16] + data[17] and 0 < data[6] < 4)
    assert kind == "<i4" or not is_fasttext(data.tobytes())


@given(st.text(st.characters(max_codepoint=127), min_size=80))
def test_text_is_not_detected_as_a_model(text: str) -> None:
    assert not is_fasttext(text.replace("\0", " ").encode())


def test_old_models_are_detected_by_content_under_any_name(tmp_path: Path) -> None:
    for name in ("model", "model.bin", "model.ftz"):
        (tmp_path / name).write_bytes(OLD)
        assert embstore.open(tmp_path / name)["frog"].tolist() == embstore.open(VALID / "old.bin")["frog"].tolist()


# --------------------------------------------------------------------------------------------------- quantized rows


def some_matrix(path: Path, rows: int, dim: int, width: int, norms: bool) -> tuple[Quantized, list[list[float]]]:
    """A random quantized matrix, and its rows decoded number by number."""
    rng = np.random.default_rng(rows * 31 + dim)
    widths = [min(width, dim - start) for start in range(0, dim, width)]
    codes = rng.integers(0, 256, (rows, len(widths)), np.uint8)
    centroids = [rng.standard_normal((256, wide), np.float32) for wide in widths]
    lengths, scale = rng.integers(0, 256, rows, np.uint8), rng.standard_normal(256, np.float32)
    data = struct.pack("<?qqi", norms, rows, dim, codes.size) + codes.tobytes()
    data += struct.pack("<4i", dim, len(widths), width, widths[-1]) + b"".join(part.tobytes() for part in centroids)
    if norms:
        data += lengths.tobytes() + struct.pack("<4i", 1, 1, 1, 1) + scale.tobytes()
    path.write_bytes(data)
    factors = scale[lengths] if norms else np.ones(rows, np.float32)
    made = [
        [number * factor for part, code in zip(centroids, row, strict=True) for number in part[code]]
        for row, factor in zip(codes, factors, strict=True)
    ]
    cursor = Cursor(Input(path))
    matrix = read_quantized(cursor, dim)
    assert cursor.left == 0
    return matrix, made


@pytest.mark.parametrize("norms", [False, True])
@pytest.mark.parametrize(("dim", "width"), [(1, 1), (6, 1), (6, 2), (6, 6), (6, 4), (7, 2), (7, 3), (5, 9)])
def test_rows_are_those_of_loops(
    dim: int, width: int, norms: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantized_module, "BLOCK", 8)
    matrix, made = some_matrix(tmp_path / "m", 30, dim, width, norms)
    assert (len(matrix), matrix.shape) == (30, (30, dim))
    assert matrix[0:30].dtype == np.float32
    for which in (slice(0, 30), slice(7, 9), slice(30, 30)):
        assert matrix[which].tolist() == np.reshape(made[which], (-1, dim)).tolist()
    places = np.array([29, 0, 0, 17] * 5)
    assert matrix[places].tolist() == [np.array(made)[place].tolist() for place in places.tolist()]


def test_rows_are_decoded_in_bounded_memory(tmp_path: Path) -> None:
    matrix, _ = some_matrix(tmp_path / "m", 30, 300, 1, norms=True)
    places = np.zeros(100_000, np.int64)
    size = len(places) * 300 * 4
    # rows, codes (a quarter of that) and one block; all codes as int64 would take three times as much
    assert peak_of(lambda: matrix[places]) < 1.6 * size


FTZ = {name: (VALID / name).read_bytes() for name in ("quantized.ftz", "quantized_pruned.ftz", "old.bin")}


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=200)
@given(
    name=st.sampled_from(sorted(FTZ)),
    changes=st.lists(st.tuples(st.integers(0, 330), st.sampled_from([0, 1, 2, 127, 128, 255])), max_size=5),
    cut=st.integers(0, 1) | st.integers(0, 4000),
)
def test_damaged_models_are_read_or_refused_at_once(
    name: str, changes: list[tuple[int, int]], cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("damaged") / name
    data = bytearray(FTZ[name])
    for place, value in changes:
        data[place] = value
    path.write_bytes(data[: len(data) - cut])
    start, message = time.monotonic(), f"{path}: "
    try:
        embstore.open(path, format="fasttext").verify()
    except embstore.FormatError as error:
        message = str(error)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert time.monotonic() - start < 2
