"""One plain file in every compression format, and zips with other contents.

The compressed bytes may differ between versions of a compressor; the content must not.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import zipfile
import zlib
from pathlib import Path

from makers.glove_valid import PLAIN, ROWS, TOKENS
from makers.golden import write_invalid, write_valid

OTHER = b"the 9\n"


def make(folder: Path) -> None:
    """Write the files."""
    packed = {
        "gzip.txt.gz": gzip.compress(PLAIN, mtime=0),
        "gzip_members.txt.gz": gzip.compress(PLAIN[:12], mtime=0) + gzip.compress(PLAIN[12:], mtime=0),
        "bzip2.txt.bz2": bz2.compress(PLAIN),
        "xz.txt.xz": lzma.compress(PLAIN),
        "zstd.txt.zst": zstd_raw(PLAIN),
        "zip.zip": zip_of({"glove.txt": PLAIN}),
        "zip_from_macos.zip": zip_of({"vectors/": b"", "vectors/glove.txt": PLAIN, "__MACOSX/._glove.txt": b"\0"}),
    }
    for name, data in packed.items():
        write_valid(folder, name, data, "the plain file, compressed", TOKENS, ROWS)
    several = zip_of({"glove.1d.txt": OTHER, "glove.2d.txt": PLAIN})
    about = "one of two members, selected by name"
    write_valid(folder, "zip_of_two.zip", several, about, TOKENS, ROWS, read={"member": "glove.2d.txt"})
    write_invalid(
        folder,
        "several_members.zip",
        several,
        "{path}: a zip with 2 members (glove.1d.txt, glove.2d.txt): name one with member=",
    )
    write_invalid(
        folder,
        "member_not_there.zip",
        several,
        "{path}: no member 'glove.3d.txt' in this zip: it has glove.1d.txt, glove.2d.txt",
        read={"member": "glove.3d.txt"},
    )
    write_invalid(
        folder,
        "cut_gzip.txt.gz",
        gzip_stored(PLAIN)[:-12],
        "{path}: cannot be read, it is damaged or cut short: "
        "Compressed file ended before the end-of-stream marker was reached",
    )
    write_invalid(
        folder,
        "encrypted.zip",
        encrypted(zip_of({"glove.txt": PLAIN})),
        "{path}: glove.txt is encrypted, and embstore does not ask for passwords: unzip it first",
    )
    digits = bz2.compress(b"1" * 15_000_000 + b"\n")
    reason = "a field of more than 1 MB, the most of a token or a number; `on_error='skip'` leaves such lines out"
    write_invalid(folder, "digits.txt.bz2", digits, f"{{path}}:1: {reason}")
    write_invalid(
        folder,
        "zip_of_bzip2.zip",
        zip_of({"glove.txt": PLAIN}, zipfile.ZIP_BZIP2),
        "{path}: glove.txt is compressed by method 12, expected none or deflate: unzip it first",
    )
    damaged = several.replace(PLAIN, PLAIN.replace(b"-1.5", b"-1.6"))
    write_invalid(
        folder,
        "wrong_checksum.zip",
        damaged,
        "{path}: cannot be read, it is damaged or cut short: Bad CRC-32 for file 'glove.2d.txt'",
        read={"member": "glove.2d.txt"},
    )


def gzip_stored(data: bytes) -> bytes:
    """Wrap up to 65,535 bytes in a gzip member of one stored block (RFC 1951, 3.2.4; RFC 1952, 2.3)."""
    head = b"\x1f\x8b\x08\0" + b"\0" * 5 + b"\xff"
    block = struct.pack("<BHH", 1, len(data), len(data) ^ 0xFFFF) + data
    return head + block + struct.pack("<II", zlib.crc32(data), len(data))


def zstd_raw(data: bytes) -> bytes:
    """Wrap up to 255 bytes in a Zstandard frame of one raw block (RFC 8878, 3.1.1)."""
    descriptor = 0x20  # single segment: the size follows in one byte
    block = len(data) << 3 | 1  # the last block, type raw
    return b"\x28\xb5\x2f\xfd" + bytes((descriptor, len(data))) + block.to_bytes(3, "little") + data


def encrypted(data: bytes) -> bytes:
    """Set the encryption flag in a zip, for its member and in its directory (APPNOTE.TXT, 4.4.4)."""
    changed = bytearray(data)
    changed[data.index(b"PK\3\4") + 6] |= 1
    changed[data.index(b"PK\1\2") + 8] |= 1
    return bytes(changed)


def zip_of(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """Zip members, by default without compression, so that equal members give equal bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.create_system = 3
            info.compress_type = method
            archive.writestr(info, data)
    return file.getvalue()
