"""Files that are written compressed because their suffix says so: gzip, bzip2, xz and zstd.

The bytes depend on the content alone: no time and no name is written into them.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Protocol, cast

from embstore.core.errors import MissingDependencyError
from embstore.files.atomic import replacing, write_all

BLOCK = 1 << 20


class Compressor(Protocol):
    """A file object that compresses what is written to it."""

    def write(self, data: bytes, /) -> int:
        """Compress bytes."""

    def close(self) -> None:
        """Write the end of the compressed data; the file that it is written to stays open."""


def _gzip(file: IO[bytes]) -> Compressor:
    import gzip

    return cast("Compressor", gzip.GzipFile("", "wb", 6, file, mtime=0))


def _bzip2(file: IO[bytes]) -> Compressor:
    import bz2

    return cast("Compressor", bz2.BZ2File(file, "wb"))


def _xz(file: IO[bytes]) -> Compressor:
    import lzma

    return cast("Compressor", lzma.LZMAFile(file, "wb"))


def _zstd(file: IO[bytes]) -> Compressor:
    if sys.version_info >= (3, 14):
        from compression import zstd

        return cast("Compressor", zstd.ZstdFile(file, "wb"))
    from embstore.files.zstd import compressor

    return compressor(file)


COMPRESSORS: dict[str, Callable[[IO[bytes]], Compressor]] = {
    ".gz": _gzip,
    ".bz2": _bzip2,
    ".xz": _xz,
    ".zst": _zstd,
}
"""What compresses a file with this suffix."""


def names_compression(path: str | Path) -> bool:
    """Return whether the suffix of a path is that of compressed files."""
    return Path(path).suffix.lower() in COMPRESSORS


@contextlib.contextmanager
def replacing_text(path: str | Path, *, overwrite: bool = True) -> Iterator[IO[bytes]]:
    """Open a file as `replacing` does, which is compressed at the end if the suffix says so.

    Then an unnamed temporary file is yielded, in the folder of `path`: it can be read and changed until it is complete.

    Raises
    ------
    MissingDependencyError
        If the package that compresses is not installed.
    """
    if not names_compression(path):
        with replacing(path, overwrite=overwrite) as target:
            yield target
        return
    suffix = Path(path).suffix.lower()
    _check_installed(suffix)
    with replacing(path, overwrite=overwrite) as target, _unnamed_file(Path(path).parent) as text:
        yield text
        text.seek(0)
        with contextlib.closing(COMPRESSORS[suffix](cast("IO[bytes]", _Whole(target)))) as compressor:
            while block := text.read(BLOCK):
                compressor.write(block)


def _unnamed_file(folder: Path) -> contextlib.AbstractContextManager[IO[bytes]]:
    import tempfile  # here: reading text starts faster without

    return cast("contextlib.AbstractContextManager[IO[bytes]]", tempfile.TemporaryFile(dir=folder, buffering=0))


def _check_installed(suffix: str) -> None:
    """Raise MissingDependencyError before anything is read, if a package is missing."""
    if suffix == ".zst" and sys.version_info < (3, 14):
        try:
            import embstore.files.zstd  # noqa: F401
        except ImportError:
            raise MissingDependencyError("zstandard", "a .zst file") from None


class _Whole:
    """An unbuffered file whose `write` writes all bytes, as compressors expect."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, data: bytes) -> int:
        write_all(self._file, data)
        return len(data)

    def flush(self) -> None:
        """Do nothing: nothing is buffered."""
