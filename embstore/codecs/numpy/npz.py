"""Reads and writes NumPy's .npz as a stream: a zip with a matrix and an array of words (formats/npz/SPEC.md)."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from embstore.codecs.numpy.archive import NAME, Arrays
from embstore.codecs.numpy.named import is_named, named_source
from embstore.codecs.shared.array import array_source, check_matrix, format_error, native_rows, vector_descr
from embstore.codecs.shared.matrix import BATCH_BYTES, Origin, matrix_source, rows_in_batch
from embstore.codecs.shared.npy_array import build_header
from embstore.codecs.shared.sequential import SequentialRows
from embstore.codecs.shared.spool import spooled_rows
from embstore.codecs.shared.word_list_files import load_word_list
from embstore.core.batch import Findings, Source, Vectors
from embstore.core.dtypes import bytes_of
from embstore.core.errors import FormatError
from embstore.core.limits import MAX_TOKEN
from embstore.core.options import AS_IS, Progress, ReadOptions, WriteOptions
from embstore.files.atomic import replacing
from embstore.files.input import Input

MAX_WORDS = 1 << 30  # bytes of an array of words that is written: each takes the space of the longest


def read(source: Input, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read a matrix and the array of as many words, or words from ``vocab=`` or from a file next to it."""
    arrays = Arrays.of(source)
    if is_named(arrays, options):
        return named_source(arrays, options, progress)
    key = arrays.choose_matrix(options)
    header = arrays.headers[key]
    try:
        dtype = check_matrix(header.dtype, header.shape, options)
    except ValueError as error:
        raise format_error(source.path, NAME, key, error) from None
    count, origin = header.shape[0], Origin(source, NAME)
    name, findings = arrays.choose_words(count, options), Findings()
    if name is None:
        words = load_word_list(source, options, count, NAME, findings)
        if header.fortran and options.limit is not None:
            words = words.first(options.limit)
        needed = int(words.rows.max(initial=0)) + 1 if options.limit is not None else count
        return array_source(_rows(arrays, key, needed), words, dtype, origin, progress, findings)
    if header.fortran and options.limit is not None:
        count = min(count, options.limit)
    tokens, rows = arrays.words(name, count, findings), _rows(arrays, key, count)
    step = rows_in_batch(header.nbytes // header.shape[0])

    def batch_rows(start: int, stop: int) -> Vectors:
        return native_rows(rows[start:stop])

    return matrix_source(tokens, header.shape[1], dtype, batch_rows, origin, progress, findings, step=step)


def _rows(arrays: Arrays, key: str, count: int) -> Vectors | SequentialRows:
    """Return the rows of a matrix, which are read when they are needed; in Fortran order, read the first `count`."""
    return arrays.first_rows(key, count) if arrays.headers[key].fortran else arrays.rows(key)


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
        if 4 * len(widest) * len(words) > MAX_WORDS or len(widest) > MAX_TOKEN:
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
