"""The header of the word2vec formats, ``rows dim``: written before rows that are counted as they go out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

from embstore.core.batch import Source
from embstore.core.errors import FormatError
from embstore.files.atomic import write_all

BLOCK = 1 << 20


class CountedHeader:
    """A header line that is right in the end, as short as other tools write it.

    Parameters
    ----------
    file
        Open for reading and writing, empty.
    source
        Its `rows` is a guess: repeated tokens may yet be dropped.
    """

    def __init__(self, file: IO[bytes], source: Source) -> None:
        self.file, self.dim = file, source.dim
        self.guess = self._line(source.rows or 0)
        write_all(file, self.guess)

    def _line(self, rows: int) -> bytes:
        return f"{rows} {self.dim}\n".encode()

    def settle(self, rows: int, path: str | Path, name: str) -> None:
        """Write the true header; FormatError where there are no rows. What follows moves if the length changes."""
        if not rows:
            raise FormatError(path, "no rows to write: the input holds none, or all were left out", format=name)
        line = self._line(rows)
        self._move(len(self.guess), len(line) - len(self.guess))
        self.file.seek(0)
        write_all(self.file, line)

    def _move(self, start: int, by: int) -> None:
        """Move all from `start` to the end of the file, from the end that no unread byte is overwritten at."""
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
        while len(block) < size:  # an unbuffered file may give less at a time
            block += self.file.read(size - len(block))
        return block
