"""What a codec offers: a module of a family has ``read``, ``write`` or both, as these protocols say."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from embstore.core.batch import Source
from embstore.core.options import AS_IS, Progress, ReadOptions, WriteOptions
from embstore.files.input import Input


class Reader(Protocol):
    """A module that reads a format."""

    def read(self, source: Input, options: ReadOptions, progress: Progress | None = None) -> Source:
        """Read a file as a source of rows.

        Parameters
        ----------
        source
            The file or folder, open. All other files of the table are opened by `Input.beside` before this returns,
            so that the caller can check that none was replaced in between.
        options
            Those that the format's line in the table names; the others have their defaults.
        progress
            Called with bytes read and bytes in all while the rows are consumed.

        Raises
        ------
        FormatError
            Where the file is damaged or holds no table of embeddings; while the rows are consumed too.
        """


class Writer(Protocol):
    """A module that writes a format."""

    def write(self, path: str | Path, source: Source, options: WriteOptions = AS_IS) -> None:
        """Write all rows of a source, whole or not at all.

        Parameters
        ----------
        path
            Appears when all is written.
        source
            Its tokens are distinct, unless the format's line in the table says `keeps_last`.
        options
            The choices that the format's line in the table names; the others have their defaults.

        Raises
        ------
        FormatError
            Where there are no rows, or the format cannot hold one of them.
        """
