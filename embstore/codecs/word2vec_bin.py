"""word2vec binary: a header, then a token, a space and its little-endian float32 (formats/word2vec-bin/SPEC.md)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from embstore.atomic import replacing, write_all
from embstore.batch import Batch, Ints, Progress, ReadOptions, Source, Tokens, Vectors
from embstore.codecs.counted import CountedHeader
from embstore.codecs.magic import WORD2VEC_HEADER
from embstore.dtypes import bytes_of, encode_rows
from embstore.errors import FormatError
from embstore.inputs import Input, first_bytes
from embstore.unpacking import is_compressed

NAME = "word2vec-bin"
BLOCK = 1 << 20
MAX_DIM = 1 << 22  # rows of 16 MB
MAX_TOKEN = 1 << 20
NEWLINE = 10


def read(path: str | Path, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read word2vec binary, plain, compressed or in a zip; with a newline behind each row or without."""
    stream = Input(path, options.member)
    try:
        reader = _Reader.open(stream, is_compressed(first_bytes(path, 8)))
    except BaseException:
        stream.close()
        raise
    return Source(
        dim=reader.dim,
        batches=reader.batches(progress),
        rows=reader.rows,
        provenance=lambda: {**stream.provenance(), "format": NAME},
    )


@dataclass(slots=True)
class _Reader:
    """Reads blocks and yields the rows that are whole.

    Attributes
    ----------
    rest
        What has been read and not yet yielded.
    done
        Rows yielded.
    newlines
        Whether rows end in a newline; None before the second row tells.
    """

    stream: Input
    rows: int
    dim: int
    rest: bytes
    done: int = 0
    newlines: bool | None = None

    @classmethod
    def open(cls, stream: Input, packed: bool) -> _Reader:
        head = bytearray(64)
        del head[stream.fill(memoryview(head)[:]) :]
        found = WORD2VEC_HEADER.match(head)
        if not found:
            raise FormatError(stream.path, "no header, rows and dim in decimal and a newline", where=1, format=NAME)
        rows, dim = map(int, found.groups())
        if not rows or not 0 < dim <= MAX_DIM:
            reason = f"the header says {rows:,} rows of {dim:,} numbers, expected at least a row, of 1 to {MAX_DIM:,}"
            raise FormatError(stream.path, reason, where=1, format=NAME)
        least = found.end() + rows * (1 + 4 * dim)
        if not packed and least > stream.total:
            raise FormatError(
                stream.path,
                f"the header says {rows:,} rows of {dim:,} numbers, which take {least:,} bytes at least, but the file "
                f"has {stream.total:,}: it is cut short or the header is wrong",
                where=1,
                format=NAME,
            )
        return cls(stream, rows, dim, bytes(head[found.end() :]))

    def batches(self, progress: Progress | None) -> Iterator[Batch]:
        """Yield all rows; close the stream at the end."""
        with self.stream:
            ended = False
            while not ended:
                size = max(BLOCK, 2 * len(self.rest))
                data = bytearray(size)
                data[: len(self.rest)] = self.rest
                filled = len(self.rest) + self.stream.fill(memoryview(data)[len(self.rest) :])
                ended = filled < size
                yield from self._whole_rows(data, filled)
                if self.done == self.rows and self.rest not in (b"", b"\n"):
                    reason = f"goes on behind row {self.rows:,}, the last by its header: the header is wrong"
                    raise FormatError(self.stream.path, reason, format=NAME)
                if progress:
                    progress(self.stream.position, self.stream.total)
            if self.done < self.rows:
                reason = f"ends in row {self.done + 1:,} of {self.rows:,}: it is cut short or the header is wrong"
                raise FormatError(self.stream.path, reason, format=NAME)

    def _whole_rows(self, data: bytearray, filled: int) -> Iterator[Batch]:
        row_bytes = 4 * self.dim
        ends = _token_ends(data, filled, row_bytes, self.rows - self.done)
        stop = int(ends[-1]) + 1 + row_bytes if len(ends) else 0
        self.rest = bytes(memoryview(data)[stop:filled])
        if len(ends):
            starts = np.concatenate(([0], ends[:-1] + (1 + row_bytes)))
            text = np.frombuffer(data, np.uint8)
            starts += self._newlines_at(text[starts] == NEWLINE)
            tokens = _gathered(text, starts, ends)
            self.done += len(ends)
            yield Batch(tokens, _vectors_at(data, ends + 1, self.dim))
        if self.done < self.rows and len(self.rest) > MAX_TOKEN and b" " not in self.rest[:MAX_TOKEN]:
            reason = f"no space within {MAX_TOKEN:,} bytes, where row {self.done + 1:,} begins: not word2vec binary"
            raise FormatError(self.stream.path, reason, format=NAME)

    def _newlines_at(self, found: Vectors) -> Vectors:
        """Of the rows of a block, those that a newline stands before, which is not the token's."""
        first = int(self.done == 0)  # nothing stands before the first row
        if self.newlines is None and len(found) > first:
            self.newlines = bool(found[first])
        between = np.ones(len(found), bool)
        between[:first] = False
        if not self.newlines:
            return np.zeros(len(found), bool)
        if not found[first:].all():
            row = self.done + first + int(np.argmin(found[first:]))
            reason = f"no newline between rows {row:,} and {row + 1:,}, as between those before: the file is damaged"
            raise FormatError(self.stream.path, reason, format=NAME)
        return between


