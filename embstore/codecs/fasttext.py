"""fastText's .bin, read only: words and their vectors, made of their n-grams' rows (formats/fasttext/SPEC.md)."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embstore.batch import Ints, Progress, ReadOptions, Source, Tokens, Vectors
from embstore.codecs.matrix import Origin, matrix_source
from embstore.errors import FormatError
from embstore.inputs import open_regular
from embstore.ngrams import Ngrams

NAME = "fasttext"
MAGIC = 793712314
VERSIONS = (11, 12)
SUPERVISED = 3
BLOCK = 8192  # rows of buckets at a time
WORD = 0  # the type of an entry; 1 is a label


def read(path: str | Path, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read the words and the vectors that fastText gives them: the mean of a word's row and its n-grams'.

    The rows of all buckets become the source's special ones, for words that the model does not have; of a pruned
    model, whose few have rows of their own order, none do.
    """
    del options
    model = Model.open(Path(path))
    source = matrix_source(
        model.words,
        model.rows.shape[1],
        "float32",
        lambda start, stop: model.vectors(start, stop),
        Origin(path, NAME),
        progress,
    )
    if model.ngrams.there and model.kept is None:
        source.special = lambda _: model.bucket_rows()
        source.policy = {"oov": "subword", "subword": str(model.ngrams)}
    return source


@dataclass(frozen=True, slots=True)
class Model:
    """The part of a model that makes vectors.

    Attributes
    ----------
    words
        In the order of their rows.
    rows
        (words + buckets, dim) float32, mapped, of any alignment: words, then buckets of n-grams.
    kept
        Where buckets were pruned away, those that were not, rising, and their rows behind the words, (2, kept);
        None where all are there.
    """

    words: Tokens
    rows: Vectors
    ngrams: Ngrams
    kept: Ints | None

    @classmethod
    def open(cls, path: Path) -> Model:
        """Read the header and the words; FormatError where they are damaged or of another kind."""
        with open_regular(path) as file:
            if file.seek(0, 2) < 8:
                raise FormatError(path, "cut short in its header", format=NAME)
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return _Parser(path, mapped).model()

    def vectors(self, start: int, stop: int) -> Vectors:
        """Vectors of the words [start, stop): float32, added up in fastText's order."""
        buckets, counts = self.ngrams.of(self.words[start:stop])
        if self.kept is not None:
            owners = np.repeat(np.arange(stop - start), counts)
            places = np.searchsorted(self.kept[0], buckets)
            found = np.append(self.kept[0], -1)[places] == buckets
            counts = np.bincount(owners[found], minlength=stop - start)
            buckets = self.kept[1][places[found]]
        firsts = np.concatenate(([0], np.cumsum(counts + 1)[:-1]))  # of each word: its own row, then its n-grams'
        places = np.empty(len(buckets) + stop - start, np.int64)
        is_own = np.zeros(len(places), bool)
        is_own[firsts] = True
        places[is_own] = np.arange(start, stop)
        places[~is_own] = buckets + len(self.words)
        sums = np.add.reduceat(np.require(self.rows[places], np.float32, ["A"]), firsts, axis=0)
        return np.asarray(sums * (1.0 / (counts + 1)).astype(np.float32)[:, np.newaxis])

    def bucket_rows(self) -> Iterator[Vectors]:
        """Yield the rows of the buckets in order, in blocks of float32, (rows, dim)."""
        end = len(self.words) + self.ngrams.buckets
        for start in range(len(self.words), end, BLOCK):
            yield np.require(self.rows[start : min(start + BLOCK, end)], np.float32, ["A"])


class _Parser:
    """Takes a mapped file apart, each size checked before it is believed."""

    def __init__(self, path: Path, mapped: mmap.mmap) -> None:
        self.path, self.mapped, self.position = path, mapped, 0

    def model(self) -> Model:
        magic, version = self._take("<ii", "header")
        if magic != MAGIC:
            raise self._error(f"not a fastText model: it begins with {magic}, expected {MAGIC}")
        if version not in VERSIONS:
            raise self._error(f"fastText version {version}, expected 11 or 12")
        dim, _, _, _, _, _, _, kind, buckets, least, most, _, _ = self._take("<12id", "arguments")
        if version == 11 and kind == SUPERVISED:
            most = 0  # such models were trained without n-grams
        if buckets < 0 or least < 0:
            raise self._error(f"{buckets:,} buckets for n-grams of {least} to {most} characters")
        words, kept = self._dictionary(buckets)
        (quantized,) = self._take("<?", "matrix")
        if quantized:
            raise self._error("a quantized model (.ftz) is not supported: convert the .bin that it was made of")
        rows = self._matrix(dim)
        ngrams = Ngrams(least, most, buckets)
        behind = 0 if most < 1 else buckets if kept is None else int(kept[1].max(initial=-1)) + 1
        if len(rows) < len(words) + behind:
            raise self._error(f"{len(rows):,} rows for {len(words):,} words and {behind:,} buckets of n-grams")
        return Model(words, rows, ngrams, kept)

    def _dictionary(self, buckets: int) -> tuple[Tokens, Ints | None]:
        size, count, _, _, pruned = self._take("<iiiqq", "dictionary")
        if not 0 < count <= size or size * 10 > len(self.mapped) - self.position:
            raise self._error(f"{count:,} words of {size:,} entries, which the file does not hold")
        words = []
        for entry in range(size):
            end = self.mapped.find(b"\0", self.position)
            if end < 0 or end + 10 > len(self.mapped):
                raise self._error(f"cut short in entry {entry + 1:,} of {size:,} of the dictionary")
            if (self.mapped[end + 9] == WORD) != (entry < count):
                raise self._error(f"entry {entry + 1:,} of the dictionary is no word or label where one should be")
            if entry < count:
                words.append(self.mapped[self.position : end])
            self.position = end + 10
        return Tokens.pack(words), self._pruned(pruned, buckets)

    def _pruned(self, count: int, buckets: int) -> Ints | None:
        """Return the buckets that are left and their rows; a count of -1 says that none was pruned."""
        if count < 0:
            return None
        pairs = self._array("<i4", 2 * count, "pruned buckets").reshape(-1, 2).astype(np.int64)
        pairs = pairs[np.argsort(pairs[:, 0])]
        if (pairs < 0).any() or (pairs[:, 0] >= buckets).any() or (np.diff(pairs[:, 0]) == 0).any():
            raise self._error("pruned buckets that it has not got, or has twice")
        return np.ascontiguousarray(pairs.T)

    def _matrix(self, dim: int) -> Vectors:
        rows, columns = self._take("<qq", "matrix")
        if columns != dim or dim < 1:
            raise self._error(f"a matrix of {columns:,} columns, expected {dim:,}, as the arguments say")
        return self._array("<f4", rows * columns, "matrix").reshape(rows, columns)

    def _take(self, form: str, what: str) -> tuple[Any, ...]:
        size = struct.calcsize(form)
        if size > len(self.mapped) - self.position:
            raise self._error(f"cut short in its {what}")
        self.position += size
        return struct.unpack_from(form, self.mapped, self.position - size)

    def _array(self, dtype: str, count: int, what: str) -> NDArray[Any]:
        left = len(self.mapped) - self.position
        if not 0 <= 4 * count <= left:
            raise self._error(f"cut short in its {what}: {4 * count:,} bytes, but {left:,} are left")
        self.position += 4 * count
        return np.ndarray((count,), dtype, self.mapped, self.position - 4 * count)

    def _error(self, reason: str) -> FormatError:
        return FormatError(self.path, reason, format=NAME)
