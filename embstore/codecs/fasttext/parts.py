"""A fastText model taken apart: its words, its matrix, and how words come to rows (formats/fasttext/SPEC.md)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embstore.codecs.fasttext.mapped import Mapped
from embstore.codecs.fasttext.quantized import Quantized, quantized
from embstore.codecs.registry.magic import is_old_fasttext
from embstore.core.batch import Ints, Tokens, Vectors
from embstore.files.input import Input
from embstore.words.ngrams import LONGEST, Ngrams

MAGIC = 793712314
VERSIONS = (11, 12)
OLD = 0  # of models from before there were versions
SUPERVISED = 3
WORD = 0  # the type of an entry; 1 is a label


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a model that make vectors.

    Attributes
    ----------
    words
        In the order of their rows.
    rows
        (words + buckets, dim): words, then buckets of n-grams. Float32, mapped, of any alignment, or quantized.
    ngrams
        Which buckets a word has.
    kept
        Where buckets were pruned away, those that were not, rising, and their rows behind the words, (2, kept);
        None where all are there.
    """

    words: Tokens
    rows: Vectors | Quantized
    ngrams: Ngrams
    kept: Ints | None

    @classmethod
    def open(cls, source: Input) -> Parts:
        """Read the header and the words; FormatError where they are damaged or of another kind."""
        mapped = Mapped(source)
        version = _version(mapped)
        dim, _, _, _, _, _, _, kind, buckets, least, most, _, _ = mapped.take("<12id", "arguments")
        if version < 12 and kind == SUPERVISED:
            most = 0  # such models were trained without n-grams
        if buckets < 0 or least < 0:
            raise mapped.error(f"{buckets:,} buckets for n-grams of {least} to {most} characters")
        if most > LONGEST and buckets:
            raise mapped.error(f"n-grams of {least:,} to {most:,} characters, expected {LONGEST} at most")
        words, pruned = _words(mapped, version)
        kept = _kept(mapped, pruned, buckets)
        rows = _rows(mapped, version, dim)
        behind = 0 if most < 1 else buckets if kept is None else int(kept[1].max(initial=-1)) + 1
        if len(rows) < len(words) + behind:
            raise mapped.error(f"{len(rows):,} rows for {len(words):,} words and {behind:,} buckets of n-grams")
        return cls(words, rows, Ngrams(least, most, buckets), kept)


def _version(mapped: Mapped) -> int:
    magic, version = mapped.take("<ii", "header")
    if magic != MAGIC and is_old_fasttext(mapped.bytes[:4096]):
        mapped.position = 0
        return OLD
    if magic != MAGIC:
        raise mapped.error(
            f"not a fastText model: it begins with {magic}, expected {MAGIC}, or the arguments of an older model"
        )
    if version not in VERSIONS:
        raise mapped.error(f"fastText version {version}, expected 11 or 12")
    return int(version)


def _words(mapped: Mapped, version: int) -> tuple[Tokens, int]:
    """Read the dictionary; its words, and how many buckets were kept: -1 says that none was pruned."""
    size, count, _, _ = mapped.take("<iiiq", "dictionary")
    (pruned,) = (-1,) if version == OLD else mapped.take("<q", "dictionary")
    if not 0 < count <= size or size * 10 > mapped.left:
        raise mapped.error(f"{count:,} words of {size:,} entries, which the file does not hold")
    words, data = [], mapped.bytes
    for entry in range(size):
        end = data.find(b"\0", mapped.position)
        if end < 0 or end + 10 > len(data):
            raise mapped.error(f"cut short in entry {entry + 1:,} of {size:,} of the dictionary")
        if (data[end + 9] == WORD) != (entry < count):
            raise mapped.error(f"entry {entry + 1:,} of the dictionary is no word or label where one should be")
        if entry < count:
            words.append(data[mapped.position : end])
        mapped.position = end + 10
    return Tokens.pack(words), pruned


def _kept(mapped: Mapped, count: int, buckets: int) -> Ints | None:
    """Read the buckets that are left and their rows."""
    if count < 0:
        return None
    pairs = mapped.array("<i4", 2 * count, "pruned buckets").reshape(-1, 2).astype(np.int64)
    pairs = pairs[np.argsort(pairs[:, 0])]
    if (pairs < 0).any() or (pairs[:, 0] >= buckets).any() or (np.diff(pairs[:, 0]) == 0).any():
        raise mapped.error("pruned buckets that it has not got, or has twice")
    return np.ascontiguousarray(pairs.T)


def _rows(mapped: Mapped, version: int, dim: int) -> Vectors | Quantized:
    if version != OLD and mapped.take("<?", "matrix")[0]:
        return quantized(mapped, dim)
    rows, columns = mapped.take("<qq", "matrix")
    if columns != dim or dim < 1:
        raise mapped.error(f"a matrix of {columns:,} columns, expected {dim:,}, as the arguments say")
    return mapped.array("<f4", rows * columns, "matrix").reshape(rows, columns)
