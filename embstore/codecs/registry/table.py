"""The formats: a module each that knows its bytes and nothing else, and the table of them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from embstore.codecs.registry import magic
from embstore.codecs.registry.protocols import Reader, Writer
from embstore.core.errors import FormatError, UnknownFormatError
from embstore.core.options import ReadOptions, WriteOptions

ANYWHERE = ("format", "limit", "dtype")  # options of reading that every format has a use for
LINES = ("member", "dim", "header", "on_error")
NAMED = ("key", "vocab")


@dataclass(frozen=True, slots=True)
class Codec:
    """One format, as `embstore formats` lists it.

    Attributes
    ----------
    name
        What ``format=``, ``--from`` and ``--to`` call it.
    module
        Its module, below `embstore.codecs`: imported when the format is used, not before.
    suffixes
        Of files that are taken for it where their first bytes tell nothing.
    magic
        Tells from a file's first 4,096 bytes whether it is one; None where the bytes tell nothing.
    folder
        Finds in a folder what makes it one of this format; None where no folder is.
    reads, writes
        Whether it can be read, written.
    mapped
        Whether `embstore.open` maps it rather than reads it into memory.
    compressed
        Whether it is read from inside .gz .bz2 .xz .zst or a .zip.
    by_bytes_alone
        Whether its first bytes always identify it, so that its suffix alone never does.
    keeps_special_rows
        Whether it has room for rows after the vocabulary: padding, and those of a policy for unknown words.
    keeps_scales
        Whether it holds rows of ``int8``, each with its scale and offset.
    keeps_last
        Whether its writer can overwrite a row, and so gets repeated tokens and ``WriteOptions.duplicates``.
    has_tensors
        Whether it is a safetensors file, whose tensors can be listed.
    options
        The options of reading that it has a use for, `ANYWHERE` apart.
    choices
        The options of writing that it takes, and the values of each.
    about
        One line for people.
    """

    name: str
    module: str
    suffixes: tuple[str, ...]
    about: str
    magic: Callable[[bytes], bool] | None = None
    folder: Callable[[Path], object] | None = None
    reads: bool = True
    writes: bool = True
    mapped: bool = False
    compressed: bool = False
    by_bytes_alone: bool = False
    keeps_special_rows: bool = False
    keeps_scales: bool = False
    keeps_last: bool = False
    has_tensors: bool = False
    options: tuple[str, ...] = ()
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)

    def check_options(self, path: str | Path, options: ReadOptions) -> None:
        """Raise FormatError, before anything is read, for an option that would be ignored."""
        useless = next((name for name in options.non_default() if name not in (*ANYWHERE, *self.options)), None)
        if useless:
            taken = f"it takes {', '.join(self.options)}" if self.options else "it takes none such"
            reason = f"{self.name} has no use for {useless}= (--{useless.replace('_', '-')}): {taken}"
            raise FormatError(path, reason, format=self.name)

    def check_choices(self, path: str | Path, options: WriteOptions) -> None:
        """Raise FormatError, before anything is read, for an option of writing or a value that it does not take."""
        for name, value in options.non_default().items():
            if name not in self.choices:
                taken = f"it takes {', '.join(self.choices)}" if self.choices else "it takes none such"
                raise FormatError(path, f"{self.name} is written without {name}= (--{name}): {taken}", format=self.name)
            if value not in self.choices[name]:
                reason = f"{self.name} takes no {name}={value} (--{name}): it takes {', '.join(self.choices[name])}"
                raise FormatError(path, reason, format=self.name)

    def reader(self) -> Reader:
        """Import the module for its ``read``."""
        return cast("Reader", self._load())

    def writer(self) -> Writer:
        """Import the module for its ``write``."""
        return cast("Writer", self._load())

    def _load(self) -> object:
        return importlib.import_module(f"embstore.codecs.{self.module}")


CODECS = {
    codec.name: codec
    for codec in (
        Codec(
            "store",
            "store",
            (".safetensors",),
            "safetensors with vocabulary and index",
            magic.is_store,
            mapped=True,
            by_bytes_alone=True,
            keeps_special_rows=True,
            keeps_scales=True,
            keeps_last=True,
            has_tensors=True,
        ),
        Codec(
            "glove",
            "text.glove",
            (".txt",),
            "GloVe text: a token and its numbers a line",
            compressed=True,
            options=LINES,
        ),
        Codec(
            "word2vec",
            "text.word2vec",
            (".vec",),
            "word2vec text, fastText's .vec: GloVe's lines below a header",
            compressed=True,
            options=LINES,
        ),
        Codec(
            "word2vec-bin",
            "word2vec_bin",
            (".bin",),
            "word2vec binary, GoogleNews",
            magic.is_word2vec_bin,
            compressed=True,
            options=("member",),
        ),
        Codec(
            "fasttext",
            "fasttext",
            (".bin", ".ftz"),
            "a fastText model: its words' vectors",
            magic.is_fasttext,
            writes=False,
        ),
        Codec("npy", "numpy.npy", (".npy",), "NumPy's .npy, words beside it", magic.is_npy, options=("vocab",)),
        Codec(
            "npz",
            "numpy.npz",
            (".npz",),
            "NumPy's .npz: a matrix and an array of words",
            magic.is_npz,
            options=NAMED,
            choices={"compression": ("none", "deflate")},
        ),
        Codec(
            "torch",
            "torch",
            (".pt", ".pth"),
            "torch.save: a tensor, a state dict, torchtext's cache",
            magic.is_torch,
            options=NAMED,
        ),
        Codec("finalfusion", "finalfusion", (".fifu",), "finalfusion: words, a matrix, norms", magic.is_finalfusion),
        Codec(
            "safetensors",
            "huggingface.safetensors",
            (".safetensors",),
            "a matrix of plain safetensors, words beside it",
            magic.is_safetensors,
            magic.checkpoint,
            options=NAMED,
            has_tensors=True,
        ),
        Codec(
            "magnitude",
            "magnitude",
            (".magnitude",),
            "pymagnitude's SQLite: words, whole numbers, lengths",
            magic.is_magnitude,
            writes=False,
        ),
        Codec(
            "spacy",
            "spacy.spacy",
            (),
            "a folder of spaCy's: a pipeline's vectors",
            folder=magic.spacy_vectors,
            writes=False,
        ),
        Codec("projector", "projector", (), "a folder for TensorBoard's projector", reads=False),
        Codec(
            "static-embedding",
            "huggingface.static_embedding",
            (),
            "a folder for sentence-transformers' StaticEmbedding",
            reads=False,
        ),
        Codec("model2vec", "huggingface.model2vec", (), "a folder for model2vec", reads=False),
        Codec(
            "hdf5",
            "hdf5",
            (".h5", ".hdf5", ".h5ad"),
            "HDF5: a matrix and its words",
            magic.is_hdf5,
            options=NAMED,
            choices={
                "compression": ("none", "gzip", "lzf"),
                "layout": ("chunked", "contiguous"),
                "strings": ("variable", "fixed"),
            },
        ),
        Codec(
            "parquet",
            "arrow.parquet",
            (".parquet",),
            "Parquet: a column of words, one of vectors",
            magic.is_parquet,
            options=NAMED,
            choices={"compression": ("zstd", "snappy", "none")},
        ),
        Codec(
            "arrow",
            "arrow.arrow",
            (".arrow", ".feather"),
            "Arrow or Feather: a column of words, one of vectors",
            magic.is_arrow,
            options=NAMED,
        ),
    )
}


def codec_named(name: str) -> Codec:
    """Return the format of that name; FormatError's parent ValueError lists the names where there is none."""
    if name not in CODECS:
        raise ValueError(f"no format {name!r}; the formats are {', '.join(CODECS)}")
    return CODECS[name]


def codec_for_target(path: str | Path, to: str | None = None) -> Codec:
    """Return the format to write a file in: the one that is named, else the one that has the file's suffix."""
    if to:
        return codec_named(to)
    suffix = Path(path).suffix.lower()
    for codec in CODECS.values():
        if codec.writes and suffix in codec.suffixes:
            return codec
    known = ", ".join(f"{s} ({codec.name})" for codec in CODECS.values() if codec.writes for s in codec.suffixes)
    raise UnknownFormatError(
        path, f"no format to write has the suffix {suffix!r}; name one with --to (to=), or use {known}"
    )
