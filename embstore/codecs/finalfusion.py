"""finalfusion: chunks with words, a matrix and optionally the norms of its rows (formats/finalfusion/SPEC.md)."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from embstore.codecs.shared.matrix import BATCH_BYTES, Origin, matrix_source
from embstore.codecs.shared.spool import spooled_rows
from embstore.core.batch import Batch, Findings, Source, Tokens, Vectors, is_utf8
from embstore.core.cures import cure, option
from embstore.core.errors import FormatError
from embstore.core.options import AS_IS, Progress, ReadOptions, WriteOptions
from embstore.files.atomic import replacing, write_all
from embstore.files.input import Input

NAME = "finalfusion"
WORDS, MATRIX, BUCKETS, QUANTIZED, NORMS, FASTTEXT_BUCKETS, EXPLICIT_NGRAMS = 1, 2, 3, 4, 6, 7, 8
WORDS_BEGIN = {
    WORDS: 8,
    BUCKETS: 20,
    FASTTEXT_BUCKETS: 20,
    EXPLICIT_NGRAMS: 24,
}  # offset of the first word in the chunk, after the counts
FLOAT32 = 10  # type identifier
TOLERANCE = 1e-3  # of a length of 1: rows of length 1 in float16 differ by less


def read(source: Input, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read the words and the mapped rows; each row is multiplied by its norm if the file has norms."""
    del options
    file = _File.open(source)
    tokens = file.words()
    matrix = file.matrix()
    if len(tokens) > len(matrix) or not len(tokens):
        raise FormatError(source.path, f"{len(tokens):,} words for {len(matrix):,} rows", format=NAME)
    norms = file.norms(len(tokens))
    findings = Findings()
    if len(matrix) > len(tokens):
        findings.add("rows of n-grams left out", times=len(matrix) - len(tokens))

    def rows(start: int, stop: int) -> Vectors:
        stored = np.require(matrix[start:stop], np.float32, ["A"])
        return stored if norms is None else stored * norms[start:stop, np.newaxis]

    return matrix_source(tokens, matrix.shape[1], "float32", rows, Origin(source, NAME), progress, findings)


@dataclass(frozen=True, slots=True)
class _File:
    """A mapped file, and the start and stop of each chunk by its type number."""

    path: Path
    mapped: mmap.mmap
    chunks: dict[int, tuple[int, int]]

    @classmethod
    def open(cls, source: Input) -> _File:
        path, head = source.path, source.head(12)
        if len(head) < 12 or head[:4] != b"FiFu":
            raise FormatError(path, "not finalfusion: it does not begin with FiFu", format=NAME)
        mapped = source.map()
        version, count = struct.unpack_from("<II", head, 4)
        if version:
            raise FormatError(path, f"finalfusion version {version}, expected 0", format=NAME)
        chunks: dict[int, tuple[int, int]] = {}
        position = 12 + 4 * count
        while position < len(mapped):
            if position + 12 > len(mapped):
                raise FormatError(path, "cut short between its chunks", where=f"byte {position}", format=NAME)
            number, size = struct.unpack_from("<IQ", mapped, position)
            if size > len(mapped) - position - 12:
                left = len(mapped) - position - 12
                reason = f"chunk {number} has {size:,} bytes, but {left:,} follow: the file is cut short"
                raise FormatError(path, reason, where=f"byte {position}", format=NAME)
            chunks.setdefault(number, (position + 12, position + 12 + size))
            position += 12 + size
        return cls(path, mapped, chunks)

    def words(self) -> Tokens:
        """Return the words of any of the vocabulary chunks, without n-grams."""
        found = [number for number in WORDS_BEGIN if number in self.chunks]
        if not found:
            raise FormatError(self.path, f"no words: it has the chunks {list(self.chunks)}", format=NAME)
        start, stop = self.chunks[found[0]]
        (count,) = self._unpack("<Q", found[0], start, stop)
        data, position, words = self.mapped[start:stop], WORDS_BEGIN[found[0]], []
        for row in range(count):
            end = position + 4 + int.from_bytes(data[position : position + 4], "little")
            if end > len(data):
                raise FormatError(
                    self.path, f"{count:,} words, but word {row + 1:,} extends beyond its chunk", format=NAME
                )
            words.append(data[position + 4 : end])
            position = end
        return Tokens.pack(words)

    def matrix(self) -> Vectors:
        """Return the mapped rows; they may be unaligned."""
        if QUANTIZED in self.chunks:
            reason = (
                "quantized rows cannot be read; `ffp-convert -f finalfusion -t word2vec` (finalfusion) unpacks them"
            )
            raise FormatError(self.path, reason, format=NAME)
        if MATRIX not in self.chunks:
            raise FormatError(self.path, f"no matrix: it has the chunks {list(self.chunks)}", format=NAME)
        rows, dim, kind = self._unpack("<QII", MATRIX, *self.chunks[MATRIX])
        if not dim:
            raise FormatError(self.path, "rows of 0 numbers, expected at least 1", format=NAME)
        return self._floats(MATRIX, 16, kind, rows * dim).reshape(rows, dim)

    def norms(self, count: int) -> Vectors | None:
        """Return the norm of each word; None if the rows were not normalized."""
        if NORMS not in self.chunks:
            return None
        size, kind = self._unpack("<QI", NORMS, *self.chunks[NORMS])
        norms = np.require(self._floats(NORMS, 12, kind, size), requirements=["A"])
        if size < count:
            raise FormatError(self.path, f"{size:,} norms for {count:,} words", format=NAME)
        return norms

    def _unpack(self, form: str, number: int, start: int, stop: int) -> tuple[int, ...]:
        if stop - start < struct.calcsize(form):
            raise FormatError(self.path, f"chunk {number} is cut short", format=NAME)
        return struct.unpack_from(form, self.mapped, start)

    def _floats(self, number: int, head: int, kind: int, count: int) -> Vectors:
        """Return the float32 of a chunk; 1 to 4 bytes of padding after its head align them in the file."""
        start, stop = self.chunks[number]
        if kind != FLOAT32:
            raise FormatError(
                self.path, f"chunk {number} has numbers of type {kind}, expected 10 (float32)", format=NAME
            )
        start += head
        start += _padding(start)
        if stop - start != 4 * count:
            reason = f"chunk {number} has {stop - start:,} bytes of numbers, expected {4 * count:,}"
            raise FormatError(self.path, reason, format=NAME)
        return np.ndarray((count,), "<f4", self.mapped, start)


