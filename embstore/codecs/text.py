"""Text of one token and its numbers a line: read in blocks, on all cores; the base of GloVe and word2vec text."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from pathlib import Path

from embstore.batch import Batch, Findings, OnError, Progress, ReadOptions, Source
from embstore.codecs.lines import SKIPPED, Block, Parsed, Shape, count_numbers, parse_block
from embstore.errors import FormatError
from embstore.inputs import Input

BLOCK = 1 << 21  # large enough that handing blocks around costs nothing, small enough to stay in the cache
MAX_LINE = 1 << 24
SLACK = 16  # what the kernel may read beyond a block
AHEAD = 3  # blocks read ahead for each core, so that none of them waits
SAMPLE = 100  # lines that settle the dimension


def read_text(
    path: str | Path,
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
    stream, findings = Input(path, options.member), Findings()
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


def read_blocks(stream: Input, name: str, findings: Findings, spare: list[bytearray]) -> Iterator[Block]:
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
            raise FormatError(
                stream.path, f"a line of more than {MAX_LINE >> 20} MB: not text of one row a line", format=name
            )
        if stop:
            has_mark = first and data.startswith(b"\xef\xbb\xbf")
            if has_mark:
                findings.add("byte order mark dropped")
            yield Block(data, 3 if has_mark else 0, stop, stream.hashed)
            first = False


class Reader:
    """Parses blocks on all cores and yields their rows in order."""

    def __init__(self, stream: Input, shape: Shape, findings: Findings, name: str, spare: list[bytearray]) -> None:
        self.stream, self.shape, self.findings, self.name, self.spare = stream, shape, findings, name, spare
        self.lines = self.rows = 0

    def batches(self, blocks: Iterator[Block], on_error: OnError, progress: Progress | None) -> Iterator[Batch]:
        """Yield the rows of all blocks; close the stream at the end."""
        workers = os.cpu_count() or 1
        pending: deque[tuple[Block, Future[Parsed]]] = deque()
        header_lines = self.shape.header_lines
        with self.stream, ThreadPoolExecutor(workers) as pool:
            for block in blocks:
                parsed = pool.submit(parse_block, block, self.shape, on_error, header_lines)
                pending.append((block, parsed))
                header_lines = 0
                if progress:
                    progress(self.stream.position, self.stream.total)
                if len(pending) > AHEAD * workers:
                    yield from self._checked(*pending.popleft())
            while pending:
                yield from self._checked(*pending.popleft())
        if self.shape.rows not in (None, self.rows):
            reason = (
                f"the header says {self.shape.rows:,} rows, but {self.rows:,} follow: the file is cut short or the "
                "header is wrong; --no-header with --on-error skip reads what is there"
            )
            raise FormatError(self.stream.path, reason, where=1, format=self.name)

    def _checked(self, block: Block, parsing: Future[Parsed]) -> Iterator[Batch]:
        """Yield the rows of a block before raising what ended it: a limit may lie before that line."""
        parsed = parsing.result()
        block.hashed.result()
        self.spare.append(block.data)
        for line, what in parsed.odd:
            self.findings.add(what, f"line {self.lines + line}")
        self.rows += len(parsed.batch.tokens) + sum(what == SKIPPED for _, what in parsed.odd)
        yield parsed.batch
        if parsed.error:
            line, reason = parsed.error
            raise FormatError(self.stream.path, reason, where=self.lines + line, format=self.name)
        self.lines += parsed.lines
