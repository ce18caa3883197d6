"""One tensor a name in a safetensors file, in the order of the data, which is then one matrix."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from embstore.codecs.shared.array import format_error, native_rows
from embstore.codecs.shared.matrix import Origin, matrix_source, rows_in_batch
from embstore.codecs.shared.named_vectors import NAMES_ARE_WORDS, TOP, Vector, check_group, choose_group
from embstore.core.batch import Source, Vectors
from embstore.core.dtypes import from_bfloat16
from embstore.core.errors import FormatError
from embstore.core.index import pack_for_hashing
from embstore.core.options import Dtype, Progress, ReadOptions
from embstore.files.input import Input
from embstore.store.header import Header


def is_named(header: Header, path: Path, options: ReadOptions, floats: dict[str, tuple[str, Dtype]], name: str) -> bool:
    """Return whether the names of the tensors are the words, of which ``key=`` names all by `TOP`.

    Parameters
    ----------
    floats
        NumPy's dtype, and that of the table, for each floating dtype.
    name
        Name of the format, for errors.
    """
    chosen = options.key == TOP and TOP not in header.tensors
    matrices = [t for t in header.tensors.values() if len(t.shape) == 2 and (t.dtype in floats or options.dtype)]
    if not chosen and (options.key is not None or matrices):
        return False
    group = {word: Vector(t.shape, t.dtype, t.dtype in floats) for word, t in header.tensors.items()}
    try:
        if chosen:
            check_group(group)
        return chosen or choose_group({TOP: group}) is not None
    except ValueError as error:
        raise format_error(path, name, "", error) from None


def named_source(
    header: Header,
    source: Input,
    options: ReadOptions,
    floats: dict[str, tuple[str, Dtype]],
    name: str,
    progress: Progress | None,
) -> Source:
    """Return the source of all tensors; `is_named` has checked that they are alike, and `read_header` for gaps."""
    if options.vocab is not None:
        raise FormatError(source.path, NAMES_ARE_WORDS, format=name)
    tensors = dict(sorted(header.tensors.items(), key=lambda item: item[1].start))
    first = next(iter(tensors.values()))
    kind, dtype = floats[first.dtype]
    rows: Vectors = np.ndarray((len(tensors), first.shape[0]), kind, source.map(), first.start)

    def batch_rows(start: int, stop: int) -> Vectors:
        return from_bfloat16(rows[start:stop]) if first.dtype == "BF16" else native_rows(rows[start:stop])

    tokens, step = pack_for_hashing(list(tensors)), rows_in_batch(rows.strides[0])
    return matrix_source(tokens, first.shape[0], dtype, batch_rows, Origin(source, name), progress, step=step)