def _padding(position: int) -> int:
    return 4 - position % 4


@dataclass(slots=True)
class _Norms:
    """The lengths of the rows that are written: they are divided by them, or only checked.

    Attributes
    ----------
    scales
        Whether to divide each row by its length, and to keep the lengths.
    findings
        Counts the rows whose length is not 1, unless they are divided by it.
    """

    scales: bool
    findings: Findings
    parts: list[Vectors] = field(default_factory=list)

    def through(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        for batch in batches:
            wide = batch.vectors.astype(np.float64)
            with np.errstate(over="ignore", invalid="ignore"):
                norms = np.sqrt((wide * wide).sum(axis=1)).astype(np.float32)
            norms[~np.isfinite(norms)] = 1  # no division by them: the row could not be restored
            if self.scales:
                self.parts.append(norms)
                yield Batch(batch.tokens, (wide / np.where(norms, norms, 1)[:, np.newaxis]).astype(np.float32))
            else:
                self._count(batch, norms)
                yield batch

    def _count(self, batch: Batch, norms: Vectors) -> None:
        others = np.flatnonzero((norms != 0) & (np.abs(norms - 1) > TOLERANCE))
        if len(others):
            token = batch.tokens[others[0] : others[0] + 1].data.tobytes().decode("utf-8", "replace")[:60]
            unit_rows = cure("unit-rows", f"{option(normalize=True)} stores rows of length 1, and their lengths")
            what = f"rows not of length 1, which finalfusion-python compares by their dot products; {unit_rows}"
            self.findings.add(what, repr(token), len(others))

    def packed(self) -> bytes:
        return np.concatenate(self.parts).astype("<f4").tobytes()


def write(path: str | Path, source: Source, options: WriteOptions = AS_IS) -> None:
    """Write a simple vocabulary and a matrix: rows unchanged, or with ``normalize`` of length 1, and their norms."""
    norms = _Norms(options.normalize, source.findings)
    source = source.through(norms.through)
    with (
        replacing(path, overwrite=options.overwrite) as file,
        spooled_rows(source, path, NAME, "float32") as (words, rows),
    ):
        for word in words:
            if not is_utf8(word):
                shown = word[:60].decode("utf-8", "replace")
                reason = (
                    f"the token {shown!r} is not UTF-8, which finalfusion requires; word2vec-bin or a store keeps it"
                )
                raise FormatError(path, reason, format=NAME)
        packed = b"".join(len(word).to_bytes(4, "little") + word for word in words)
        kinds = [WORDS, MATRIX, NORMS] if options.normalize else [WORDS, MATRIX]
        write_all(file, b"FiFu" + struct.pack(f"<II{len(kinds)}I", 0, len(kinds), *kinds))
        write_all(file, struct.pack("<IQQ", WORDS, 8 + len(packed), len(words)) + packed)
        padding = _padding(file.tell() + 4)
        size = 16 + padding + 4 * len(words) * source.dim
        write_all(file, struct.pack("<IQQII", MATRIX, size, len(words), source.dim, FLOAT32) + bytes(padding))
        while block := rows.read(BATCH_BYTES):
            write_all(file, block)
        if options.normalize:
            padding = _padding(file.tell())
            size = 12 + padding + 4 * len(words)
            write_all(file, struct.pack("<IQQI", NORMS, size, len(words), FLOAT32) + bytes(padding))
            write_all(file, norms.packed())
