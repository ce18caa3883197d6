"""Reads the parts of a fastText model: words, matrix, and the buckets of n-grams (formats/fasttext/SPEC.md)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embstore.codecs.fasttext.cursor import Cursor
from embstore.codecs.fasttext.quantized import Quantized, read_quantized
from embstore.codecs.registry.magic import is_old_fasttext
from embstore.core.batch import Ints, Tokens, Vectors
from embstore.files.input import Input
from embstore.words.ngrams import LONGEST, Ngrams

MAGIC = 793712314
VERSIONS = (11, 12)
OLD = 0  # models older than the version number
SUPERVISED = 3
WORD = 0  # entry type; 1 is a label


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a model that vectors are computed from.

    Attributes
    ----------
    words
        In the order of their rows.
    rows
        (words + buckets, dim): words, then buckets of n-grams. Float32, memory-mapped, of any alignment, or quantized.
    ngrams
        Computes the buckets of a word.
    kept
        For a pruned model, (2, kept): the remaining buckets, ascending, and their rows, counted from the end of the
        words; None if no bucket was pruned.
    """

    words: Tokens
    rows: Vectors | Quantized
    ngrams: Ngrams
    kept: Ints | None

    @classmethod
    def open(cls, source: Input) -> Parts:
        """Read the header and the words; raise FormatError if they are damaged or no supported model."""
        cursor = Cursor(source)
        version = _version(cursor)
        dim, _, _, _, _, _, _, kind, buckets, least, most, _ = cursor.take("<12i8x", "arguments")
        if version < 12 and kind == SUPERVISED:
            most = 0  # these models were trained without n-grams
        if buckets < 0 or least < 0:
            raise cursor.error(f"{buckets:,} buckets for n-grams of {least} to {most} characters")
        if most > LONGEST and buckets:
            raise cursor.error(f"n-grams of {least:,} to {most:,} characters, expected {LONGEST} at most")
        words, pruned = _words(cursor, version)
        kept = _kept(cursor, pruned, buckets)
        rows = _rows(cursor, version, dim)
        # the matrix has a row for each bucket even in a model without n-grams of characters
        bucket_rows = buckets if kept is None else int(kept[1].max(initial=-1)) + 1
        if len(rows) < len(words) + bucket_rows:
            raise cursor.error(f"{len(rows):,} rows for {len(words):,} words and {bucket_rows:,} buckets of n-grams")
        return cls(words, rows, Ngrams(least, most, buckets), kept)


def _version(cursor: Cursor) -> int:
    magic, version = cursor.take("<ii", "header")
    if magic != MAGIC and is_old_fasttext(cursor.bytes[:4096]):
        cursor.position = 0
        return OLD
    if magic != MAGIC:
        raise cursor.error(
            f"not a fastText model: it begins with {magic}, expected {MAGIC}, or the arguments of an older model"
        )
    if version not in VERSIONS:
        raise cursor.error(f"fastText version {version}, expected 11 or 12")
    return version


def _words(cursor: Cursor, version: int) -> tuple[Tokens, int]:
    """Read the dictionary; return its words and the number of buckets kept, -1 if none was pruned."""
    size, count, _, _ = cursor.take("<iiiq", "dictionary")
    (pruned,) = (-1,) if version == OLD else cursor.take("<q", "dictionary")
    if not 0 < count <= size or size * 10 > cursor.left:
        raise cursor.error(f"{count:,} words of {size:,} entries, which do not fit into the file")
    words, data = [], cursor.bytes
    for entry in range(size):
        end = data.find(b"\0", cursor.position)
        if end < 0 or end + 10 > len(data):
            raise cursor.error(f"cut short in entry {entry + 1:,} of {size:,} of the dictionary")
        if (data[end + 9] == WORD) != (entry < count):
            raise cursor.error(f"entry {entry + 1:,} of the dictionary has the wrong type, expected words, then labels")
        if entry < count:
            words.append(data[cursor.position : end])
        cursor.position = end + 10
    return Tokens.pack(words), pruned


def _kept(cursor: Cursor, count: int, buckets: int) -> Ints | None:
    """Read the buckets that were kept, and their rows; None if none was pruned."""
    if count < 0:
        return None
    pairs = cursor.array("<i4", 2 * count, "pruned buckets").reshape(-1, 2).astype(np.int64)
    pairs = pairs[np.argsort(pairs[:, 0])]
    if (pairs < 0).any() or (pairs[:, 0] >= buckets).any() or (np.diff(pairs[:, 0]) == 0).any():
        raise cursor.error("the list of kept buckets has one that is out of range or listed twice")
    return np.ascontiguousarray(pairs.T)


def _rows(cursor: Cursor, version: int, dim: int) -> Vectors | Quantized:
    if version != OLD and cursor.take("<?", "matrix")[0]:
        return read_quantized(cursor, dim)
    rows, columns = cursor.take("<qq", "matrix")
    if columns != dim or dim < 1:
        raise cursor.error(f"a matrix of {columns:,} columns, expected {dim:,}, as the arguments say")
    return cursor.array("<f4", rows * columns, "matrix").reshape(rows, columns)
