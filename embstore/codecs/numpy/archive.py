"""The arrays in a .npz, which are decompressed in blocks while they are read."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from embstore.codecs.shared.array import format_error
from embstore.codecs.shared.json_file import names_for_message
from embstore.codecs.shared.matrix import BATCH_BYTES, TokenSlices, rows_in_batch
from embstore.codecs.shared.npy_array import ArrayHeader, read_array_header
from embstore.codecs.shared.sequential import SequentialRows, SequentialTokens
from embstore.codecs.shared.whole_numbers import KINDS, SequentialNumbers, may_be_words
from embstore.codecs.shared.word_list import word_list_beside
from embstore.core.batch import Findings, Vectors
from embstore.core.cures import cure, option_name, python
from embstore.core.errors import EmbstoreError, FormatError
from embstore.core.limits import MAX_TOKEN
from embstore.core.options import ReadOptions
from embstore.files.input import Input
from embstore.files.unpacking import check_member

NAME = "npz"
MAX_LISTED = 20
MAX_RATIO = 1032  # of decompressed to compressed bytes: the most that deflate reaches


@dataclass(frozen=True, slots=True)
class Arrays:
    """The arrays of an archive by name; only their headers are read."""

    source: Input
    headers: dict[str, ArrayHeader]

    @classmethod
    def of(cls, source: Input) -> Arrays:
        """Read the headers; raise FormatError if they contradict the directory of the archive."""
        with _opened(source) as archive:
            arrays = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            headers = {info.filename[:-4]: _header(source, archive, info) for info in arrays}
            if len(headers) < len(arrays):
                raise FormatError(source.path, "two members have the same name", format=NAME)
        return cls(source, headers)

    @property
    def path(self) -> Path:
        """The path of the archive."""
        return self.source.path

    def matrices(self, options: ReadOptions) -> list[str]:
        """Return the names of the arrays that can be the table; of integers only if ``dtype=`` converts them."""
        found = [name for name, header in self.headers.items() if len(header.shape) == 2]
        floating = [name for name in found if self.headers[name].dtype.kind == "f"]
        return floating or (found if options.dtype is not None else [])

    def choose_matrix(self, options: ReadOptions) -> str:
        """Return the name of the only array that can be the table, or the one that ``key=`` names."""
        key = options.key
        if key is None:
            found = self.matrices(options) or [name for name, header in self.headers.items() if len(header.shape) == 2]
            if not found:
                raise FormatError(self.path, f"no array of two dimensions, expected (rows, dim): {self}", format=NAME)
            if len(found) > 1:
                which = cure("npz-key", f"name one with {option_name('key')} ({self.described(found)})")
                raise FormatError(self.path, f"{len(found)} arrays may be the table: {which}", format=NAME)
            return found[0]
        if key not in self.headers:
            raise FormatError(self.path, f"no array {key!r}: it has {self}", format=NAME)
        return key

    def choose_words(self, count: int, options: ReadOptions) -> str | None:
        """Return the name of the words: that of ``vocab=``, or of the only array of `count` strings.

        If no list of words is next to the archive either, that of the only array of `count` whole numbers. None if they
        are in another file.
        """
        if options.vocab is not None:
            name = str(options.vocab)
            if name in self.headers:
                self._check_words(name, count)
                return name
            return None
        texts = [
            name for name, header in self.headers.items() if header.dtype.kind in "SU" and header.shape == (count,)
        ]
        if not texts:
            self._check_no_pickled_words(count)
            if word_list_beside(self.source) is None:
                texts = [
                    name
                    for name, header in self.headers.items()
                    if header.dtype.kind in KINDS and header.shape == (count,) and may_be_words(name)
                ]
        if len(texts) > 1:
            which = cure("npz-vocab", f"name one with {option_name('vocab')} ({names_for_message(texts)})")
            raise FormatError(self.path, f"{len(texts)} arrays may be the words: {which}", format=NAME)
        if texts:
            self._check_words(texts[0], count)
        return texts[0] if texts else None

    def _check_no_pickled_words(self, count: int) -> None:
        for name, header in self.headers.items():
            if header.dtype.hasobject and header.shape == (count,):
                path, new = str(self.path), f"{self.path.stem}-text.npz"
                code = (
                    f"import numpy; arrays = dict(numpy.load({path!r}, allow_pickle=True)); "
                    f"arrays[{name!r}] = arrays[{name!r}].astype(str); numpy.savez({new!r}, **arrays)"
                )
                saves = cure("npz-pickled-words", f"if you trust it, {python(code)} saves them as text")
                reason = f"words as Python objects, which would be unpickled: {saves}"
                raise FormatError(self.path, reason, where=name, format=NAME)

    def _check_words(self, name: str, count: int) -> None:
        header = self.headers[name]
        if header.dtype.kind not in "SU" + KINDS or len(header.shape) != 1:
            reason = f"{header}, expected words (dtype S or U) or whole numbers"
            raise FormatError(self.path, reason, where=name, format=NAME)
        if header.shape != (count,):
            reason = (
                f"{count:,} rows, but {header.shape[0]:,} words in {name}; a JSON object from word to row may skip rows"
            )
            raise FormatError(self.path, reason, format=NAME)
        longest = header.dtype.itemsize // (4 if header.dtype.kind == "U" else 1)
        if not 1 <= longest <= MAX_TOKEN:
            reason = f"{header}, words of {longest:,} characters, expected 1 to {MAX_TOKEN:,}"
            raise FormatError(self.path, reason, where=name, format=NAME)

    def words(self, name: str, count: int, findings: Findings) -> TokenSlices:
        """Return the first `count` words of an array, checked by `choose_words`."""
        header = self.headers[name]
        if header.dtype.kind not in KINDS:
            return SequentialTokens(self._texts(name), count)
        blocks = (block.reshape(-1, 1) for block in self.blocks(name, BATCH_BYTES // 8 * 8))
        return SequentialNumbers(SequentialRows(blocks, (count, 1), header.dtype), findings)

    def _texts(self, name: str) -> Iterator[bytes]:
        header = self.headers[name]
        for block in self.blocks(name, rows_in_batch(header.dtype.itemsize) * header.dtype.itemsize):
            try:
                words = block.tolist()
                yield from (
                    word if isinstance(word, bytes) else word.encode("utf-8", "surrogateescape") for word in words
                )
            except ValueError as error:  # a number that is not a code point
                raise FormatError(self.path, f"not text: {error}", where=name, format=NAME) from None

    def rows(self, name: str) -> SequentialRows:
        """Return the rows of a matrix in C order."""
        header = self.headers[name]
        row = header.shape[1] * header.dtype.itemsize
        blocks = (block.reshape(-1, header.shape[1]) for block in self.blocks(name, rows_in_batch(row) * row))
        return SequentialRows(blocks, header.shape, header.dtype)

    def first_rows(self, name: str, count: int) -> Vectors:
        """Return the first `count` rows of a matrix in Fortran order, whose columns are read one after the other."""
        header = self.headers[name]
        rows, size = header.shape[0], header.dtype.itemsize
        columns = np.empty((header.shape[1], count), header.dtype)
        step, done = max(1, BATCH_BYTES // (rows * size)), 0
        for block in self.blocks(name, min(step * rows * size, BATCH_BYTES // size * size)):
            column, row = divmod(done, rows)
            if row or len(block) < rows:  # a part of a column that is longer than a block, perhaps with its end
                end = min(row + len(block), rows)
                kept = block[: max(0, min(end, count) - row)]
                columns[column, row : row + len(kept)] = kept
                following = block[end - row :][:count]
                columns[column + 1 : column + 2, : len(following)] = following
            else:
                columns[column : column + len(block) // rows] = block.reshape(-1, rows)[:, :count]
            done += len(block)
        return columns.T

    def blocks(self, name: str, size: int) -> Iterator[Vectors]:
        """Yield an array as flat blocks of `size` bytes, each decompressed when it is requested."""
        with _opened(self.source) as archive:
            yield from self._blocks_of(archive, name, size)

    def vectors(self, names: Iterable[str]) -> Iterator[Vectors]:
        """Yield arrays of one dimension, each as a row (1, dim)."""
        with _opened(self.source) as archive:
            for name in names:
                yield np.concatenate([*self._blocks_of(archive, name, self.headers[name].nbytes)]).reshape(1, -1)

    def _blocks_of(self, archive: zipfile.ZipFile, name: str, size: int) -> Iterator[Vectors]:
        header = self.headers[name]
        left = header.nbytes
        with archive.open(f"{name}.npy") as member:
            member.read(header.size)
            while left:
                data = member.read(min(size, left))
                if not data:
                    raise EOFError("the array ends early")
                left -= len(data)
                yield np.frombuffer(data, header.dtype)

    def described(self, names: Iterable[str]) -> str:
        """List arrays for a message, those that are likely to be the table first: by their name, then by their size."""
        likely = sorted(names, key=lambda name: ("emb" not in name.lower(), -self.headers[name].nbytes))
        more = f" and {len(likely) - MAX_LISTED:,} more" if len(likely) > MAX_LISTED else ""
        return names_for_message(f"{name} {self.headers[name]}" for name in likely[:MAX_LISTED]) + more

    def __str__(self) -> str:
        return self.described(self.headers) or "no arrays"


def _header(source: Input, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> ArrayHeader:
    path, name = source.path, info.filename[:-4]
    if info.header_offset + info.compress_size > source.size:
        reason = f"{info.compress_size:,} compressed bytes in a file of {source.size:,}: it is damaged or cut short"
        raise FormatError(path, reason, where=name, format=NAME)
    if info.file_size > MAX_RATIO * info.compress_size:
        reason = f"{info.file_size:,} bytes compressed to {info.compress_size:,}, which is impossible: it is damaged"
        raise FormatError(path, reason, where=name, format=NAME)
    check_member(info, path, NAME)
    with archive.open(info) as member:
        try:
            header = read_array_header(member.read)
        except ValueError as error:
            raise format_error(path, NAME, name, error) from None
    if not header.dtype.hasobject and header.size + header.nbytes != info.file_size:
        reason = f"{info.file_size:,} bytes, expected {header.size + header.nbytes:,} for {header}"
        raise FormatError(path, reason, where=name, format=NAME)
    return header


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
