"""The protocols of codec modules: `Reader` for those with ``read``, `Writer` for those with ``write``."""

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
            The open file or folder. All other files of the table are opened by `Input.beside` before this returns, so
            that the caller can check that none was replaced in the meantime.
        options
            Only the options that the format's `Codec.options` lists may differ from their defaults.
        progress
            Called with the bytes read so far and the size in bytes, while the rows are consumed.

        Raises
        ------
        FormatError
            If the file is damaged or has no table of embeddings; also while the rows are consumed.
        """


class Writer(Protocol):
    """A module that writes a format."""

    def write(self, path: str | Path, source: Source, options: WriteOptions = AS_IS) -> None:
        """Write all rows of a source; on an error nothing is written.

        Parameters
        ----------
        path
            The file or folder to write; it appears, or is replaced, only when everything is written.
        source
            Its tokens are distinct, unless the format's `Codec.keeps_last` is True.
        options
            Only the options that the format's `Codec.choices` lists may differ from their defaults.

        Raises
        ------
        FormatError
            If there are no rows, or if the format cannot store one of them.
        """
