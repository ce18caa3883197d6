"""Reading files: only regular ones, compressed or not; a damaged file is never read as a complete one."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import hypothesis.strategies as st
import pytest
import zstandard
from hypothesis import given
from support.archives import PACKERS, zipped
from support.paths import descriptors_of

from embstore.core.errors import FormatError
from embstore.files import stream as files_stream
from embstore.files.input import Input
from embstore.files.stream import Stream

DATA = b"".join(b"w%d %d\n" % (i, i * i) for i in range(30_000))  # 400 KB: several blocks of zstd


def content(path: Path, member: str | None = None, step: int = 100_000) -> bytes:
    read = b""
    with Stream(Input(path), member) as stream:
        while True:
            buffer = bytearray(step)
            count = stream.fill(memoryview(buffer))
            read += buffer[:count]
            if count < step:
                return read


def refusal_of_content(path: Path, member: str | None = None) -> str:
    with pytest.raises(FormatError) as caught:
        content(path, member)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize("suffix", PACKERS)
@given(data=st.binary(max_size=300), step=st.integers(1, 400))
def test_compressed_data_is_decompressed(tmp_path: Path, suffix: str, data: bytes, step: int) -> None:
    path = tmp_path / f"t.{suffix}"
    path.write_bytes(PACKERS[suffix](data + b"!"))
    assert content(path, step=step) == data + b"!"


@pytest.mark.parametrize("suffix", PACKERS)
def test_concatenated_compressed_parts_are_all_read(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "t").write_bytes(PACKERS[suffix](DATA) + PACKERS[suffix](b"") + PACKERS[suffix](b"end"))
    assert content(tmp_path / "t") == DATA + b"end"


@pytest.mark.parametrize("suffix", PACKERS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 1])
def test_a_file_cut_short_is_an_error(tmp_path: Path, suffix: str, share: float) -> None:
    packed = PACKERS[suffix](DATA)
    (tmp_path / "t").write_bytes(packed[: min(int(len(packed) * share), len(packed) - 1)])
    assert refusal_of_content(tmp_path / "t").startswith("cannot be read, it is damaged or cut short: ")


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz"])
def test_a_damaged_file_is_an_error(tmp_path: Path, suffix: str) -> None:
    packed = bytearray(PACKERS[suffix](DATA))
    packed[len(packed) // 2] ^= 0xFF
    (tmp_path / "t").write_bytes(packed)
    assert refusal_of_content(tmp_path / "t").startswith("cannot be read, it is damaged or cut short: ")


def test_the_checksum_of_a_zstd_frame_detects_damage(tmp_path: Path) -> None:
    packed = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(DATA))
    packed[-1] ^= 0xFF
    (tmp_path / "t").write_bytes(packed)
    assert refusal_of_content(tmp_path / "t").startswith("cannot be read, it is damaged or cut short: ")


def test_a_zip_of_one_member_needs_no_name(tmp_path: Path) -> None:
    path = tmp_path / "g.zip"
    path.write_bytes(zipped(dict.fromkeys(["__MACOSX/._a.txt", "folder/", "folder/a.txt"], DATA)))
    assert content(path) == DATA
    with Stream(Input(path)) as stream:
        assert stream.name == "g.zip/folder/a.txt"


def test_the_members_of_a_zip_are_named(tmp_path: Path) -> None:
    path = tmp_path / "g.zip"
    path.write_bytes(zipped({"a.txt": DATA, "b.txt": DATA}))
    assert content(path, "b.txt") == DATA
    assert refusal_of_content(path) == "a zip with 2 members (a.txt, b.txt): name one with `member=`"
    assert refusal_of_content(path, "c.txt") == "no member 'c.txt' in this zip: it has a.txt, b.txt"
    path.write_bytes(zipped({f"{i:02}": b"" for i in range(23)}))
    listed = ", ".join(f"{i:02}" for i in range(20))
    assert refusal_of_content(path) == f"a zip with 23 members ({listed} and 3 more): name one with `member=`"


def test_only_a_zip_has_members(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(DATA)
    assert refusal_of_content(tmp_path / "t", "a.txt") == "not a zip, so it has no member 'a.txt': do not name one"


def test_a_damaged_zip_is_an_error(tmp_path: Path) -> None:
    packed = zipped({"a.txt": DATA})
    (tmp_path / "t").write_bytes(packed[:-30])
    assert refusal_of_content(tmp_path / "t") == "damaged zip: File is not a zip file"
    (tmp_path / "t").write_bytes(packed[:5000] + bytes([packed[5000] ^ 0xFF]) + packed[5001:])
    assert refusal_of_content(tmp_path / "t").startswith("cannot be read, it is damaged or cut short: ")


@pytest.mark.parametrize("start", [b"BZhello", b"BZh9", b"\x1f\x8b word", b"PK", b"\x28\xb5 word"])
def test_text_that_begins_like_a_compressed_file_is_text(tmp_path: Path, start: bytes) -> None:
    (tmp_path / "t").write_bytes(start + b" 1 2\n")
    assert content(tmp_path / "t") == start + b" 1 2\n"


def test_only_regular_files_are_opened_and_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(FormatError) as caught:
            Input(path)
        assert str(caught.value) == f"{path}: a pipe, socket or device, expected a regular file"
    with pytest.raises(FileNotFoundError):
        Input(tmp_path / "missing")


def test_a_folder_has_no_bytes(tmp_path: Path) -> None:
    with Input(tmp_path) as folder:
        assert folder.is_folder
        for read in (folder.head, folder.read, folder.open, folder.map, folder.path_for_library):
            with pytest.raises(FormatError) as caught:
                read()
            assert str(caught.value) == f"{tmp_path}: a folder, expected a regular file"


def test_everything_is_read_from_the_file_that_was_opened(tmp_path: Path) -> None:
    path, other = tmp_path / "t", tmp_path / "u"
    path.write_bytes(b"old bytes")
    other.write_bytes(b"another, longer file")
    with Input(path) as opened:
        other.replace(path)
        assert (opened.size, opened.head(3), opened.read()) == (9, b"old", b"old bytes")
        assert opened.read_at(4, 99) == b"bytes"
        assert (opened.map()[:], opened.open().read()) == (b"old bytes", b"old bytes")
        assert Path(opened.path_for_library()).read_bytes() == b"old bytes"
        first, second = opened.open(), opened.open()
        assert (first.read(3), second.read(4), first.read(1), first.seek(-2, os.SEEK_END)) == (b"old", b"old ", b" ", 7)
        assert (first.read(), second.tell()) == (b"es", 4)
        opened.check_unchanged()  # a single file needs no check


def test_no_file_of_a_table_may_be_replaced(tmp_path: Path) -> None:
    matrix, words, other = (tmp_path / name for name in ("t.npy", "t.vocab.txt", "other"))
    for change in ("replace", "write", "remove"):
        for changed in (matrix, words):
            matrix.write_bytes(b"matrix")
            words.write_bytes(b"words")
            opened = Input(matrix)
            companion = opened.open_companion(words)
            opened.check_unchanged()
            other.write_bytes(changed.read_bytes())  # the same bytes, but another file
            if change == "replace":
                other.replace(changed)
            elif change == "write":
                changed.write_bytes(b"longer than before")
            else:
                changed.unlink()
            for each in (opened, companion):
                with pytest.raises(FormatError) as caught:
                    each.check_unchanged()
                assert str(caught.value) == f"{changed}: was replaced or changed while it was read: read it again"


def test_descriptors_are_closed(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_bytes(b"bytes")
    opened = Input(path)
    companion = opened.open_companion(path)
    assert descriptors_of(path) == 2
    opened.close()
    opened.close()
    assert descriptors_of(path) == 1
    del opened, companion
    assert descriptors_of(path) == 0
    for _ in range(3):
        Input(path)
    assert descriptors_of(path) == 0


@pytest.mark.parametrize("suffix", [*PACKERS, "plain"])
def test_provenance_describes_the_decompressed_bytes(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"t.{suffix}"
    path.write_bytes(PACKERS.get(suffix, bytes)(DATA))
    with Stream(Input(path)) as stream:
        assert stream.provenance() == {"name": path.name}  # not read to the end, so size and checksum are unknown
        assert stream.total == path.stat().st_size
        assert stream.fill(memoryview(bytearray(len(DATA) + 1))) == len(DATA)
        assert stream.position == stream.total
        digest = hashlib.sha256(DATA).hexdigest()
        assert stream.provenance() == {"name": path.name, "size": str(len(DATA)), "sha256": digest}


def test_a_zstd_bomb_is_decompressed_in_small_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files_stream, "BUFFER", 1)  # no read-ahead, which would hide how few bytes were decompressed
    (tmp_path / "t").write_bytes(zstandard.compress(bytes(300_000_000)))
    buffer = memoryview(bytearray(1 << 20))
    with Stream(Input(tmp_path / "t")) as stream:
        assert stream.fill(buffer) == 1 << 20
        assert stream.position < 2048
