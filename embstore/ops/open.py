"""`embstore.open`: a store is mapped, any other file is read into memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from embstore.codecs.registry.detection import open_to_read
from embstore.core.duplicates import check_duplicates
from embstore.core.options import Duplicates, Progress, ReadOptions
from embstore.ops.read import read
from embstore.ops.report import warn
from embstore.ops.selection import Selection
from embstore.store.mapped import Advice, check_advice
from embstore.store.store import Store, load_store, map_input


def open(  # noqa: A001
    path: str | Path,
    *,
    advise: Advice = "normal",
    duplicates: Duplicates = "first",
    progress: Progress | None = None,
    **reading: Any,
) -> Store:
    """Open a file of embeddings.

    Parameters
    ----------
    path
        A store, which is mapped in constant time and takes no memory, or any file that `embstore formats`
        lists, which is read into memory.
    advise
        For a store: the reads to come, for the kernel: ``normal``, ``random``, ``sequential`` or ``willneed``.
    duplicates
        For other files: which row a repeated token keeps, ``first`` or ``last``; or ``error``.
    progress
        For other files: called with bytes read and bytes in all.
    **reading
        Options of reading: `format`, `vocab`, `key`, `member`, `dim`, `header`, `limit`, `on_error`, `dtype`.

    Returns
    -------
    Store

    Raises
    ------
    FormatError
        Where the file is none that embstore reads, or is damaged.
    TypeError, ValueError
        For an option that there is not, or a value that it does not take, before anything is read.
    """
    check_duplicates(duplicates)
    check_advice(advise)
    options = ReadOptions.of(reading)
    file, codec = open_to_read(path, options)
    if codec.mapped and not set(options.non_default()) - {"format"}:
        with file:
            return map_input(file, advise=advise)
    source = Selection(options.dtype, options.limit).apply(read(file, codec, options, progress))
    path = Path(path).absolute()
    store = load_store(source, path, duplicates=duplicates, reopen=(_reopen, (path, duplicates, reading)))
    warn(source.findings)
    return store


def opened(table: str | Path | Store) -> Store:
    """Return a store as it is; open a path."""
    return table if isinstance(table, Store) else open(table)


def _reopen(path: Path, duplicates: Duplicates, reading: dict[str, Any]) -> Store:
    return open(path, duplicates=duplicates, **reading)
