"""The formats: a module each that knows its bytes and nothing else, and the table of them."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embstore.codecs import magic
from embstore.errors import FormatError, UnknownFormatError
from embstore.inputs import first_bytes
from embstore.unpacking import is_compressed

COMPRESSED_SUFFIXES = (".gz", ".bz2", ".xz", ".zst", ".zip")

PICKLE = (
    "a pickle, which may run any code when it is loaded. Where you trust it, two lines export it from gensim: "
    "`from gensim.models import KeyedVectors` and `KeyedVectors.load(old).save_word2vec_format('new.bin', binary=True)`"
)


@dataclass(frozen=True, slots=True)
class Codec:
    """One format, as `embstore formats` lists it.

    Attributes
    ----------
    name
        What ``format=``, ``--from`` and ``--to`` call it.
    suffixes
        Of files that are taken for it where their first bytes tell nothing.
    magic
        Tells from a file's first 4,096 bytes whether it is one; None where the bytes tell nothing.
    reads, writes
        Whether it can be read, written.
    mapped
        Whether `embstore.open` maps it rather than reads it into memory.
    compressed
        Whether it is read from inside .gz .bz2 .xz .zst or a .zip.
    about
        One line for people.
    """

    name: str
    suffixes: tuple[str, ...]
    about: str
    magic: Callable[[bytes], bool] | None = None
    reads: bool = True
    writes: bool = True
    mapped: bool = False
    compressed: bool = False

    def load(self) -> Any:
        """Import the module: its ``read(path, options, progress)`` and ``write(path, source)``."""
        return importlib.import_module(f"embstore.codecs.{self.name.replace('-', '_')}")


def _is_store(head: bytes) -> bool:
    return head[8:9] == b"{" and b'"vocab.index"' in head


CODECS = {
    codec.name: codec
    for codec in (
        Codec(
            "store",
            (".safetensors",),
            "safetensors with vocabulary and index",
            _is_store,
            mapped=True,
        ),
        Codec("glove", (".txt",), "GloVe text: a token and its numbers a line", compressed=True),
        Codec("word2vec", (".vec",), "word2vec text, fastText's .vec: GloVe's lines below a header", compressed=True),
        Codec("word2vec-bin", (".bin",), "word2vec binary, GoogleNews", magic.is_word2vec_bin, compressed=True),
        Codec("fasttext", (".bin",), "a fastText model: its words' vectors", magic.is_fasttext, writes=False),
        Codec("npy", (".npy",), "NumPy's .npy, words beside it", magic.is_npy),
        Codec("npz", (".npz",), "NumPy's .npz: a matrix and an array of words", magic.is_npz),
        Codec("torch", (".pt", ".pth"), "torch.save: a tensor, a state dict, torchtext's cache", magic.is_torch),
        Codec("finalfusion", (".fifu",), "finalfusion: words, a matrix, norms", magic.is_finalfusion),
        Codec("safetensors", (".safetensors",), "a matrix of plain safetensors, words beside it", magic.is_safetensors),
        Codec("projector", (), "a folder for TensorBoard's projector", reads=False),
        Codec("static-embedding", (), "a folder for sentence-transformers' StaticEmbedding", reads=False),
        Codec("model2vec", (), "a folder for model2vec", reads=False),
        Codec("hdf5", (".h5", ".hdf5", ".h5ad"), "HDF5: a matrix and its words", magic.is_hdf5),
        Codec("parquet", (".parquet",), "Parquet: a column of words, one of vectors", magic.is_parquet),
        Codec("arrow", (".arrow", ".feather"), "Arrow or Feather: a column of words, one of vectors", magic.is_arrow),
    )
}


def find(name: str) -> Codec:
    """Return the format of that name; FormatError's parent ValueError lists the names where there is none."""
    if name not in CODECS:
        raise ValueError(f"no format {name!r}; the formats are {', '.join(CODECS)}")
    return CODECS[name]


def sniff(path: str | Path) -> Codec:
    """Find the format of a file by its first bytes, then by its suffix.

    Raises UnknownFormatError where neither tells.
    """
    head = first_bytes(path)
    if not head:
        raise FormatError(path, "an empty file")
    for codec in CODECS.values():
        if codec.magic is not None and codec.magic(head):
            return codec
    if magic.is_pickle(head):
        raise FormatError(path, PICKLE)
    suffix = inner_suffix(path) if is_compressed(head) else Path(path).suffix.lower()
    by_suffix = [
        codec for codec in CODECS.values() if codec.reads and suffix in codec.suffixes and codec.name != "store"
    ]
    if by_suffix:
        return by_suffix[0]
    tried = ", ".join(f"{codec.name} ({' '.join(codec.suffixes)})" for codec in CODECS.values() if codec.reads)
    raise UnknownFormatError(
        path,
        f"neither its first bytes nor its suffix {suffix!r} tell the format; "
        f"name one with --from (format=). Tried: {tried}",
    )


def inner_suffix(path: str | Path) -> str:
    """Return the suffix in front of the compression's: .txt of glove.txt.gz; .txt where there is none."""
    stem = Path(path)
    while stem.suffix.lower() in COMPRESSED_SUFFIXES:
        stem = stem.with_suffix("")
    return stem.suffix.lower() if stem.suffix and not stem.suffix[1:2].isdigit() else ".txt"


def by_target(path: str | Path) -> Codec:
    """Find the format to write from a target's suffix."""
    suffix = Path(path).suffix.lower()
    for codec in CODECS.values():
        if codec.writes and suffix in codec.suffixes:
            return codec
    known = ", ".join(f"{s} ({codec.name})" for codec in CODECS.values() if codec.writes for s in codec.suffixes)
    raise UnknownFormatError(
        path, f"no format to write has the suffix {suffix!r}; name one with --to (to=), or use {known}"
    )
