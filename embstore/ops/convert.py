"""From one file to another: read, select, write, whole or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embstore.codecs.registry.detection import open_to_read
from embstore.codecs.registry.table import Codec, codec_for_target
from embstore.core.batch import Batch, Source
from embstore.core.duplicates import check_duplicates, distinct
from embstore.core.errors import EmbstoreError, FormatError
from embstore.core.index import VocabBuilder
from embstore.core.options import AS_IS, Dtype, Duplicates, Progress, ReadOptions, WriteOptions, check_dtype
from embstore.files.atomic import check_target
from embstore.files.os_errors import errors_naming
from embstore.ops.read import read, with_options
from embstore.ops.report import Report, report, warn
from embstore.ops.selection import Selection, vocabulary_of

if TYPE_CHECKING:
    from embstore.store.store import Store
    from embstore.words.policy import OovLike


def convert(
    src: str | Path | Store,
    dst: str | Path,
    *,
    to: str | None = None,
    dtype: Dtype | None = None,
    limit: int | None = None,
    vocab_only: str | Path | Iterable[str] | None = None,
    lower: bool = False,
    drop_zeros: bool = False,
    normalize: bool = False,
    oov: OovLike = None,
    padding: bool = False,
    duplicates: Duplicates = "first",
    compression: str | None = None,
    layout: str | None = None,
    strings: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    **reading: Any,
) -> Report:
    """Convert a file of embeddings, or a store, into another file, streamed in bounded memory.

    Parameters
    ----------
    src
        A file, or a `Store`, which is read as its file would be: of its special rows, those of n-grams are kept.
    dst
        A file. It appears when all is written, not before.
    to
        Format of `dst`; None takes it from the suffix (``.safetensors`` is a store).
    dtype
        ``float32``, ``float16``, ``bfloat16``, or ``int8``, which only a store has; None keeps what the source has.
        Whole numbers need one.
    limit
        Take the first rows only.
    vocab_only
        Words, or a file with one on each line: take the rows of these alone.
    lower
        Make the tokens lower case, before `vocab_only` picks among them. Of those that are one then, `duplicates`
        keeps the first, which is the most frequent in a table sorted so; the others count as repeated.
    drop_zeros
        Leave out the rows that are all zeros, and count them.
    normalize
        Scale every vector to length 1.
    oov, padding
        Write a store with the special rows of this policy, and with one of zeros for padding: layers with the
        same policy need no copy then.
    duplicates
        Which row a repeated token keeps: ``first``, ``last``; or ``error``.
    compression, layout, strings
        How to write formats that leave a choice: HDF5 ``none``, ``gzip`` or ``lzf``, ``chunked`` or ``contiguous``,
        ``variable`` or ``fixed``; .npz ``none`` or ``deflate``; Parquet ``zstd``, ``snappy`` or ``none``. None is
        the format's own, as formats/ describes it.
    overwrite
        Replace `dst` if it exists.
    progress
        Called with bytes read and bytes in all.
    **reading
        Options of reading a file: `format`, `vocab`, `key`, `member`, `dim`, `header`, `on_error`.

    Returns
    -------
    Report of rows, dim, duplicates, skipped lines, seconds and bytes.

    Warns
    -----
    EmbstoreWarning
        For each kind of oddity in the source.

    Raises
    ------
    FormatError
        Where the source is damaged, or the target's format cannot hold the table.
    FileExistsError
        Where `dst` exists and `overwrite` is False.
    TypeError, ValueError
        For an option that there is not, or a value that it does not take, before anything is read.
    """
    start = time.perf_counter()
    check_duplicates(duplicates)
    _check_source(src, reading)
    options = ReadOptions.of({"limit": limit, "dtype": dtype, **reading})
    target = target_codec(dst, to, dtype, overwrite=overwrite)
    choices = WriteOptions(compression, layout, strings, duplicates)
    target.check_choices(dst, choices)
    add_special = _special_rows(oov, padding, target) if oov is not None or padding else None
    if duplicates == "last" and not target.keeps_last:
        raise FormatError(dst, "duplicates=last needs a store as its target: convert to a store first")
    words = None if vocab_only is None else vocabulary_of(_words(vocab_only))
    source = _opened(src, options, progress)
    source = Selection(kept_dtype(dtype, source, target), limit, words, normalize, lower, drop_zeros).apply(source)
    if add_special is not None:
        source = add_special(source)
    counter = Counter()
    source = source.through(counter.count)
    write(source, dst, target, choices)
    warn(source.findings)
    return report(_name(src), dst, source, counter.rows, time.perf_counter() - start)


def _check_source(src: str | Path | Store, reading: dict[str, Any]) -> None:
    """Refuse what is neither a path nor a store, and options of reading for a store."""
    if isinstance(src, str | Path):
        return
    from embstore.store.store import Store  # here: conversions of files start faster

    if not isinstance(src, Store):
        raise TypeError(f"expected a path or a Store, not {src!r}")
    if reading:
        raise TypeError(f"{', '.join(reading)}: options of reading are for a path, not for Store")


def _opened(src: str | Path | Store, options: ReadOptions, progress: Progress | None) -> Source:
    """Open any file that a codec reads, or a store, as a source."""
    if isinstance(src, str | Path):
        return read(*open_to_read(src, options), options, progress)
    from embstore.store.source import store_source  # here: conversions of other files start faster

    return with_options(store_source(src, progress), options)


def _name(src: str | Path | Store) -> str:
    return str(src) if isinstance(src, str | Path) else str(src.path or "memory")


def target_codec(dst: str | Path, to: str | None, dtype: Dtype | None, *, overwrite: bool) -> Codec:
    """Return the format to write, and check what can be checked before anything is read."""
    check_dtype(dtype)
    check_target(dst, overwrite=overwrite)
    target = codec_for_target(dst, to)
    if not target.writes:
        raise EmbstoreError(f"the format {target.name} is read only")
    if dtype == "int8" and not target.keeps_scales:
        raise EmbstoreError(f"int8 is for stores: the format {target.name} has no scales for its rows; take float32")
    return target


def kept_dtype(dtype: Dtype | None, source: Source, target: Codec) -> Dtype | None:
    """Return what the rows become: other formats have no room for the scales of 8 bits."""
    return "float32" if dtype is None and source.dtype == "int8" and not target.keeps_scales else dtype


def write(source: Source, dst: str | Path, target: Codec, options: WriteOptions = AS_IS) -> None:
    """Write all rows, each token once."""
    with errors_naming(dst):
        if not target.keeps_last:
            batches = distinct(source, VocabBuilder(source.expected), options.duplicates, dst)
            source = source.through(lambda _: batches)
        target.writer().write(dst, source, options)


def _special_rows(oov: OovLike, padding: bool, target: Codec) -> Callable[[Source], Source]:
    """Return the stage that adds the rows of a policy, which is checked before anything is read."""
    from embstore.words.special_rows import (  # here: most conversions have none, and start faster
        policy_for_file,
        with_special,
    )

    if not target.keeps_special_rows:
        raise EmbstoreError(f"oov and padding make rows in a store: the format {target.name} has none such")
    policy = policy_for_file(oov)
    return lambda source: with_special(source, policy, padding)


class Counter:
    """Counts the rows that pass."""

    def __init__(self) -> None:
        self.rows = 0

    def count(self, batches: Iterable[Batch]) -> Any:
        """Yield the batches as they are."""
        for batch in batches:
            self.rows += len(batch.tokens)
            yield batch


def _words(vocab_only: str | Path | Iterable[str]) -> Iterable[str | bytes]:
    if isinstance(vocab_only, str | Path):
        text = Path(vocab_only).read_bytes()  # a pipe will do: it is read once, from its beginning to its end
        return [line for line in text.replace(b"\r\n", b"\n").split(b"\n") if line]
    return vocab_only
