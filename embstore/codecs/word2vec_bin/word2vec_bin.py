"""word2vec binary: a header, then per row a token, a space and little-endian float32 (formats/word2vec-bin/SPEC.md)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from embstore.codecs.registry.detection import check_written
from embstore.codecs.registry.magic import WORD2VEC_HEADER
from embstore.codecs.shared.counted import CountedHeader
from embstore.codecs.word2vec_bin.blanks import CONTROL, BlankDetector
from embstore.core import kernels
from embstore.core.batch import Batch, Bytes, Ints, Source, Tokens, Vectors
from embstore.core.dtypes import bytes_of, encode_rows
from embstore.core.errors import FormatError
from embstore.core.limits import MAX_DIM, MAX_TOKEN
from embstore.core.options import AS_IS, Progress, ReadOptions, WriteOptions
from embstore.files.atomic import replacing, write_all
from embstore.files.input import Input
from embstore.files.stream import Stream
from embstore.files.unpacking import is_compressed

NAME = "word2vec-bin"
BLOCK = 1 << 20
NEWLINE = 10


def read(source: Input, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read word2vec binary, plain, compressed or in a zip; with or without a newline after each row."""
    stream = Stream(source, options.member)
    try:
        reader = _Reader.open(stream, is_compressed(source.head(8)))
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
    """Reads blocks and yields the complete rows.

    Attributes
    ----------
    rest
        Bytes that were read and not yet yielded: an incomplete row.
    done
        Number of rows yielded.
    newlines
        Whether rows end in a newline; None until the byte after the first row was read.
    blanks
        Detects tokens with blanks.
    """

    stream: Stream
    rows: int
    dim: int
    rest: bytes
    done: int = 0
    newlines: bool | None = None
    blanks: BlankDetector = field(default_factory=BlankDetector)

    @classmethod
    def open(cls, stream: Stream, packed: bool) -> _Reader:
        buffer = bytearray(64)
        head = bytes(
            buffer[: stream.fill(memoryview(buffer))]
        )  # a copy, since a thread may still be hashing the buffer
        found = WORD2VEC_HEADER.match(head)
        if not found:
            raise FormatError(
                stream.path, "no header, expected rows and dim in decimal and a newline", where=1, format=NAME
            )
        rows, dim = map(int, found.groups())
        if not rows or not 0 < dim <= MAX_DIM:
            reason = f"the header says {rows:,} rows of {dim:,} numbers, expected at least 1 row of 1 to {MAX_DIM:,}"
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
        return cls(stream, rows, dim, head[found.end() :])

    def batches(self, progress: Progress | None) -> Iterator[Batch]:
        """Yield all rows; the stream is closed at the end."""
        with self.stream:
            ended = False
            while not ended:
                size = max(BLOCK, 2 * len(self.rest))
                data = np.empty(size, np.uint8)
                data[: len(self.rest)] = np.frombuffer(self.rest, np.uint8)
                filled = len(self.rest) + self.stream.fill(data.data[len(self.rest) :])
                ended = filled < size
                yield from self._complete_rows(data, filled)
                if self.done == self.rows and self.rest not in (b"", b"\n"):
                    reason = f"bytes follow row {self.rows:,}, the last row by the header: the header is wrong"
                    raise FormatError(self.stream.path, reason, format=NAME)
                if progress:
                    progress(self.stream.position, self.stream.total)
            if self.done < self.rows:
                reason = f"ends in row {self.done + 1:,} of {self.rows:,}: it is cut short or the header is wrong"
                raise FormatError(self.stream.path, reason, format=NAME)

    def _complete_rows(self, data: Bytes, filled: int) -> Iterator[Batch]:
        split = _Split.of(data, filled, min(self.rows - self.done, filled // (1 + 4 * self.dim)), self.dim)
        if not self.done:
            split.copy_rows(1, newlines=False)  # no newline precedes the first row
        if self.newlines is None and self.done + split.row and split.position < filled:
            self.newlines = int(data[split.position]) == NEWLINE
        if self.newlines is not None:
            split.copy_rows(len(split.vectors), newlines=self.newlines)
        self.rest = data[split.position : filled].tobytes()
        if split.row:
            batch = split.batch()
            self._check_tokens(batch)
            self.done += split.row
            yield batch
        if self.done < self.rows:
            self._check_rest()

    def _check_tokens(self, batch: Batch) -> None:
        """Refuse tokens that are too long, or begin with bytes of numbers because a blank ended the last one."""
        tokens, torn = batch.tokens, self.blanks.find(batch)
        if torn is not None:
            shown = tokens[torn : torn + 1].data.tobytes()[:40]
            reason = (
                f"the token {shown!r} of row {self.done + torn + 1:,} has bytes of numbers: the token before it has a "
                "blank, which ends tokens in this format; from the program that has the table, write it in another "
                "format, or with underscores in place of blanks"
            )
            raise FormatError(self.stream.path, reason, format=NAME)
        if len(tokens.data) <= MAX_TOKEN:
            return
        sizes = np.diff(tokens.offsets)
        if sizes.max() > MAX_TOKEN:
            row = int(np.argmax(sizes > MAX_TOKEN))
            reason = f"a token of {sizes[row]:,} bytes in row {self.done + row + 1:,}, expected {MAX_TOKEN:,} at most"
            raise FormatError(self.stream.path, reason, format=NAME)

    def _check_rest(self) -> None:
        """Raise FormatError if no row can follow, so that reading a wrong file ends early."""
        row = self.done + 1
        if self.newlines and self.rest and self.rest[0] != NEWLINE:
            reason = f"no newline between rows {row - 1:,} and {row:,}, unlike the rows before: the file is damaged"
            raise FormatError(self.stream.path, reason, format=NAME)
        if len(self.rest) > MAX_TOKEN and b" " not in self.rest[:MAX_TOKEN]:
            reason = f"no space in the first {MAX_TOKEN:,} bytes of row {row:,}: not word2vec binary"
            raise FormatError(self.stream.path, reason, format=NAME)


@dataclass(slots=True)
class _Split:
    """The rows that are copied out of a block, split into tokens and vectors.

    Attributes
    ----------
    position
        Where the next row begins in `data`.
    row
        Number of rows copied so far.
    """

    data: Bytes
    stop: int
    vectors: Vectors
    token_data: Bytes
    token_offsets: Ints
    position: int = 0
    row: int = 0

    @classmethod
    def of(cls, data: Bytes, stop: int, most: int, dim: int) -> _Split:
        return cls(data, stop, np.empty((most, dim), "<f4"), np.empty(stop, np.uint8), np.zeros(most + 1, np.int64))

    def copy_rows(self, most: int, *, newlines: bool) -> None:
        """Copy rows until `most` rows are copied in total or the block has no further complete row."""
        rows = self.vectors[:most].view(np.uint8)
        self.position, self.row = kernels.split_rows(
            self.data, self.position, self.stop, newlines, rows, self.token_data, self.token_offsets, self.row
        )

    def batch(self) -> Batch:
        offsets = self.token_offsets[: self.row + 1]
        return Batch(Tokens(self.token_data[: offsets[-1]], offsets), self.vectors[: self.row])


def write(path: str | Path, source: Source, options: WriteOptions = AS_IS) -> None:
    """Write word2vec binary without newlines between rows, like GoogleNews and gensim.

    On an error nothing is written.
    """
    with replacing(path, overwrite=options.overwrite) as file:
        header, blanks = CountedHeader(file, source), BlankDetector()
        rows = 0
        for batch in source.batches:
            encoded = Batch(batch.tokens, encode_rows(batch.vectors, "float32"))
            _check_reads_back(encoded, blanks, path)
            write_all(file, _rows(encoded))
            rows += len(batch.tokens)
        header.finish(rows, path, NAME)
        check_written(file, path, NAME)


def _check_reads_back(batch: Batch, blanks: BlankDetector, path: str | Path) -> None:
    """Raise FormatError for the first token that a reader would change or refuse."""
    tokens = batch.tokens.to_bytes()
    reasons = (
        (lambda token: len(token) >= MAX_TOKEN, "tokens are limited to 1 MB"),
        (lambda token: b" " in token or token.startswith(b"\n"), "in this format a space ends a token"),
        (
            lambda token: CONTROL[np.frombuffer(token, np.uint8)].any(),
            "it has control characters",
        ),
    )
    for is_wrong, ends in reasons if CONTROL[batch.tokens.data].any() else reasons[:2]:
        wrong = next(filter(is_wrong, tokens), None)
        if wrong is not None:
            raise _would_not_read_back(wrong, ends, path)
    torn = blanks.find(batch)
    if torn is not None:
        raise _would_not_read_back(tokens[torn], "it looks like the rest of a row whose token has a blank", path)


def _would_not_read_back(token: bytes, why: str, path: str | Path) -> FormatError:
    shown = token[:60].decode("utf-8", "replace")
    return FormatError(path, f"the token {shown!r} would not read back: {why}; a store keeps it", format=NAME)


def _rows(batch: Batch) -> bytes:
    data, row_bytes = bytes_of(batch.vectors), 4 * batch.vectors.shape[1]
    pieces: list[bytes | memoryview] = []
    for row, token in enumerate(batch.tokens.to_bytes()):
        pieces += (token, b" ", data[row * row_bytes : (row + 1) * row_bytes])
    return b"".join(pieces)
