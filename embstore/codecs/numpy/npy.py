"""Reads and writes NumPy's .npy: a matrix, with its words in a second file (formats/npy/SPEC.md)."""

from __future__ import annotations

from pathlib import Path

from embstore.codecs.shared.array import array_source, vector_descr
from embstore.codecs.shared.matrix import Origin
from embstore.codecs.shared.npy_array import WRITTEN_HEADER, build_header, map_matrix
from embstore.codecs.shared.word_list_files import WordListWriter, load_word_list
from embstore.core.batch import Findings, Source
from embstore.core.dtypes import bytes_of, encode_rows
from embstore.core.errors import FormatError
from embstore.core.options import AS_IS, Dtype, Progress, ReadOptions, WriteOptions
from embstore.files.atomic import replacing_together, write_all
from embstore.files.input import Input

NAME = "npy"


def read(source: Input, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read a memory-mapped .npy, and its words from ``vocab=`` or a file such as ``<stem>.vocab.txt`` next to it."""
    matrix, dtype = map_matrix(source, options, NAME)
    findings = Findings()
    words = load_word_list(source, options, len(matrix), NAME, findings)
    return array_source(matrix, words, dtype, Origin(source, NAME), progress, findings)


def write(path: str | Path, source: Source, options: WriteOptions = AS_IS) -> None:
    """Write a .npy and a file with its words, both atomically; bfloat16 becomes float32."""
    words, rows = WordListWriter(path, NAME), 0
    dtype: Dtype = "float16" if source.dtype == "float16" else "float32"
    with replacing_together(overwrite=options.overwrite) as group:
        file = group.new(path)
        file.seek(WRITTEN_HEADER)
        for batch in source.batches:
            write_all(file, bytes_of(encode_rows(batch.vectors, dtype)))
            words.add(batch.tokens)
            rows += len(batch.tokens)
        if not rows:
            raise FormatError(path, "no rows to write: the input holds none, or all were left out", format=NAME)
        file.seek(0)
        write_all(file, build_header(vector_descr(source.dtype), (rows, source.dim)))
        words.write(group)
