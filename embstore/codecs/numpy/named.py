"""One array a name in a .npz: ``numpy.savez(path, **vectors)`` of a dictionary from word to vector."""

from __future__ import annotations

from embstore.codecs.numpy.archive import NAME, Arrays
from embstore.codecs.shared.array import check_matrix, format_error, native_rows
from embstore.codecs.shared.matrix import Origin, matrix_source, rows_in_batch
from embstore.codecs.shared.named_vectors import NAMES_ARE_WORDS, TOP, Vector, check_group, choose_group
from embstore.codecs.shared.sequential import SequentialRows
from embstore.core.batch import Source
from embstore.core.errors import FormatError
from embstore.core.index import pack_for_hashing
from embstore.core.options import Progress, ReadOptions


def is_named(arrays: Arrays, options: ReadOptions) -> bool:
    """Return whether the names of the arrays are the words, of which ``key=`` names all by `TOP`."""
    chosen = options.key == TOP and TOP not in arrays.headers
    if not chosen and (options.key is not None or arrays.matrices(options)):
        return False
    group = {
        name: Vector(header.shape, header.dtype.str, header.dtype.kind == "f")
        for name, header in arrays.headers.items()
    }
    try:
        if chosen:
            check_group(group)
        return chosen or choose_group({TOP: group}) is not None
    except ValueError as error:
        raise format_error(arrays.path, NAME, "", error) from None


def named_source(arrays: Arrays, options: ReadOptions, progress: Progress | None) -> Source:
    """Return the source of all arrays, in the order of the archive."""
    if options.vocab is not None:
        raise FormatError(arrays.path, NAMES_ARE_WORDS, format=NAME)
    header = next(iter(arrays.headers.values()))
    shape = len(arrays.headers), header.shape[0]
    try:
        dtype = check_matrix(header.dtype, shape, options)
    except ValueError as error:
        raise format_error(arrays.path, NAME, "", error) from None
    rows = SequentialRows(arrays.vectors(arrays.headers), shape, header.dtype)
    return matrix_source(
        pack_for_hashing(list(arrays.headers)),
        shape[1],
        dtype,
        lambda start, stop: native_rows(rows[start:stop]),
        Origin(arrays.source, NAME),
        progress,
        step=rows_in_batch(shape[1] * header.dtype.itemsize),
    )
