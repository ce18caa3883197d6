"""Functions that detect a format from the first bytes of a file; `folders` has those for folders."""

from __future__ import annotations

import re
import struct

from embstore.codecs.shared.torch_legacy import TORCH_LEGACY

WORD2VEC_HEADER = re.compile(rb"[ \t]*([0-9]{1,18})[ \t]+([0-9]{1,18})[ \t\r]*\n")
SPARSE = re.compile(rb"[^ \n]{1,200} [0-9]{1,9}:[-+0-9.]")
CONTROL = re.compile(rb"[\0-\x08\x0b\x0c\x0e-\x1f\x7f]")
TEXT_NUMBER = re.compile(rb"[+-]?[0-9.]+(?:e[+-]?[0-9]+)?|[+-]?(?:nan|inf(?:inity)?)", re.IGNORECASE)
TORCH_SHARD = re.compile(
    rb'"weight_map"\s{0,99}:\s{0,99}\{\s{0,99}"[^"]{0,999}"\s{0,99}:\s{0,99}"[^"]{0,999}\.(?:bin|pth?)"'
)
OLD_FASTTEXT = struct.Struct("<12id3i")  # 13 arguments, then the numbers of entries, words and labels
ANY = (0, 2**31 - 1)
OLD_ARGUMENTS = (
    (1, 100_000),  # dim
    (1, 10_000),  # ws
    (1, 1_000_000),  # epoch
    ANY,  # minCount
    (0, 1_000_000),  # neg
    (1, 1_000),  # wordNgrams
    (1, 3),  # loss
    (1, 3),  # model
    ANY,  # buckets
    (0, 1_000),  # minn
    (0, 1_000),  # maxn
    (1, 2**31 - 1),  # lrUpdateRate
)


def is_store(head: bytes) -> bool:
    """Detect a store: safetensors with an index among its first tensors."""
    return head[8:9] == b"{" and b'"vocab.index"' in head


def is_word2vec_bin(head: bytes) -> bool:
    """Detect word2vec's header followed by binary rows: neither numbers after a token, nor text of any other kind."""
    header = WORD2VEC_HEADER.match(head)
    rows = head[header.end() :] if header else b""
    fields = rows.split(b"\n")[0].split(b" ")[1:]
    return bool(fields) and not any(map(TEXT_NUMBER.fullmatch, fields)) and not _is_text(rows)


def has_sparse_rows(head: bytes) -> bool:
    """Return whether word2vec's header stands above text with pairs of an index and a value."""
    header = WORD2VEC_HEADER.match(head)
    rows = head[header.end() :] if header else b""
    return SPARSE.match(rows) is not None and _is_text(rows)


def _is_text(rows: bytes) -> bool:
    """Return whether bytes are lines of UTF-8 without control characters, which floats hardly ever are."""
    try:
        rows[:-3].decode()  # the last character may be cut
    except UnicodeDecodeError as error:
        if error.end < len(rows) - 3:
            return False
    return CONTROL.search(rows) is None and rows.count(b"\n") > 0


def is_fasttext(head: bytes) -> bool:
    """Detect a fastText model by its magic number, 793712314, or an older model that has no magic number."""
    return head.startswith(b"\xba\x16\x4f\x2f") or is_old_fasttext(head)


def is_old_fasttext(head: bytes) -> bool:
    """Detect a fastText model without a magic number: it begins with its arguments, which must be plausible.

    The bytes of text read as far larger numbers; 64-bit integers contain zeros where an argument must not be 0.
    """
    if len(head) < OLD_FASTTEXT.size:
        return False
    *arguments, sample, entries, words, labels = OLD_FASTTEXT.unpack_from(head)
    plausible = all(least <= found <= most for found, (least, most) in zip(arguments, OLD_ARGUMENTS, strict=True))
    sampled = sample == 0 or 1e-12 <= sample <= 1  # excludes NaN, and small integers read as a float
    return plausible and sampled and words > 0 and labels >= 0 and words + labels == entries


def is_npy(head: bytes) -> bool:
    """Detect a .npy file."""
    return head.startswith(b"\x93NUMPY")


def is_npz(head: bytes) -> bool:
    """Detect a zip whose first member is a .npy file."""
    return _first_member(head).endswith(b".npy")


def is_torch(head: bytes) -> bool:
    """Detect a file of torch.save: a zip whose first member is data.pkl or, before torch 1.6, pickles; or an index."""
    whole = _first_member(head).endswith(b"/data.pkl") or head.startswith(TORCH_LEGACY)
    return whole or (_is_index(head) and TORCH_SHARD.search(head) is not None)


def is_finalfusion(head: bytes) -> bool:
    """Detect finalfusion."""
    return head.startswith(b"FiFu")


def is_safetensors(head: bytes) -> bool:
    """Detect safetensors, or the index of its shards."""
    return head[4:9] == b"\0\0\0\0{" or _is_index(head)


def _is_index(head: bytes) -> bool:
    """Detect an index of shards."""
    return head[:1] == b"{" and b'"weight_map"' in head


def is_hdf5(head: bytes) -> bool:
    """Detect HDF5, with or without a user block before it."""
    return any(head[at : at + 8] == b"\x89HDF\r\n\x1a\n" for at in (0, 512, 1024, 2048))


def is_parquet(head: bytes) -> bool:
    """Detect Parquet."""
    return head.startswith(b"PAR1")


def is_arrow(head: bytes) -> bool:
    """Detect an Arrow file or stream, or Feather, including version 1."""
    return head.startswith((b"ARROW1\0\0", b"FEA1")) or is_arrow_stream(head)


def is_arrow_stream(head: bytes) -> bool:
    """Detect an Arrow stream, which begins with the length of its schema, padded to 8 bytes."""
    length = int.from_bytes(head[4:8], "little")
    return head.startswith(b"\xff\xff\xff\xff") and length % 8 == 0 and 0 < length < 1 << 24


def is_magnitude(head: bytes) -> bool:
    """Detect SQLite, the container of pymagnitude's files."""
    return head.startswith(b"SQLite format 3\0")


def _first_member(head: bytes) -> bytes:
    """Return the name of the first member of a zip; empty for other files."""
    if not head.startswith(b"PK\3\4"):
        return b""
    return head[30 : 30 + int.from_bytes(head[26:28], "little")]
