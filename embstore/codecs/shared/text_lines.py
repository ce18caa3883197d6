"""The lines of a stream as text, for readers that take lines: csv and json."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO

from embstore.core.batch import Findings
from embstore.core.errors import FormatError
from embstore.core.limits import MAX_LINE
from embstore.files.stream import Stream

BLOCK = 1 << 20
BOM = b"\xef\xbb\xbf"


class TextLines:
    """The lines of a stream, each with its newline; only LF ends a line. Bytes that are not UTF-8 become surrogates.

    Parameters
    ----------
    stream
        Read in blocks.
    findings
        Notes a byte order mark, which is dropped, and a last line without a newline.
    name
        Name of the format, for errors.

    Attributes
    ----------
    head
        The first lines, about a megabyte at most unless the first line is longer; empty for an empty file.
    """

    def __init__(self, stream: Stream, findings: Findings, name: str) -> None:
        self._stream, self._findings, self._name = stream, findings, name
        self._blocks = self._read()
        self._count = 0
        self.head = next(self._blocks, "")

    def __iter__(self) -> Iterator[str]:
        yield from self._lines(self.head)
        for block in self._blocks:
            yield from self._lines(block)

    def _lines(self, block: str) -> Iterator[str]:
        for line in StringIO(block, newline="\n"):
            self._count += 1
            yield line

    def _read(self) -> Iterator[str]:
        """Yield blocks of whole lines."""
        rest, first, ended = b"", True, False
        while not ended:
            buffer = bytearray(BLOCK)  # hashed while its lines are read, so each block has its own
            filled = self._stream.fill(memoryview(buffer))
            ended = filled < BLOCK
            data = rest + memoryview(buffer)[:filled]
            stop = len(data) if ended else data.rfind(b"\n") + 1
            text, rest = data[:stop], data[stop:]
            if first and text.startswith(BOM):
                self._findings.add("byte order mark dropped")
                text = text[len(BOM) :]
            if ended and text and not text.endswith(b"\n"):
                self._findings.add("last line without a newline, perhaps cut short")
            if text:
                yield text.decode("utf-8", "surrogateescape")
                first = False
            if len(rest) > MAX_LINE:
                reason = f"a line of more than {MAX_LINE >> 20} MB: not a table with one row per line"
                raise FormatError(self._stream.path, reason, where=self._count + 1, format=self._name)
