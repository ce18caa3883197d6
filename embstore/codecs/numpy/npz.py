"""Reads and writes NumPy's .npz as a stream: a zip with a matrix and an array of words (formats/npz/SPEC.md)."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from embstore.codecs.shared.array import array_source, check_matrix, format_error, native_rows, vector_descr
from embstore.codecs.shared.matrix import BATCH_BYTES, Origin, matrix_source, rows_in_batch
from embstore.codecs.shared.npy_array import ArrayHeader, build_header, read_array_header
from embstore.codecs.shared.spool import spooled_rows
from embstore.codecs.shared.word_list import WordList
from embstore.codecs.shared.word_list_files import check_word_list, load_word_list
from embstore.core.batch import Source, Tokens, Vectors
from embstore.core.dtypes import bytes_of
from embstore.core.errors import EmbstoreError, FormatError
from embstore.core.options import AS_IS, Progress, ReadOptions, WriteOptions
from embstore.files.atomic import replacing
from embstore.files.input import Input
from embstore.files.unpacking import check_not_encrypted

NAME = "npz"
MAX_RATIO = 200  # of decompressed to compressed bytes: embeddings hardly compress
SAFE_BYTES = 1 << 30  # arrays up to this size may have any ratio


def read(source: Input, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read a matrix and the array of as many words, or words from ``vocab=`` or from a file next to it."""
    arrays = _Arrays.of(source)
    key = arrays.choose_matrix(options.key)
    header = arrays.headers[key]
    try:
        dtype = check_matrix(header.dtype, header.shape, options)
    except ValueError as error:
        raise format_error(source.path, NAME, key, error) from None
    words = arrays.words_of(header.shape[0], options)
    origin, step = Origin(source, NAME), rows_in_batch(header.nbytes // header.shape[0])
    blocks = arrays.blocks(key, step)
    if header.fortran or not words.is_whole:  # the rows are not needed in file order
        flat = np.concatenate(list(blocks))
        matrix = flat.reshape(header.shape, order="F" if header.fortran else "C")
        return array_source(matrix, words, dtype, origin, progress)

    def rows(start: int, stop: int) -> Vectors:
        return native_rows(next(blocks).reshape(stop - start, header.shape[1]))

    return matrix_source(words.tokens, header.shape[1], dtype, rows, origin, progress, step=step)


@dataclass(frozen=True, slots=True)
class _Arrays:
    """The arrays of an archive by name; only their headers are read."""

    source: Input
    headers: dict[str, ArrayHeader]

    @classmethod
    def of(cls, source: Input) -> _Arrays:
        with _opened(source) as archive:
            arrays = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            headers = {info.filename[:-4]: cls._header(source.path, archive, info) for info in arrays}
        return cls(source, headers)

    @property
    def path(self) -> Path:
        return self.source.path

    @staticmethod
    def _header(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> ArrayHeader:
        name = info.filename[:-4]
        if info.file_size > max(SAFE_BYTES, MAX_RATIO * info.compress_size):
            reason = f"{info.file_size:,} bytes compressed to {info.compress_size:,}: a zip bomb, or nothing but zeros"
            raise FormatError(path, reason, where=name, format=NAME)
        check_not_encrypted(info, path, NAME)
        with archive.open(info) as member:
            try:
                header = read_array_header(member.read)
            except ValueError as error:
                raise format_error(path, NAME, name, error) from None
        if not header.dtype.hasobject and header.size + header.nbytes != info.file_size:
            reason = f"{info.file_size:,} bytes, expected {header.size + header.nbytes:,} for {header}"
            raise FormatError(path, reason, where=name, format=NAME)
        return header

    def choose_matrix(self, key: str | None) -> str:
        if key is None:
            matrices = [name for name, header in self.headers.items() if len(header.shape) == 2]
            floating = [name for name in matrices if self.headers[name].dtype.kind == "f"]
            found = floating or matrices
            if len(found) != 1:
                count = f"{len(found)} arrays" if found else "no array"
                raise FormatError(self.path, f"{count} may be the table: name one with key= ({self})", format=NAME)
            return found[0]
        if key not in self.headers:
            raise FormatError(self.path, f"no array {key!r}: it has {self}", format=NAME)
        return key

    def words_of(self, count: int, options: ReadOptions) -> WordList:
        """Return the words: the array that is named, or the only array of as many strings, or those in another file."""
        name = str(options.vocab) if options.vocab else None
        if name is None:
            texts = [
                name for name, header in self.headers.items() if header.dtype.kind in "SU" and header.shape == (count,)
            ]
            if len(texts) > 1:
                reason = f"{len(texts)} arrays may be the words: name one with vocab= ({', '.join(texts)})"
                raise FormatError(self.path, reason, format=NAME)
            name = texts[0] if texts else None
        if name is None or name not in self.headers:
            self._check_no_pickled_words(count, options)
            return load_word_list(self.source, options, count, NAME)
        header = self.headers[name]
        if header.dtype.kind not in "SU" or len(header.shape) != 1:
            raise FormatError(self.path, f"{header}, expected words (dtype S or U)", where=name, format=NAME)
        tokens = Tokens.pack(self._texts(name))
        return check_word_list(WordList(tokens, np.arange(len(tokens))), count, self.path, name, NAME)

    def _check_no_pickled_words(self, count: int, options: ReadOptions) -> None:
        for name, header in self.headers.items():
            if options.vocab is None and header.dtype.hasobject and header.shape == (count,):
                reason = "words as Python objects, which would be unpickled: save np.array(words, dtype=str) instead"
                raise FormatError(self.path, reason, where=name, format=NAME)

    def _texts(self, name: str) -> Iterator[bytes]:
        step = rows_in_batch(self.headers[name].dtype.itemsize)
        for block in self.blocks(name, step):
            try:
                words = block.tolist()
                yield from (
                    word if isinstance(word, bytes) else word.encode("utf-8", "surrogateescape") for word in words
                )
            except ValueError as error:  # a number that is not a code point
                raise FormatError(self.path, f"not text: {error}", where=name, format=NAME) from None

    def blocks(self, name: str, step: int) -> Iterator[Vectors]:
        """Yield an array as flat blocks of `step` items of its first axis, each decompressed when it is requested."""
        header = self.headers[name]
        size = step * (header.nbytes // max(1, header.shape[0]))
        left = header.nbytes
        with _opened(self.source) as archive, archive.open(f"{name}.npy") as member:
            member.read(header.size)
            while left:
                data = member.read(min(size, left))
                if not data:
                    raise EOFError("the array ends early")
                left -= len(data)
                yield np.frombuffer(data, header.dtype)

    def __str__(self) -> str:
        listed = [f"{name} {header}" for name, header in self.headers.items()]
        return ", ".join(listed[:20]) or "no arrays"


@contextlib.contextmanager
def _opened(source: Input) -> Iterator[zipfile.ZipFile]:
    """Open the archive, and turn errors while it is read into a FormatError."""
    try:
        with zipfile.ZipFile(source.open()) as archive:
            yield archive
    except (EmbstoreError, MemoryError):
        raise
    except Exception as error:  # zipfile raises many classes for a damaged directory
        reason = f"cannot be read, it is damaged or cut short: {ascii(str(error))[1:-1][:200]}"
        raise FormatError(source.path, reason, format=NAME) from error


def write(path: str | Path, source: Source, options: WriteOptions = AS_IS) -> None:
    """Write ``vectors`` and ``words`` as numpy.savez does, but atomically; bfloat16 becomes float32.

    Words are compressed unless the compression is ``none``, vectors only if it is ``deflate``.
    """
    stored, deflated = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
    methods = {None: (stored, deflated), "none": (stored, stored), "deflate": (deflated, deflated)}
    vectors_method, words_method = methods[options.compression]
    with replacing(path, overwrite=options.overwrite) as file, spooled_rows(source, path, NAME) as (tokens, rows):
        words = [_text(token, path) for token in tokens]
        widest = max(words, key=len)
        if 4 * len(widest) * len(words) > SAFE_BYTES:
            reason = (
                f"every word would take the space of the token {widest[:60]!r}... of {len(widest):,} characters: "
                "write a store"
            )
            raise FormatError(path, reason, format=NAME)
        with zipfile.ZipFile(file, "w") as archive:
            with archive.open(_member("vectors.npy", vectors_method), "w", force_zip64=True) as member:
                member.write(build_header(vector_descr(source.dtype), (len(words), source.dim)))
                while block := rows.read(BATCH_BYTES):
                    member.write(block)
            _write_words(archive, words, f"<U{max(1, len(widest))}", words_method)


def _text(token: bytes, path: str | Path) -> str:
    if token.endswith(b"\0"):
        shown = token[:60].decode("utf-8", "replace")
        raise FormatError(path, f"the token {shown!r} ends in NUL, which NumPy drops: write a store", format=NAME)
    return token.decode("utf-8", "surrogateescape")


def _member(name: str, method: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))  # a fixed time, so that equal tables give equal bytes
    info.compress_type = method
    return info


def _write_words(archive: zipfile.ZipFile, words: list[str], descr: str, method: int) -> None:
    step = rows_in_batch(np.dtype(descr).itemsize)
    with archive.open(_member("words.npy", method), "w", force_zip64=True) as member:
        member.write(build_header(descr, (len(words),)))
        for start in range(0, len(words), step):
            member.write(bytes_of(np.array(words[start : start + step], descr)))
