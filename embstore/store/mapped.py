"""Maps a store file into memory: reads its header, and makes views of its arrays without reading them."""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from embstore.core.batch import Ints
from embstore.core.dtypes import NUMPY_DTYPES
from embstore.core.errors import FormatError
from embstore.core.index import Vocab
from embstore.core.options import check_choice
from embstore.files.input import Input
from embstore.store.header import BYTES, COUNTS, OFFSETS, SLOTS, VERSION_KEY, WEIGHT, Tensor, read_header
from embstore.store.rows import ArrayRows
from embstore.store.schema import check_store

Advice = Literal["normal", "random", "sequential", "willneed"]


@dataclass(frozen=True, slots=True)
class MappedStore:
    """The parts of a store file, views of one copy-on-write map: writing to them never changes the file."""

    rows: ArrayRows
    vocab: Vocab
    metadata: dict[str, str]
    counts: Ints | None


def check_advice(advise: str) -> None:
    """Raise ValueError unless `advise` is one of `Advice`."""
    check_choice("advise", advise, get_args(Advice))


def map_store(source: Input, advise: Advice, *, trust: bool = False) -> MappedStore:
    """Map a store copy-on-write; the arguments and errors are those of `Store.open` and `read_header`."""
    check_advice(advise)
    header = read_header(source, trust=trust)
    schema = check_store(header, source.path, trust=trust)
    mapped = source.map(copy_on_write=True)
    if advise != "normal" and hasattr(mapped, "madvise"):
        mapped.madvise(getattr(mmap, f"MADV_{advise.upper()}"))
    weight = header.tensors[WEIGHT]
    slots, offsets, data = (_bytes_of(mapped, header.tensors[name]) for name in (SLOTS, OFFSETS, BYTES))
    rows: NDArray[Any] = np.ndarray(weight.shape, NUMPY_DTYPES[schema.dtype], mapped, weight.start)
    vocab = Vocab(slots, offsets, data, schema.seed, str(source.path))
    if VERSION_KEY not in header.metadata:
        _check_seed(vocab, source)
    stated = header.tensors.get(COUNTS)
    counts: Ints | None = None if stated is None else np.ndarray(stated.shape, "<i8", mapped, stated.start)
    if counts is not None:
        counts.flags.writeable = False
    return MappedStore(ArrayRows(rows, schema.dtype, is_mapped=True), vocab, header.metadata, counts)


def _check_seed(vocab: Vocab, source: Input) -> None:
    """Look the first words up, in a store that lost its metadata: it may have had another seed."""
    count = min(vocab.size, 16)
    rows = vocab.packed_rows(vocab.tokens(0, count))
    if (rows != np.arange(count)).any():
        reason = "the index does not find the first tokens: it is damaged, or had a seed in metadata that is lost"
        raise FormatError(source.path, reason, where=SLOTS, format="store")


def _bytes_of(mapped: mmap.mmap, tensor: Tensor) -> NDArray[np.uint8]:
    return np.ndarray((tensor.stop - tensor.start,), np.uint8, mapped, tensor.start)
