"""What a file's first bytes, or the names in a folder, tell of its format, for the table in `embstore.codecs`."""

from __future__ import annotations

import re
import struct
from pathlib import Path

WORD2VEC_HEADER = re.compile(rb"[ \t]*([0-9]{1,18})[ \t]+([0-9]{1,18})[ \t\r]*\n")
TEXT_NUMBER = re.compile(rb"[+-]?[0-9.]+(?:e[+-]?[0-9]+)?|[+-]?(?:nan|inf(?:inity)?)", re.IGNORECASE)
TORCH_LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # a pickled number that torch.save wrote before 1.6
PICKLE = re.compile(
    rb"\x80[\x02-\x05][\x95}()\]ck\x8aq]|[}\])]q\x00|\((?:dp|lp|i)[0-9]|c(?:copy_reg|builtins|[a-z_]+\.[a-z_.]+)\n\w+\n"
)
GENSIM_CLASS = re.compile(rb"gensim\.models\.[a-z0-9_.]+(?:\n|\x94?\x8c.)(\w{1,40})", re.DOTALL)
OLD_FASTTEXT = struct.Struct("<12id3i")  # arguments; entries, words, labels
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
    """Tell a store: safetensors with an index among its first tensors."""
    return head[8:9] == b"{" and b'"vocab.index"' in head


def is_word2vec_bin(head: bytes) -> bool:
    """Tell word2vec's header with binary rows behind it; text has numbers between the spaces."""
    header = WORD2VEC_HEADER.match(head)
    fields = head[header.end() :].split(b"\n")[0].split(b" ")[1:] if header else []
    return bool(fields) and not any(map(TEXT_NUMBER.fullmatch, fields))


def is_fasttext(head: bytes) -> bool:
    """Tell fastText's number, 793712314, or a model from before there was one."""
    return head.startswith(b"\xba\x16\x4f\x2f") or is_old_fasttext(head)


def is_old_fasttext(head: bytes) -> bool:
    """Tell a model that begins with its arguments: each must be one that somebody would train with.

    Text gives far larger numbers, and whole numbers of 64 bits give zeros, where none may be.
    """
    if len(head) < OLD_FASTTEXT.size:
        return False
    *arguments, sample, entries, words, labels = OLD_FASTTEXT.unpack_from(head)
    plausible = all(least <= found <= most for found, (least, most) in zip(arguments, OLD_ARGUMENTS, strict=True))
    sampled = sample == 0 or 1e-12 <= sample <= 1  # not NaN, and no small whole number taken for a float
    return plausible and sampled and words > 0 and labels >= 0 and words + labels == entries


def is_npy(head: bytes) -> bool:
    """Tell a .npy."""
    return head.startswith(b"\x93NUMPY")


def is_npz(head: bytes) -> bool:
    """Tell a zip whose first member is a .npy."""
    return _first_member(head).endswith(b".npy")


def is_torch(head: bytes) -> bool:
    """Tell what torch.save wrote: a zip whose first member is data.pkl, or, before torch 1.6, pickles."""
    return _first_member(head).endswith(b"/data.pkl") or head.startswith(TORCH_LEGACY)


def is_finalfusion(head: bytes) -> bool:
    """Tell finalfusion."""
    return head.startswith(b"FiFu")


def is_pickle(head: bytes) -> bool:
    """Tell a pickle of another tool's objects, gensim's for one."""
    return bool(PICKLE.match(head)) and not is_torch(head)


def gensim_class(head: bytes) -> str | None:
    """Name the class of gensim's whose object a pickle holds; None for any other pickle."""
    found = GENSIM_CLASS.search(head[:200])
    return found[1].decode() if found else None


def is_safetensors(head: bytes) -> bool:
    """Tell safetensors, or the index of its shards."""
    return head[4:9] == b"\0\0\0\0{" or (head[:1] == b"{" and b'"weight_map"' in head)


def is_hdf5(head: bytes) -> bool:
    """Tell HDF5, with a user block in front or none."""
    return any(head[at : at + 8] == b"\x89HDF\r\n\x1a\n" for at in (0, 512, 1024, 2048))


def is_parquet(head: bytes) -> bool:
    """Tell Parquet."""
    return head.startswith(b"PAR1")


def is_arrow(head: bytes) -> bool:
    """Tell an Arrow file or stream, or Feather, its version 1 too."""
    return head.startswith((b"ARROW1\0\0", b"FEA1")) or is_arrow_stream(head)


def is_arrow_stream(head: bytes) -> bool:
    """Tell an Arrow stream, which begins with the length of its schema, padded to 8 bytes."""
    length = int.from_bytes(head[4:8], "little")
    return head.startswith(b"\xff\xff\xff\xff") and length % 8 == 0 and 0 < length < 1 << 24


def is_magnitude(head: bytes) -> bool:
    """Tell SQLite, which pymagnitude's files are."""
    return head.startswith(b"SQLite format 3\0")


def spacy_vectors(folder: Path) -> Path | None:
    """Find the folder with the vectors that spaCy saved: this one, or a pipeline's ``vocab``; None if neither is."""
    places = (folder, folder / "vocab")
    return next((place for place in places if all((place / name).exists() for name in ("vectors", "key2row"))), None)


def checkpoint(folder: Path) -> Path | None:
    """Find the safetensors of a folder as Hugging Face's libraries save a model: an index of shards, or all in one."""
    names = ("model.safetensors.index.json", "model.safetensors", "0_StaticEmbedding/model.safetensors")
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _first_member(head: bytes) -> bytes:
    """Name of a zip's first member, nothing for other files."""
    if not head.startswith(b"PK\3\4"):
        return b""
    return head[30 : 30 + int.from_bytes(head[26:28], "little")]
