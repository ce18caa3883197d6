"""Files damaged on purpose: they give an error or a wrong answer quickly, but never a crash or a hang."""

from __future__ import annotations

import time
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from support.crafted import clusters
from support.damage import ask_everything, spans_of_tensors
from support.running import output_of
from support.tables import saved

import embstore
from embstore.core import _native
from embstore.core.batch import Tokens
from embstore.core.errors import EmbstoreWarning, FormatError
from embstore.store import header as layout

WORDS = [f"word{i}" for i in range(20)] + ["", "é"]
DAMAGED = "its bytes do not have the sha256 in the header: damaged, convert or download it again"
ASKED = [*WORDS, "qzxv", "x" * 50]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("hostile") / "good.safetensors"
    return saved(path, WORDS, np.ones((len(WORDS), 3), np.float32)).read_bytes()


def replaced(raw: bytes, name: str, array: NDArray[Any]) -> bytes:
    part = spans_of_tensors(raw)[name]
    data = array.tobytes()
    assert len(data) == part.stop - part.start
    return raw[: part.start] + data + raw[part.stop :]


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=150)
@given(
    where=st.sampled_from(["header", layout.WEIGHT, layout.SLOTS, layout.OFFSETS, layout.BYTES]),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=20),
    cut=st.integers(0, 50),
)
def test_any_bytes_changed_anywhere(
    kernel: ModuleType, tmp_path: Path, good: bytes, where: str, changes: list[tuple[float, int]], cut: int
) -> None:
    text_end = good.index(b"}}") + 2
    part = slice(0, text_end) if where == "header" else spans_of_tensors(good)[where]
    raw = bytearray(good)
    for place, value in changes:
        raw[part.start + int(place * (part.stop - part.start))] = value
    (tmp_path / "s").write_bytes(raw[: len(raw) - cut] if cut > 40 else raw)
    start = time.monotonic()
    ask_everything(tmp_path / "s", ASKED)
    assert time.monotonic() - start < 2


EXTREME = [0, 1, -1, 2**31, 2**32, -(2**32), 2**62, 2**63 - 1, -(2**63), 107, 108]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [layout.SLOTS, layout.OFFSETS])
@given(
    numbers=st.lists(st.sampled_from(EXTREME) | st.integers(0, 200), min_size=64, max_size=64), every=st.integers(1, 9)
)
def test_extreme_numbers_in_the_vocabulary(
    kernel: ModuleType, tmp_path: Path, good: bytes, name: str, numbers: list[int], every: int
) -> None:
    part = spans_of_tensors(good)[name]
    array = np.frombuffer(good[part], np.int64).copy()
    array[::every] = np.array(numbers, np.int64)[: len(array[::every])]
    (tmp_path / "s").write_bytes(replaced(good, name, array))
    ask_everything(tmp_path / "s", ASKED)


