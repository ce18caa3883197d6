"""Reading text with one token and its numbers per line; used by GloVe and word2vec text.

The file is cut into blocks of whole lines, which threads parse on all cores. Their rows are yielded in order.
"""

from __future__ import annotations

import contextlib
import os
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from operator import itemgetter
from pathlib import Path
from threading import Event
from typing import TypeAlias

from embstore.codecs.shared.line import SKIPPED
from embstore.codecs.text.first_lines import returns_alone, shape_of
from embstore.codecs.text.lines import Block, Parsed, parse_block
from embstore.codecs.text.shape import Shape, ends_in_returns
from embstore.codecs.text.words import Changed
from embstore.core.batch import Batch, Findings, Source
from embstore.core.cures import cure, option
from embstore.core.errors import FormatError
from embstore.core.limits import MAX_LINE
from embstore.core.options import OnError, Progress, ReadOptions
from embstore.files.input import Input
from embstore.files.stream import Stream

BLOCK = (
    1 << 21
)  # large enough that the cost of passing blocks between threads is small, small enough to stay in the cache
SLACK = 16  # bytes that the kernel may read beyond a block
MAX_GAPS = 100_000  # where rows and lines are counted differently, remembered to give line numbers
AHEAD = 3  # blocks read ahead per core, so that no core waits


class LineTooLongError(Exception):
    """A line of more than `MAX_LINE` bytes; the message does not say which."""


def read_text(
    source: Input,
    options: ReadOptions,
    progress: Progress | None,
    infer_shape: Callable[[list[bytes]], Shape],
    name: str,
) -> Source:
    """Open text as a source.

    Parameters
    ----------
    infer_shape
        Infers the shape from the first lines; raises ValueError with the reason if it cannot.
    name
        Name of the format, for errors and provenance.
    """
    path, stream, findings = source.path, Stream(source, options.member), Findings()
    try:
        spare: list[bytearray] = []
        blocks = read_blocks(stream, findings, spare)
        first = _first_block(blocks, path, name)
        shape = shape_of(first, path, infer_shape, name, options)
    except BaseException:
        stream.close()
        raise
    if shape.names:
        kept = cure("numbers-of-columns", f"{option(header=False)} keeps it as a row")
        findings.add(f"line with the numbers of the columns left out, {kept}", "line 1")
    reader = BlockReader(stream, shape, findings, name, spare)
    batches = reader.batches(chain([first], blocks), options.on_error, progress)
    if shape.wordless:
        from embstore.codecs.text.wordless import with_words

        batches = with_words(batches, source, options, findings, name)
    return Source(
        dim=shape.dim + shape.wordless,
        batches=batches,
        rows=shape.rows,
        estimate=first.data.count(b"\n", 0, first.stop) * stream.total // first.stop,
        findings=findings,
        provenance=lambda: {**stream.provenance(), "format": name},
        line_of=reader.line_of,
    )


def exact_words_cure() -> str:
    """Return how to keep what is taken off words."""
    return cure("exact-words", f"{option(exact_words=True)} keeps them")


def shown_word(word: bytes) -> str:
    """Return a word for a message."""
    return repr(word[:60].decode("utf-8", "replace"))


def _first_block(blocks: Iterator[Block], path: str | Path, name: str) -> Block:
    try:
        first = next(blocks, None)
    except LineTooLongError as error:
        raise FormatError(path, str(error), where=1, format=name) from None
    if first is None:
        raise FormatError(path, "an empty file, expected a token and its numbers on each line", format=name)
    return first


def read_blocks(stream: Stream, findings: Findings, spare: list[bytearray]) -> Iterator[Block]:
    """Cut a stream into blocks of whole lines, reusing the buffers in `spare`: new memory costs more than reading."""
    rest, first, ended = b"", True, False
    while not ended:
        size = max(BLOCK, min(2 * len(rest), MAX_LINE + BLOCK))
        data = spare.pop() if spare and len(spare[-1]) == size + 1 + SLACK else bytearray(size + 1 + SLACK)
        data[: len(rest)] = rest
        filled = len(rest) + stream.fill(memoryview(data)[len(rest) : size])
        ended = filled < size
        if ended and filled and data[filled - 1] != 10:
            findings.add("last line without a newline, perhaps cut short")
            data[filled] = 10
            filled += 1
        stop = data.rfind(b"\n", 0, filled) + 1
        rest = bytes(memoryview(data)[stop:filled])
        if len(rest) > MAX_LINE:
            long = f"a line of more than {MAX_LINE >> 20} MB: not text with one row per line"
            raise LineTooLongError(returns_alone(stream.path) if ends_in_returns(rest) else long)
        if stop:
            has_mark = first and data.startswith(b"\xef\xbb\xbf")
            if has_mark:
                findings.add("byte order mark dropped")
            yield Block(data, 3 if has_mark else 0, stop, stream.hashed)
            first = False


