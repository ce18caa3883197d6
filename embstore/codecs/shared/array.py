"""NumPy's .npy header, and a matrix with its words as a source: what npy, npz and torch share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from embstore.codecs.shared.matrix import Origin, matrix_source, rows_in_batch
from embstore.codecs.shared.word_list import WordList
from embstore.core.batch import Findings, Source, Vectors
from embstore.core.dtypes import from_bfloat16
from embstore.core.errors import FormatError
from embstore.core.options import Dtype, Progress, ReadOptions


def check_matrix(dtype: np.dtype[Any], shape: tuple[int, ...], options: ReadOptions) -> Dtype:
    """Return what the numbers of a matrix are kept as; ValueError where it is no table of embeddings."""
    if dtype.hasobject:
        raise ValueError("an array of Python objects, which would be unpickled: save the matrix and the words apart")
    if len(shape) != 2 or 0 in shape:
        raise ValueError(f"an array of shape {shape}, expected (rows, dim)")
    if dtype.kind in "iub":
        if options.dtype is None:
            raise ValueError(f"whole numbers ({dtype}), not embeddings; --dtype float32 says what they shall become")
        return options.dtype
    if dtype.kind != "f" or dtype.itemsize not in (2, 4, 8):
        raise ValueError(f"numbers of {dtype}, expected float16, float32 or float64")
    return "float16" if dtype.itemsize == 2 else "float32"


def array_source(
    array: Vectors,
    words: WordList,
    dtype: Dtype,
    origin: Origin,
    progress: Progress | None,
    *,
    bfloat16: bool = False,
) -> Source:
    """Return the source of an array, mapped or in memory, of any byte order and layout.

    Parameters
    ----------
    array
        (rows, dim), checked by `check_matrix`.
    words
        Checked by `wordlist.fitting`.
    bfloat16
        Whether the array holds the bits of these, as uint16.
    """
    findings = Findings()
    if words.named_rows < len(array):
        findings.add("rows without a word left out", times=len(array) - words.named_rows)
    in_order = words.is_whole

    def rows(start: int, stop: int) -> Vectors:
        taken = array[start:stop] if in_order else array[words.rows[start:stop]]
        return from_bfloat16(taken) if bfloat16 else native(taken)

    step = rows_in_batch(array.shape[1] * array.dtype.itemsize)
    return matrix_source(words.tokens, array.shape[1], dtype, rows, origin, progress, findings, step=step)


def native(taken: Vectors) -> Vectors:
    """Return rows as a batch has them: floating, in the machine's byte order, C-contiguous; copied where needed."""
    dtype = np.dtype(np.float32) if taken.dtype.kind != "f" else taken.dtype.newbyteorder("=")
    return np.require(taken, dtype, ["C", "A"])


def vector_descr(dtype: Dtype) -> str:
    """Return what a .npy calls the numbers of a table; bfloat16, which NumPy lacks, becomes float32."""
    return "<f2" if dtype == "float16" else "<f4"


def refused(path: str | Path, name: str, where: str, error: ValueError) -> FormatError:
    """Return the error of a file for what `read_array_header` or `check_matrix` found."""
    return FormatError(path, str(error), where=where, format=name)