def aimed(good: bytes, row: int) -> NDArray[np.uint64]:
    """An index without empty slots, in which every slot has the fingerprint of one word, and a row."""
    part = spans_of_tensors(good)[layout.SLOTS]
    packed = Tokens.pack(["qzxv"])
    fingerprint = int(_native.hash_tokens(packed.data, packed.offsets, 0)[0]) >> 32
    return np.full((part.stop - part.start) // 8, (fingerprint << 32) | (row + 1), np.uint64)


@pytest.mark.parametrize("row", [-1, 0, 21, 22, 2**32 - 2])
def test_an_index_that_is_full_ends_its_probes(kernel: ModuleType, tmp_path: Path, good: bytes, row: int) -> None:
    (tmp_path / "s").write_bytes(replaced(good, layout.SLOTS, aimed(good, row)))
    store = embstore.open(tmp_path / "s", format="store")
    assert store.rows(["qzxv", "word1"]).tolist() == [-1, -1]
    with pytest.raises(FormatError, match=DAMAGED):
        store.verify()


@pytest.mark.parametrize("name", [layout.WEIGHT, layout.SLOTS, layout.OFFSETS, layout.BYTES])
def test_verify_names_the_tensor_that_is_damaged(kernel: ModuleType, tmp_path: Path, good: bytes, name: str) -> None:
    part, path = spans_of_tensors(good)[name], tmp_path / "s"
    for at in (part.start, (part.start + part.stop) // 2, part.stop - 1):
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        with pytest.raises(FormatError) as caught:
            embstore.open(path, format="store").verify()
        assert str(caught.value) == f"{path}:{name}: {DAMAGED}"


def without_checksums(raw: bytes) -> bytes:
    """The file without the checksums of its arrays; that of the header is made again."""
    length = int.from_bytes(raw[:8], "little")
    header = raw[8 : 8 + length].replace(b"embstore.sha256.vocab", b"embstore.sha265.vocab")
    stated = header[header.index(b"sha256.header") + 16 :][:64].decode()
    return raw[:8] + header.replace(stated.encode(), layout.header_digest(header, stated).encode()) + raw[8 + length :]


def test_verify_needs_no_checksums(kernel: ModuleType, tmp_path: Path, good: bytes) -> None:
    """The defects that it finds in each array without a checksum."""
    slots = np.frombuffer(good[spans_of_tensors(good)[layout.SLOTS]], np.uint64)
    offsets = np.frombuffer(good[spans_of_tensors(good)[layout.OFFSETS]], np.int64)
    moved, extra, falling = np.roll(slots, 1), slots.copy(), offsets.copy()
    extra[np.flatnonzero(slots == 0)[0]] = 5 << 32 | 1
    falling[3] = 0
    cases: list[tuple[str, NDArray[Any], str]] = [
        (layout.SLOTS, moved, "vocab.index: the index does not find the token 'word"),
        (layout.SLOTS, extra, "vocab.index: 23 slots are in use, expected 22: one per token"),
        (layout.OFFSETS, falling, "vocab.offsets: "),
    ]
    path = tmp_path / "s"
    path.write_bytes(without_checksums(good))
    with pytest.warns(EmbstoreWarning) as warned:
        embstore.open(path, format="store").verify()
    lacking = "vocab.index, vocab.offsets, vocab.bytes: damage there may not be found"
    assert [str(warning.message) for warning in warned] == [f"{path}: no checksum of {lacking}"]
    for name, array, message in cases:
        path.write_bytes(without_checksums(replaced(good, name, array)))
        with pytest.raises(FormatError) as caught:
            embstore.open(path, format="store").verify()
        assert str(caught.value).startswith(f"{path}:{message}")


CRASH = """
import faulthandler, random, sys, warnings
faulthandler.enable()
warnings.simplefilter("ignore")
from pathlib import Path
from safetensors.numpy import load_file, save_file
from support.crafted import clusters
from support.damage import ask_everything, spans_of_tensors
path, good = Path(sys.argv[1]) / "s", (Path(sys.argv[1]) / "good").read_bytes()
spans = [part for name, part in spans_of_tensors(good).items() if name != "embedding.weight"]
for seed in range(400):
    rng, raw = random.Random(seed), bytearray(good)
    for _ in range(rng.choice([1, 5, 50])):
        part = rng.choice(spans)
        raw[rng.randrange(part.start, part.stop)] = rng.choice([0, 1, 127, 128, 255, rng.randrange(256)])
    path.write_bytes(raw)
    ask_everything(path, sys.argv[2:])
print("alive")
"""


def test_a_process_survives_400_damaged_files(tmp_path: Path, good: bytes) -> None:
    (tmp_path / "good").write_bytes(good)
    assert output_of(CRASH, tmp_path, *ASKED, timeout=100) == "alive\n"


@pytest.mark.parametrize("size", [10_000, 1000, 64, 14])
def test_a_table_made_to_collide_is_indexed(kernel: ModuleType, tmp_path: Path, size: int) -> None:
    """A table of anybody's data is never refused for its words, and equal tables make equal files."""
    count = 1000 if kernel is _native else 10_000
    crowd = [word for word in clusters(2 * count, size).to_bytes() if not set(word) & set(b" \t\r\n")][:count]
    (tmp_path / "t.txt").write_bytes(b"".join(word + b" 1 2\n" for word in crowd))
    for name in ("first", "second"):
        with pytest.warns(EmbstoreWarning, match="not UTF-8"):
            embstore.convert(tmp_path / "t.txt", tmp_path / name, to="store", format="glove", dim=2)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    with embstore.open(tmp_path / "first", format="store") as store:
        store.verify()
        assert store.metadata["embstore.hash_seed"] != "0"
        assert store.rows(list(store.itos)).tolist() == list(range(count))


def test_a_checksum_that_is_no_ascii_is_refused(tmp_path: Path, good: bytes) -> None:
    stated = good[good.index(b"sha256.header") + 16 :][:64]
    path = tmp_path / "s"
    for digits in (b"\\ud800" * 10 + b"0" * 4, "é".encode() * 32, b"F" * 64):
        path.write_bytes(good.replace(stated, digits))
        with pytest.raises(FormatError) as caught:
            embstore.open(path, format="store")
        assert str(caught.value).startswith(f"{path}:header: ")


def test_a_seed_that_is_lost_with_the_metadata_is_noticed(tmp_path: Path) -> None:
    words = clusters(300, 300).to_bytes()
    path, again = tmp_path / "s.safetensors", tmp_path / "again.safetensors"
    with pytest.warns(EmbstoreWarning, match="not UTF-8"):
        embstore.save(path, [word.decode("utf-8", "surrogateescape") for word in words], np.ones((300, 2)))
    save_file(load_file(path), again)
    with pytest.raises(FormatError) as caught:
        embstore.open(again)
    reason = "the index does not find the first tokens: it is damaged, or had a seed in metadata that is lost"
    assert str(caught.value) == f"{again}:vocab.index: {reason}"


def test_a_store_that_another_program_wrote_again_is_read_unchecked(tmp_path: Path) -> None:
    path, again = tmp_path / "s.safetensors", tmp_path / "again.safetensors"
    embstore.save(tmp_path / "plain.safetensors", WORDS, np.ones((len(WORDS), 3)))
    embstore.convert(tmp_path / "plain.safetensors", path, oov="hash:5", padding=True)
    save_file(load_file(path), again, {"embstore.version": "1.0", "embstore.sha256.header": "0" * 64})
    with pytest.raises(FormatError, match=r"unchecked with `format='safetensors'`$"):
        embstore.open(again)
    assert list(embstore.open(again, format="safetensors").itos) == WORDS