def _token_ends(data: bytearray, stop: int, row_bytes: int, most: int) -> Ints:
    """Return where the spaces behind the tokens are, (rows,), of the rows that are whole in data[:stop]."""
    ends: list[int] = []
    find, append, last, position = data.find, ends.append, max(0, stop - row_bytes), 0
    while most:
        end = find(b" ", position, last)
        if end < 0:
            break
        append(end)
        position = end + 1 + row_bytes
        most -= 1
    return np.array(ends, np.int64)


def _gathered(text: Vectors, starts: Ints, ends: Ints) -> Tokens:
    """Copy the tokens out of a block."""
    offsets = np.zeros(len(ends) + 1, np.int64)
    np.cumsum(ends - starts, out=offsets[1:])
    places = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], ends - starts)
    return Tokens(text[places], offsets)


def _vectors_at(data: bytearray, starts: Ints, dim: int) -> Vectors:
    """Copy the rows that begin at any byte of a block: (rows, dim) float32."""
    row = np.dtype(f"V{4 * dim}")
    everywhere: Vectors = np.ndarray(len(data) - row.itemsize + 1, row, data, strides=(1,))
    return everywhere[starts].view("<f4").reshape(-1, dim)


def write(path: str | Path, source: Source) -> None:
    """Write word2vec binary without newlines between rows, as GoogleNews and gensim have it, whole or not at all."""
    with replacing(path) as file:
        header = CountedHeader(file, source)
        rows = 0
        for batch in source.batches:
            write_all(file, _rows(batch, path))
            rows += len(batch.tokens)
        header.settle(rows, path, NAME)


def _rows(batch: Batch, path: str | Path) -> bytes:
    tokens = batch.tokens.to_bytes()
    for token in tokens:
        if b" " in token or token.startswith(b"\n") or len(token) >= MAX_TOKEN:
            shown = token[:60].decode("utf-8", "replace")
            reason = f"the token {shown!r} would not read back: a space ends a token here; a store keeps it"
            raise FormatError(path, reason, format=NAME)
    vectors = encode_rows(batch.vectors, "float32")
    data, row_bytes = bytes_of(vectors), 4 * vectors.shape[1]
    pieces: list[bytes | memoryview] = []
    for row, token in enumerate(tokens):
        pieces += (token, b" ", data[row * row_bytes : (row + 1) * row_bytes])
    return b"".join(pieces)
