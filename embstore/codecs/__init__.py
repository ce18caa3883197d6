"""The formats: a module each that knows its bytes and nothing else, and the table of them."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embstore.codecs import magic
from embstore.errors import EmbstoreWarning, FormatError, UnknownFormatError
from embstore.inputs import Input, first_bytes
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


CODECS = {
    codec.name: codec
    for codec in (
        Codec(
            "store",
            (".safetensors",),
            "safetensors with vocabulary and index",
            magic.is_store,
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


def sniff(path: str | Path, member: str | None = None) -> Codec:
    """Find the format of a file by its first bytes, then by its suffix; of a packed one by those of what is inside.

    Parameters
    ----------
    path
        A file.
    member
        Name of the member of a zip; needed where it holds several.

    Warns
    -----
    EmbstoreWarning
        Where the bytes are those of one format and the suffix is that of another: the bytes are believed.

    Raises
    ------
    UnknownFormatError
        Where neither tells.
    FormatError
        For an empty file, a pickle, and a packed file of a format that is not read from inside one.
    """
    head, suffix = first_bytes(path), Path(path).suffix.lower()
    if not head:
        raise FormatError(path, "an empty file")
    codec = _by_bytes(head, path, suffix)
    if codec is None and is_compressed(head):
        return _inside(path, member)
    codec = codec or _by_suffix(suffix)
    if codec is None:
        tried = ", ".join(f"{codec.name} ({' '.join(codec.suffixes)})" for codec in CODECS.values() if codec.reads)
        raise UnknownFormatError(
            path,
            f"neither its first bytes nor its suffix {suffix!r} tell the format; "
            f"name one with --from (format=). Tried: {tried}",
        )
    return codec


def _inside(path: str | Path, member: str | None) -> Codec:
    """Find the format of what a file packs: text where nothing tells, as in glove.6B.50d.gz."""
    buffer = bytearray(4096)
    with Input(path, member) as stream:
        head = bytes(buffer[: stream.fill(memoryview(buffer))])
        name = Path(stream.name)
    suffix = (name.with_suffix("") if name.suffix.lower() in COMPRESSED_SUFFIXES else name).suffix.lower()
    codec = _by_bytes(head, path, suffix) or _by_suffix(suffix) or CODECS["glove"]
    if not codec.compressed:
        readable = ", ".join(codec.name for codec in CODECS.values() if codec.compressed)
        raise FormatError(path, f"{codec.name} inside a compressed file, where only {readable} are read: unpack it")
    return codec


def _by_bytes(head: bytes, path: str | Path, suffix: str) -> Codec | None:
    codec = next((codec for codec in CODECS.values() if codec.magic is not None and codec.magic(head)), None)
    if codec is None and magic.is_pickle(head):
        raise FormatError(path, PICKLE)
    owners = [other.name for other in CODECS.values() if suffix in other.suffixes]
    if codec is not None and len(owners) == 1 and owners != [codec.name]:  # a suffix of several formats tells nothing
        said = f"the bytes are {codec.name}, though the suffix says {owners[0]}; read as {codec.name}"
        warnings.warn(f"{path}: {said}", EmbstoreWarning, stacklevel=4)
    return codec


def _by_suffix(suffix: str) -> Codec | None:
    """Find the first format with a suffix; a store is told by its bytes alone."""
    fitting = (codec for codec in CODECS.values() if codec.reads and suffix in codec.suffixes and codec.name != "store")
    return next(fitting, None)


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