@contextlib.contextmanager
def _threads(workers: int) -> Iterator[tuple[ThreadPoolExecutor, Event]]:
    """Yield a thread pool and an event that cancels its work; the event is set at the end, also after an error."""
    pool, cancelled = ThreadPoolExecutor(workers), Event()
    try:
        yield pool, cancelled
    finally:
        cancelled.set()
        pool.shutdown(cancel_futures=True)


Pending: TypeAlias = "deque[tuple[Block, Future[Parsed]]]"


class BlockReader:
    """Parses blocks on all cores and yields their rows in order."""

    def __init__(self, stream: Stream, shape: Shape, findings: Findings, name: str, spare: list[bytearray]) -> None:
        self.stream, self.shape, self.findings, self.name, self.spare = stream, shape, findings, name, spare
        self.lines = self.rows = self.skipped = 0
        self.odd: dict[str, Changed] = {}
        self.gaps: list[tuple[int, int]] = []

    def line_of(self, row: int) -> int:
        """Return the line of a row, both from 1; in a file with more than `MAX_GAPS` gaps, that of a line before."""
        place = bisect_right(self.gaps, row - 1, key=itemgetter(0))
        return row + (self.gaps[place - 1][1] if place else 0)

    def batches(self, blocks: Iterator[Block], on_error: OnError, progress: Progress | None) -> Iterator[Batch]:
        """Yield the rows of all blocks; the stream is closed at the end."""
        workers = os.cpu_count() or 1
        pending: Pending = deque()
        header_lines = self.shape.header_lines
        with self.stream, _threads(workers) as (pool, cancelled):
            while block := (yield from self._next(blocks, pending)):
                parsed = pool.submit(parse_block, block, self.shape, on_error, header_lines, cancelled)
                pending.append((block, parsed))
                header_lines = 0
                if progress:
                    progress(self.stream.position, self.stream.total)
                if len(pending) > AHEAD * workers:
                    yield from self._checked(*pending.popleft())
            yield from self._all(pending)
        self._check_count()
        for what, odd in self.odd.items():
            if 2 * odd.count > self.rows > 1:
                self.findings.add(f"{what}, perhaps no part of them", shown_word(odd.first), odd.count)

    def _next(self, blocks: Iterator[Block], pending: Pending) -> Generator[Batch, None, Block | None]:
        """Return the next block; if there is an error in its place, yield the rows before it, then raise the error."""
        try:
            return next(blocks, None)
        except LineTooLongError as error:
            yield from self._all(pending)
            raise FormatError(self.stream.path, str(error), where=self.lines + 1, format=self.name) from None
        except FormatError:
            yield from self._all(pending)
            raise

    def _all(self, pending: Pending) -> Iterator[Batch]:
        while pending:
            yield from self._checked(*pending.popleft())

    def _check_count(self) -> None:
        """Raise FormatError if the header states a wrong number of rows; unreadable lines left out count as rows."""
        found = self.rows + self.skipped
        if self.shape.rows in (None, found):
            return
        known = cure("fewer-rows", f"{option(limit=self.rows)} reads the rows it has") if self.rows else ""
        reason = (
            f"the header says {self.shape.rows:,} rows, but {found:,} follow: the file is cut short or the header is "
            f"wrong{f'; {known}' * bool(known)}"
        )
        raise FormatError(self.stream.path, reason, where=1, format=self.name)

    def _checked(self, block: Block, parsing: Future[Parsed]) -> Iterator[Batch]:
        """Yield the rows of a block, then raise its error, if any: with a limit, the caller may stop before that."""
        parsed = parsing.result()
        block.hashed.result()
        self.spare.append(block.data)
        for reason, left_out in parsed.left_out.items():
            found = [f"line {self.lines + line}: {why}" for line, why in left_out.found]
            self.findings.add(reason, f"line {self.lines + left_out.first}", left_out.count, found)
        if len(self.gaps) < MAX_GAPS:
            others = self.lines - self.rows
            self.gaps += [(self.rows + row, others + lines) for row, lines in parsed.gaps]
        for what, changed in parsed.changed.items():
            self.findings.add(f"{what} taken off, {exact_words_cure()}", shown_word(changed.first), changed.count)
        for what, odd in parsed.odd.items():
            self.odd.setdefault(what, Changed(odd.first)).count += odd.count
        self.rows += len(parsed.batch.tokens)
        self.skipped += parsed.left_out[SKIPPED].count if SKIPPED in parsed.left_out else 0
        yield parsed.batch
        if parsed.error:
            line, reason = parsed.error
            raise FormatError(self.stream.path, reason, where=self.lines + line, format=self.name)
        self.lines += parsed.lines
