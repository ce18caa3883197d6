"""`embstore.open`: a store is mapped, any other file is read into memory."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

from embstore.codecs.registry.detection import open_to_read
from embstore.core.duplicates import check_duplicates
from embstore.core.options import Duplicates, Progress, Reading, ReadOptions
from embstore.store.mapped import Advice, check_advice
from embstore.store.reopening import Reopen
from embstore.store.store import Store, load_store, map_input, same_table

SHA256 = "embstore.source.sha256"


def open(  # noqa: A001
    path: str | Path,
    *,
    advise: Advice = "normal",
    duplicates: Duplicates = "first",
    progress: Progress | None = None,
    **reading: Unpack[Reading],
) -> Store:
    """Open a file of embeddings.

    Parameters
    ----------
    path
        A store, which is memory-mapped in constant time, or a file of any format that `embstore formats` lists,
        which is read into memory.
    advise
        For a store: the expected access pattern, passed to the kernel: ``normal``, ``random``, ``sequential`` or
        ``willneed``.
    duplicates
        For other files: which row of a repeated token to keep, ``first`` or ``last``; or ``error``.
    progress
        For other files: called with bytes read and total bytes.
    **reading
        Reading options: `format`, `vocab`, `key`, `member`, `dim`, `header`, `limit`, `on_error`, `dtype`,
        `word_column`, `exact_words`. A store that is opened with any of them but `format` is read into memory.

    Returns
    -------
    Store

    Warns
    -----
    EmbstoreWarning
        For each kind of finding in a file that is read into memory.

    Raises
    ------
    FormatError
        If the file is damaged, or has no format that embstore reads.
    TypeError, ValueError
        For an unknown option or an invalid value, before anything is read.

    Examples
    --------
    >>> glove = embstore.open("glove.6B.50d.safetensors")
    >>> glove
    <Store glove.6B.50d.safetensors: 400,000 x 50 float32, mapped>
    >>> embstore.open("glove.6B.50d.txt", limit=1000)
    <Store glove.6B.50d.txt: 1,000 x 50 float32>
    """
    check_duplicates(duplicates)
    check_advice(advise)
    options = ReadOptions.of(reading)
    file, codec = open_to_read(path, options)
    if codec.mapped and not set(options.non_default()) - {"format"}:
        with file:
            return map_input(file, advise=advise)
    # imported here, since opening a store does not need them and starts faster without
    from embstore.ops.read import read
    from embstore.ops.report import warn
    from embstore.ops.selection import Selection

    source = Selection(options.dtype, options.limit).apply(read(file, codec, options, progress))
    path = Path(path).absolute()
    store = load_store(source, path, duplicates=duplicates)
    arguments = path, duplicates, reading, store.metadata.get(SHA256)
    store.path, store.reopen = path, Reopen(_reopen, arguments, file.identity)
    warn(source.findings)
    return store


def as_store(table: str | Path | Store) -> Store:
    """Return a store unchanged; open a path."""
    return table if isinstance(table, Store) else open(table)


def _reopen(path: Path, duplicates: Duplicates, reading: Reading, digest: str | None) -> Store:
    return same_table(open(path, duplicates=duplicates, **reading), SHA256, digest)
