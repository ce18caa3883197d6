"""Reads a source into memory, as the parts of a store."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embstore.core.batch import Ints, Source, SpecialBlocks, Vectors, joined_counts
from embstore.core.dtypes import NUMPY_DTYPES, columns_of, encode_batch, encode_rows, encode_special
from embstore.core.duplicates import distinct
from embstore.core.errors import FormatError
from embstore.core.index import Vocab, VocabBuilder
from embstore.core.options import Dtype, Duplicates
from embstore.store.growing import GrowingRows
from embstore.store.rows import ArrayRows, DecodedRows


@dataclass(frozen=True, slots=True)
class Loaded:
    """The parts of a table in memory."""

    rows: ArrayRows
    vocab: Vocab
    metadata: dict[str, str]
    counts: Ints | None


def load_source(source: Source, path: str | Path, duplicates: Duplicates) -> Loaded:
    """Read all batches of a source and its special rows.

    Parameters
    ----------
    source
        The source, which is consumed.
    path
        Named in errors.
    duplicates
        Which row of a repeated token to keep, or ``error``.
    """
    growing = GrowingRows(columns_of(source.dim, source.dtype), NUMPY_DTYPES[source.dtype], source.rows)
    builder = VocabBuilder(source.expected)
    overwritten: list[tuple[Ints, Vectors]] = []
    counts: list[Ints | None] = []
    for batch in distinct(source, builder, duplicates, path, lambda *repeated: overwritten.append(repeated)):
        growing.add(encode_batch(batch, source.dtype))
        counts.append(batch.counts)
    array = growing.finish()
    for rows, vectors in overwritten:
        array[rows] = encode_rows(vectors, source.dtype)
    if not len(array):
        raise FormatError(path, "no rows: the input holds none, or all were left out")
    if source.special is not None:
        special = _special_rows(source.special, array, source.dtype)  # all rows before the array grows
        while special:
            growing.add(special.popleft())
        array = growing.finish()
    metadata = {f"embstore.source.{key}": value for key, value in source.provenance().items()}
    metadata |= {f"embstore.{key}": value for key, value in source.policy.items()}
    return Loaded(ArrayRows(array, source.dtype), builder.vocab(), metadata, joined_counts(counts))


def _special_rows(special: SpecialBlocks, array: NDArray[Any], dtype: Dtype) -> deque[NDArray[Any]]:
    """Make the special rows for an array; they are copies, not views of it."""
    table = DecodedRows(ArrayRows(array, dtype), len(array))
    return deque(np.array(rows) for rows in encode_special(special, table, dtype))
