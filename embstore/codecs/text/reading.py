"""Text of one token and its numbers a line: read in blocks, on all cores; the base of GloVe and word2vec text."""

from __future__ import annotations

import contextlib
import os
import re
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from threading import Event

from embstore.codecs.shared.line import count_numbers
from embstore.codecs.text.lines import SKIPPED, Block, Parsed, parse_block
from embstore.codecs.text.shape import SAMPLE, Shape, ends_in_returns
from embstore.core.batch import Batch, Findings, Source
from embstore.core.errors import FormatError
from embstore.core.options import OnError, Progress, ReadOptions
from embstore.files.input import Input
from embstore.files.stream import Stream

BLOCK = 1 << 21  # large enough that handing blocks around costs nothing, small enough to stay in the cache
MAX_LINE = 1 << 24
SLACK = 16  # what the kernel may read beyond a block
AHEAD = 3  # blocks read ahead for each core, so that none of them waits
RETURNS = (
    "lines that end in carriage returns alone, expected newlines: tr '\\r' '\\n' < old.txt > new.txt makes them so"
)


def read_text(
    source: Input,
    options: ReadOptions,
    progress: Progress | None,
    settle: Callable[[list[bytes]], Shape],
    name: str,
) -> Source:
    """Open text as a source.

    Parameters
    ----------
    settle
        Makes out the shape from the first lines; raises ValueError with the reason where it cannot.
    name
        The format's, for errors and provenance.
    """
    path, stream, findings = source.path, Stream(source, options.member), Findings()
    try:
        spare: list[bytearray] = []
        blocks = read_blocks(stream, name, findings, spare)
        first = next(blocks, None)
        if first is None:
            raise FormatError(path, "an empty file, expected a token and its numbers on each line", format=name)
        shape = _settled(first, path, settle, name)
    except BaseException:
        stream.close()
        raise
    reader = Reader(stream, shape, findings, name, spare)
    return Source(
        dim=shape.dim,
        batches=reader.batches(chain([first], blocks), options.on_error, progress),
        rows=shape.rows,
        estimate=first.data.count(b"\n", 0, first.stop) * stream.total // first.stop,
        findings=findings,
        provenance=lambda: {**stream.provenance(), "format": name},
    )


def _settled(first: Block, path: str | Path, settle: Callable[[list[bytes]], Shape], name: str) -> Shape:
    head = bytes(memoryview(first.data)[first.start : first.stop])
    lines = [line.rstrip(b" \t\r") for line in head.split(b"\n", SAMPLE)[:SAMPLE]]
    try:
        if len(lines) == 2 and ends_in_returns(lines[0]):  # a row of a file of one row may look so, in a file of more
            raise ValueError(RETURNS)
        shape = settle(lines)
        longest = max(map(count_numbers, lines[shape.header_lines :]), default=0)
        if shape.dim > longest:  # nothing is allocated on the word of a header
            raise ValueError(f"{longest} numbers on a line at most, expected {shape.dim} ({shape.origin})")
        return shape
    except ValueError as error:
        reason = str(error)
        if re.match(rb"\s*<(!doctype|html|\?xml)", head[:200], re.IGNORECASE):
            reason = "a web page, not vectors: the download went wrong, fetch the file again"
        raise FormatError(path, reason, where=1, format=name) from None


def read_blocks(stream: Stream, name: str, findings: Findings, spare: list[bytearray]) -> Iterator[Block]:
    """Cut a stream into blocks of whole lines, using up `spare` buffers: fresh memory costs more than reading."""
    rest, first, ended = b"", True, False
    while not ended:
        size = max(BLOCK, 2 * len(rest))
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
            if ends_in_returns(rest):
                raise FormatError(stream.path, RETURNS, where=1, format=name)
            reason = f"a line of more than {MAX_LINE >> 20} MB: not text of one row a line"
            raise FormatError(stream.path, reason, format=name)
        if stop:
            has_mark = first and data.startswith(b"\xef\xbb\xbf")
            if has_mark:
                findings.add("byte order mark dropped")
            yield Block(data, 3 if has_mark else 0, stop, stream.hashed)
            first = False


@contextlib.contextmanager
def _threads(workers: int) -> Iterator[tuple[ThreadPoolExecutor, Event]]:
    """Make threads, and the flag that tells them that their work is given up: set at the end, or by an error."""
    pool, given_up = ThreadPoolExecutor(workers), Event()
    try:
        yield pool, given_up
    finally:
        given_up.set()
        pool.shutdown(cancel_futures=True)


class Reader:
    """Parses blocks on all cores and yields their rows in order."""

    def __init__(self, stream: Stream, shape: Shape, findings: Findings, name: str, spare: list[bytearray]) -> None:
        self.stream, self.shape, self.findings, self.name, self.spare = stream, shape, findings, name, spare
        self.lines = self.rows = self.skipped = 0

    def batches(self, blocks: Iterator[Block], on_error: OnError, progress: Progress | None) -> Iterator[Batch]:
        """Yield the rows of all blocks; close the stream at the end."""
        workers = os.cpu_count() or 1
        pending: deque[tuple[Block, Future[Parsed]]] = deque()
        header_lines = self.shape.header_lines
        with self.stream, _threads(workers) as (pool, given_up):
            for block in blocks:
                parsed = pool.submit(parse_block, block, self.shape, on_error, header_lines, given_up)
                pending.append((block, parsed))
                header_lines = 0
                if progress:
                    progress(self.stream.position, self.stream.total)
                if len(pending) > AHEAD * workers:
                    yield from self._checked(*pending.popleft())
            while pending:
                yield from self._checked(*pending.popleft())
        self._check_count()

    def _check_count(self) -> None:
        """Raise FormatError where the header says another number of rows than there were, lines left out included."""
        found = self.rows + self.skipped
        if self.shape.rows in (None, found):
            return
        cure = f"; --limit {self.rows} reads what is there" if self.rows else ""
        reason = (
            f"the header says {self.shape.rows:,} rows, but {found:,} follow: the file is cut short or the header is "
            f"wrong{cure}"
        )
        raise FormatError(self.stream.path, reason, where=1, format=self.name)

    def _checked(self, block: Block, parsing: Future[Parsed]) -> Iterator[Batch]:
        """Yield the rows of a block before raising what ended it: a limit may lie before that line."""
        parsed = parsing.result()
        block.hashed.result()
        self.spare.append(block.data)
        for what, odd in parsed.odd.items():
            self.findings.add(what, f"line {self.lines + odd.first}", odd.count)
        self.rows += len(parsed.batch.tokens)
        self.skipped += parsed.odd[SKIPPED].count if SKIPPED in parsed.odd else 0
        yield parsed.batch
        if parsed.error:
            line, reason = parsed.error
            raise FormatError(self.stream.path, reason, where=self.lines + line, format=self.name)
        self.lines += parsed.lines
