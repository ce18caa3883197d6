"""The table of formats: name, module, suffixes, capabilities and options of each."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from embstore.codecs.registry import folders, magic
from embstore.codecs.registry.protocols import Reader, Writer
from embstore.core.cures import cure, option_name, spelled
from embstore.core.errors import FormatError, UnknownFormatError
from embstore.core.options import ReadOptions, WriteOptions

COMMON_OPTIONS = ("format", "limit", "dtype")  # read options that every format supports
WORD_OPTIONS = ("vocab", "word_column", "exact_words")
TEXT_OPTIONS = ("member", "dim", "header", "on_error", *WORD_OPTIONS)
MATRIX_OPTIONS = ("key", *WORD_OPTIONS)


@dataclass(frozen=True, slots=True)
class Codec:
    """One format, as `embstore formats` lists it.

    Attributes
    ----------
    name
        The name for ``format=``, ``--from`` and ``--to``.
    module
        The codec's module, relative to `embstore.codecs`; imported when the format is first used.
    suffixes
        Suffixes that select this format if the first bytes of a file identify none.
    magic
        Detects the format from the first 4,096 bytes of a file; None if the format cannot be detected from them.
    folder
        Finds the files of this format in a folder, None or False if it has none; None if the format is never a folder.
    reads, writes
        Whether the format can be read, written.
    mapped
        Whether `embstore.open` memory-maps the file instead of reading it.
    compressed
        Whether it can be read from a .gz, .bz2, .xz, .zst or .zip file.
    by_bytes_alone
        Whether the first bytes always identify the format, so that the suffix is never used for it.
    keeps_special_rows
        Whether it can store special rows: padding, and the rows that a policy for unknown words adds.
    keeps_scales
        Whether it can store ``int8`` rows, each with its scale and offset.
    keeps_last
        Whether its writer can overwrite a row; it then receives repeated tokens and ``WriteOptions.duplicates``.
    keeps_norms
        Whether it can store the lengths of rows beside rows of length 1; its writer then gets ``normalize``.
    has_tensors
        Whether it is a safetensors file, whose tensors can be listed.
    options
        The read options that it supports, in addition to `COMMON_OPTIONS`.
    choices
        The write options that it supports, with their values.
    about
        One line of description for users.
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
    keeps_norms: bool = False
    has_tensors: bool = False
    options: tuple[str, ...] = ()
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)

    def check_options(self, path: str | Path, options: ReadOptions) -> None:
        """Raise FormatError for a read option that the format would ignore; called before anything is read."""
        supported = (*self.options, *COMMON_OPTIONS)
        unsupported = next((name for name in options.non_default() if name not in supported), None)
        if unsupported:
            others = ", ".join(spelled(name) for name in supported if name != "format")
            reason = f"{self.name} does not support the option {spelled(unsupported)}; supported: {others}"
            raise FormatError(path, reason, format=self.name)

    def check_choices(self, path: str | Path, options: WriteOptions) -> None:
        """Raise FormatError for an unsupported write option or value; called before anything is read."""
        for name, value in options.non_default().items():
            if name not in self.choices:
                supported = f"; supported: {', '.join(self.choices)}" if self.choices else ""
                reason = f"{self.name} is written without the option {name}{supported}"
                raise FormatError(path, reason, format=self.name)
            if value not in self.choices[name]:
                values = ", ".join(self.choices[name])
                reason = f"{self.name} does not support the {name} {value!r}; supported: {values}"
                raise FormatError(path, reason, format=self.name)

    def reader(self) -> Reader:
        """Import the codec's module, which has ``read``."""
        return cast("Reader", self._load())

    def writer(self) -> Writer:
        """Import the codec's module, which has ``write``."""
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
            "GloVe text: one token and its numbers per line",
            compressed=True,
            options=TEXT_OPTIONS,
        ),
        Codec(
            "word2vec",
            "text.word2vec",
            (".vec",),
            "word2vec text, fastText's .vec: a header, then lines as in GloVe",
            compressed=True,
            options=TEXT_OPTIONS,
        ),
        Codec(
            "word2vec-bin",
            "word2vec_bin.word2vec_bin",
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
            "a fastText model: the vectors of its words",
            magic.is_fasttext,
            writes=False,
        ),
        Codec(
            "npy",
            "numpy.npy",
            (".npy",),
            "NumPy's .npy, words in a file next to it",
            magic.is_npy,
            options=WORD_OPTIONS,
        ),
        Codec(
            "npz",
            "numpy.npz",
            (".npz",),
            "NumPy's .npz: a matrix and an array of words",
            magic.is_npz,
            options=MATRIX_OPTIONS,
            choices={"compression": ("none", "deflate")},
        ),
        Codec(
            "torch",
            "torch",
            (".pt", ".pth"),
            "torch.save: a tensor, a state dict, torchtext's cache",
            magic.is_torch,
            folders.torch_checkpoint,
            options=MATRIX_OPTIONS,
        ),
        Codec(
            "finalfusion",
            "finalfusion",
            (".fifu",),
            "finalfusion: words, a matrix and norms",
            magic.is_finalfusion,
            keeps_norms=True,
        ),
        Codec(
            "safetensors",
            "huggingface.safetensors",
            (".safetensors",),
            "a matrix in plain safetensors, words in a file next to it",
            magic.is_safetensors,
            folders.checkpoint,
            options=MATRIX_OPTIONS,
            has_tensors=True,
        ),
        Codec(
            "magnitude",
            "magnitude",
            (".magnitude",),
            "pymagnitude's SQLite database",
            magic.is_magnitude,
            writes=False,
        ),
        Codec(
            "spacy",
            "spacy.spacy",
            (),
            "a folder that spaCy saved: a pipeline or its vectors",
            folder=folders.spacy_vectors,
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
            options=MATRIX_OPTIONS,
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
            "Parquet: a column of words and one of vectors",
            magic.is_parquet,
            folders.parquet_parts,
            options=MATRIX_OPTIONS,
            choices={"compression": ("zstd", "snappy", "none")},
        ),
        Codec(
            "arrow",
            "arrow.arrow",
            (".arrow", ".feather"),
            "Arrow or Feather: a column of words and one of vectors",
            magic.is_arrow,
            folders.is_dataset,
            options=MATRIX_OPTIONS,
        ),
    )
}


def codec_named(name: str) -> Codec:
    """Return the codec of a format by name; ValueError lists the names if there is no such format."""
    if name not in CODECS:
        raise ValueError(f"no format {name!r}; the formats are {', '.join(CODECS)}")
    return CODECS[name]


def codec_for_target(path: str | Path, to: str | None = None) -> Codec:
    """Return the codec to write a file with: the format `to`, else the first one with the file's suffix."""
    if to:
        return codec_named(to)
    suffix = Path(path).suffix.lower()
    for codec in CODECS.values():
        if codec.writes and suffix in codec.suffixes:
            return codec
    known = ", ".join(f"{s} ({codec.name})" for codec in CODECS.values() if codec.writes for s in codec.suffixes)
    name_one = cure("name-target-format", f"{option_name('to')} names one")
    raise UnknownFormatError(
        path, f"no format that can be written has the suffix {suffix!r}; {name_one}, as do the suffixes {known}"
    )
