"""Checks of a matrix's dtype and shape, and an array with its words as a source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from embstore.codecs.shared.matrix import Origin, matrix_source, rows_in_batch
from embstore.codecs.shared.sequential import SequentialRows
from embstore.codecs.shared.words_by_row import WordList
from embstore.core.batch import Findings, Source, Vectors
from embstore.core.cures import cure, option
from embstore.core.dtypes import from_bfloat16
from embstore.core.errors import FormatError
from embstore.core.limits import MAX_DIM
from embstore.core.options import Dtype, Progress, ReadOptions


def check_matrix(dtype: np.dtype[Any], shape: tuple[int, ...], options: ReadOptions) -> Dtype:
    """Return the dtype to store a matrix as; ValueError if it is not a table of embeddings."""
    if dtype.hasobject:
        raise ValueError(
            "an array of Python objects, which would be unpickled: save the matrix and the words separately"
        )
    if len(shape) != 2 or 0 in shape:
        raise ValueError(f"an array of shape {shape}, expected (rows, dim)")
    if shape[1] > MAX_DIM:
        raise ValueError(f"rows of {shape[1]:,} numbers, expected {MAX_DIM:,} at most")
    if dtype.kind in "iub":
        if options.dtype is None:
            converts = cure("array-dtype", f"{option(dtype='float32')} converts them")
            raise ValueError(f"whole numbers ({dtype}), not embeddings; {converts}")
        return options.dtype
    if dtype.kind != "f" or dtype.itemsize not in (2, 4, 8):
        raise ValueError(f"numbers of {dtype}, expected float16, float32 or float64")
    return "float16" if dtype.itemsize == 2 else "float32"


def array_source(
    array: Vectors | SequentialRows,
    words: WordList,
    dtype: Dtype,
    origin: Origin,
    progress: Progress | None,
    findings: Findings | None = None,
    *,
    bfloat16: bool = False,
) -> Source:
    """Return the source of an array, mapped or in memory, of any byte order and layout.

    Parameters
    ----------
    array
        (rows, dim), checked by `check_matrix`.
    words
        Checked by `word_list_files.check_word_list`.
    findings
        Those of the word list, if any.
    bfloat16
        Whether the array contains the bits of bfloat16 as uint16.
    """
    findings = findings if findings is not None else Findings()
    if words.named_rows < len(array):
        findings.add("rows without a word left out", times=len(array) - words.named_rows)
    in_order = words.is_whole

    def rows(start: int, stop: int) -> Vectors:
        stored = array[start:stop] if in_order else array[words.rows[start:stop]]
        return from_bfloat16(stored) if bfloat16 else native_rows(stored)

    step = rows_in_batch(array.shape[1] * array.dtype.itemsize)
    return matrix_source(
        words.tokens, array.shape[1], dtype, rows, origin, progress, findings, step=step, counts=words.counts
    )


def native_rows(rows: Vectors) -> Vectors:
    """Return rows as floats in native byte order, aligned and C-contiguous, as a batch requires; copied if needed."""
    dtype = np.dtype(np.float32) if rows.dtype.kind != "f" else rows.dtype.newbyteorder("=")
    return np.require(rows, dtype, ["C", "A"])


def vector_descr(dtype: Dtype) -> str:
    """Return the .npy descr to write a table with; bfloat16, which NumPy lacks, becomes float32."""
    return "<f2" if dtype == "float16" else "<f4"


def format_error(path: str | Path, name: str, where: str, error: ValueError) -> FormatError:
    """Return the FormatError for a ValueError of `read_array_header` or `check_matrix`."""
    return FormatError(path, str(error), where=where, format=name)
