"""The header of the word2vec formats, ``rows dim``, for a number of rows that is known only after writing them.

A provisional header is written first and corrected at the end; the rows are moved if its length changes.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

from embstore.core.batch import Source
from embstore.core.errors import FormatError
from embstore.files.atomic import write_all

BLOCK = 1 << 20


class CountedHeader:
    """A header line that is corrected at the end, without padding.

    Parameters
    ----------
    file
        Open for reading and writing, empty.
    source
        Its `rows` is an estimate: repeated tokens may still be dropped.
    """

    def __init__(self, file: IO[bytes], source: Source) -> None:
        self.file, self.dim = file, source.dim
        self.provisional = self._line(source.rows or 0)
        write_all(file, self.provisional)

    def _line(self, rows: int) -> bytes:
        return f"{rows} {self.dim}\n".encode()

    def finish(self, rows: int, path: str | Path, name: str) -> None:
        """Write the correct header, moving the rows if its length changes; FormatError if there are no rows."""
        if not rows:
            raise FormatError(path, "no rows to write: the input holds none, or all were left out", format=name)
        line = self._line(rows)
        self._move(len(self.provisional), len(line) - len(self.provisional))
        self.file.seek(0)
        write_all(self.file, line)

    def _move(self, start: int, by: int) -> None:
        """Move everything after `start` by some bytes, in an order that overwrites no byte before it is read."""
        stop = self.file.seek(0, os.SEEK_END)
        places = range(start, stop, BLOCK)
        for place in places if by < 0 else reversed(places) if by else ():
            self.file.seek(place)
            block = self._read(min(BLOCK, stop - place))
            self.file.seek(place + by)
            write_all(self.file, block)
        self.file.truncate(stop + by)

    def _read(self, size: int) -> bytes:
        block = b""
        while len(block) < size:  # an unbuffered file may return less than requested
            block += self.file.read(size - len(block))
        return block
