"""`embstore.convert`: reads a table, selects and changes rows, and writes them in another format."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Unpack, get_args

from embstore.codecs.registry.detection import open_to_read
from embstore.codecs.registry.table import Codec
from embstore.codecs.registry.targets import codec_for_target
from embstore.core.batch import Batch, Findings, Source
from embstore.core.cures import cure, option
from embstore.core.duplicates import REPEATED, check_duplicates, distinct
from embstore.core.errors import EmbstoreError, FormatError
from embstore.core.index import VocabBuilder
from embstore.core.options import (
    AS_IS,
    Dtype,
    Duplicates,
    Order,
    Progress,
    ReadOptions,
    WriteOptions,
    check_choice,
    check_dtype,
)
from embstore.files.atomic import check_target
from embstore.files.os_errors import errors_naming
from embstore.ops.read import FileReading, read, with_options
from embstore.ops.report import Report, report, warn
from embstore.ops.selection import Selection, rounded

if TYPE_CHECKING:
    from embstore.ops.chosen_words import ChosenWords
    from embstore.ops.ordering import Ordering
    from embstore.store.store import Store
    from embstore.words.policy import OovLike


class ConvertOptions(FileReading, total=False):
    """The keyword arguments of `convert`."""

    to: str | None
    dtype: Dtype | None
    limit: int | None
    vocab_only: str | Path | Iterable[str] | None
    order: Order
    lower: bool
    drop_zeros: bool
    normalize: bool
    oov: OovLike
    padding: bool
    duplicates: Duplicates
    compression: str | None
    layout: str | None
    strings: str | None
    overwrite: bool
    progress: Progress | None


def convert(
    src: str | Path | Store,
    dst: str | Path,
    *,
    to: str | None = None,
    dtype: Dtype | None = None,
    limit: int | None = None,
    vocab_only: str | Path | Iterable[str] | None = None,
    order: Order = "file",
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
    **reading: Unpack[FileReading],
) -> Report:
    """Convert a file of embeddings, or a store, into another file, streamed in bounded memory.

    Parameters
    ----------
    src
        A file, or a `Store`, which gives the same result as its file. Of its special rows, only n-grams are kept.
    dst
        The file to write. It appears only when it is complete.
    to
        Format of `dst`; None infers it from the suffix (``.safetensors`` is a store).
    dtype
        ``float32``, ``float16``, ``bfloat16``, or, for stores only, ``int8``. None keeps the dtype of the source;
        required if that is an integer type.
    limit
        Read only this many rows, the first ones.
    vocab_only
        Words, or a file of words (text with one per line, JSON, or ``.npy``): keep the rows of these words only. The
        words of a mapping or JSON object from word to row are in the order of these rows.
        `word_column` and `exact_words` apply to the file if it is no plain list of words. The report says how many of
        the words were found, and names the first missing ones.
    order
        Of the rows of `vocab_only`: ``file``, as they are in `src`; or ``words``, as in the list. Missing words are
        left out, but with ``words`` and `oov` they get rows, so that row i belongs to word i: the row of the first form
        that `src` has, or what the ending of the policy gives in a layer over the chosen words. The ending ``skip``
        leaves words out, and ``error`` is an error. The rows are first written to a temporary file next to `dst`.
    lower
        Convert the tokens to lower case, before `vocab_only` is applied. `duplicates` applies to tokens that become
        equal: by default the first is kept, which is the most frequent one in a table sorted by frequency.
    drop_zeros
        Drop rows that are all zeros, and count them in `Report.findings`.
    normalize
        Scale each vector to length 1. finalfusion also gets the lengths, so that reading it restores the vectors.
    oov, padding
        For stores: also write the special rows of this policy, and a padding row of zeros. Layers with the same policy
        then map the file without a copy. With ``order="words"``, for all formats: fill the rows of missing words.
    duplicates
        Which row of a repeated token to keep: ``first``, ``last``; or ``error``.
    compression, layout, strings
        Variants of some formats. HDF5: compression ``none``, ``gzip`` or ``lzf``; layout ``chunked`` or
        ``contiguous``; strings ``variable`` or ``fixed``. npz: compression ``none`` or ``deflate``. Parquet:
        compression ``zstd``, ``snappy`` or ``none``. None is the format's default, see formats/.
    overwrite
        Replace `dst` if it exists.
    progress
        Called with bytes read and total bytes.
    **reading
        Reading options for a file: `format`, `vocab`, `key`, `member`, `dim`, `header`, `on_error`, `word_column`,
        `exact_words`.

    Returns
    -------
    Report
        Rows, dim, duplicates, skipped lines, words found and missing, seconds and bytes.

    Warns
    -----
    EmbstoreWarning
        For each kind of finding in the source.

    Raises
    ------
    FormatError
        If the source is damaged, or the format of the target cannot store the table.
    FileExistsError
        If `dst` exists and `overwrite` is False.
    TypeError, ValueError
        For an unknown option or an invalid value, before anything is read.

    Examples
    --------
    >>> report = embstore.convert("glove.6B.50d.txt", "small.safetensors", limit=1000, dtype="float16")
    >>> report.rows, report.dim, report.dtype
    (1000, 50, 'float16')
    >>> report = embstore.convert("glove.6B.50d.safetensors", "pets.txt", vocab_only=["frog", "toad", "qzxv"])
    >>> list(embstore.open("pets.txt").itos)
    ['frog', 'toad']
    >>> report.found, report.requested, report.missing
    (2, 3, ['qzxv'])

    A matrix for a model that has its own vocabulary: row i is the vector of word i.

    >>> words = ["<pad>", "Toad", "frog"]
    >>> report = embstore.convert("glove.6B.50d.txt", "mine.npy", vocab_only=words, order="words", oov="lower,zero")
    >>> report.found, report.filled
    (1, {'lower': 1, 'zero': 1})
    >>> glove, matrix = embstore.open("glove.6B.50d.safetensors"), np.load("mine.npy")
    >>> bool(matrix[0].any()), bool((matrix[1:] == glove[["toad", "frog"]]).all())
    (False, True)
    """
    start = time.perf_counter()
    check_duplicates(duplicates)
    check_choice("order", order, get_args(Order))
    if order == "words" and vocab_only is None:
        raise ValueError("order='words': expected the words in vocab_only, whose order it is")
    _check_source(src)
    options = ReadOptions.of({"limit": limit, "dtype": dtype, **reading})
    target = target_codec(dst, to, dtype, overwrite=overwrite)
    _check_companions(src, dst, options)
    stores_norms = normalize and target.keeps_norms
    choices = WriteOptions(compression, layout, strings, duplicates, overwrite, stores_norms)
    target.check_choices(dst, choices)
    add_special = _special_rows(oov, padding, target, order) if oov is not None or padding else None
    if duplicates == "last" and not target.keeps_last and order == "file":
        reason = f"{target.name} cannot keep the last row of a repeated token: convert to a store (.safetensors) first"
        raise FormatError(dst, reason)
    words, ordering, noted = None, None, Findings()
    if vocab_only is not None:
        from embstore.ops.chosen_words import choose_words  # imported late: conversions of whole tables start faster

        numbered = order == "words" and oov is not None
        words, options = choose_words(vocab_only, options, noted, order=order, numbered=numbered)
        ordering = _ordering(words, oov, _source_name(src)) if order == "words" else None
    kept = ordering.vocabulary() if ordering else words.vocab if words else None
    selection = Selection(None, limit, kept, normalize and not stores_norms, lower, drop_zeros)
    source = selection.choose(_open_source(src, options, progress))
    source.findings.update(noted)
    dtype = dtype_to_write(dtype, source, target)
    if words is not None:
        source = words.counted(source, _source_name(src))
    counter, filled = RowCounter(), dict[str, int]()
    with ExitStack() as stack:
        if ordering is not None:
            source, filled = stack.enter_context(ordering.apply(source, dtype, add_special, duplicates, dst))
        else:
            source = rounded(source, dtype, source.findings)
            source = source if add_special is None else add_special(source)
        write(source.through(counter.count), dst, target, choices)
    rows = counter.rows - (0 if ordering else source.findings.counts.get(REPEATED, 0))
    warn(source.findings)
    return report(_source_name(src), dst, source, rows, time.perf_counter() - start, words, filled)


def _check_source(src: str | Path | Store) -> None:
    """Raise TypeError if the source is neither a path nor a store."""
    if isinstance(src, str | Path):
        return
    from embstore.store.store import Store  # imported late: conversions of files start faster

    if not isinstance(src, Store):
        raise TypeError(f"expected a path or a Store, not {src!r}")


def _check_companions(src: str | Path | Store, dst: str | Path, options: ReadOptions) -> None:
    """Refuse to replace the words of the source, without which the source could not be read again."""
    if not isinstance(src, str | Path) or not Path(dst).exists():
        return
    from embstore.codecs.shared.word_list_names import word_list_paths  # imported late: rarely needed

    words = [*word_list_paths(Path(src)), *([Path(options.vocab)] if options.vocab else [])]
    if any(place.exists() and place.samefile(dst) for place in words):
        raise EmbstoreError(f"{dst}: has the words of {src}, which could not be read without it: write another file")


def _open_source(src: str | Path | Store, options: ReadOptions, progress: Progress | None) -> Source:
    """Open a file of any readable format, or a store, as a source."""
    if isinstance(src, str | Path):
        return read(*open_to_read(src, options), options, progress)
    from embstore.store.source import store_source  # imported late: conversions of files start faster

    refused = [name for name in options.non_default() if name not in ("limit", "dtype")]
    if refused:
        raise TypeError(f"{', '.join(refused)}: reading options are for a path, not for Store")
    return with_options(store_source(src, progress), options)


def _source_name(src: str | Path | Store) -> str:
    return str(src) if isinstance(src, str | Path) else str(src.path or "memory")


def target_codec(dst: str | Path, to: str | None, dtype: Dtype | None, *, overwrite: bool) -> Codec:
    """Return the codec that writes the target; raise errors that need no reading of the source."""
    check_dtype(dtype)
    check_target(dst, overwrite=overwrite)
    target = codec_for_target(dst, to)
    if not target.writes:
        raise EmbstoreError(f"the format {target.name} is read only")
    if dtype == "int8" and not target.keeps_scales:
        as_float32 = cure("no-scales", f"{option(dtype='float32')} writes the values themselves")
        raise EmbstoreError(
            f"{target.name} cannot store int8, which needs a scale for each row, as a store has; {as_float32}"
        )
    return target


def dtype_to_write(dtype: Dtype | None, source: Source, target: Codec) -> Dtype | None:
    """Return the requested dtype; float32 for an int8 source if none was requested and the target has no scales."""
    return "float32" if dtype is None and source.dtype == "int8" and not target.keeps_scales else dtype


def write(source: Source, dst: str | Path, target: Codec, options: WriteOptions = AS_IS) -> None:
    """Write all rows of a source, each token once."""
    with errors_naming(dst):
        if not target.keeps_last:
            batches = distinct(source, VocabBuilder(source.expected), options.duplicates, dst)
            source = source.through(lambda _: batches)
        target.writer().write(dst, source, options)


def _special_rows(oov: OovLike, padding: bool, target: Codec, order: Order) -> Callable[[Source], Source]:
    """Return the stage that adds the special rows of a policy, which is checked before anything is read."""
    from embstore.words.special_rows import (  # imported late: most conversions add no special rows, and start faster
        policy_for_file,
        with_special,
    )

    if not target.keeps_special_rows and (padding or order == "file"):
        raise EmbstoreError(f"{target.name} cannot store special rows, which oov and padding add: write a store")
    policy = policy_for_file(oov)
    return lambda source: with_special(source, policy, padding)


def _ordering(words: ChosenWords, oov: OovLike, name: str) -> Ordering:
    """Return how rows are put in the order of the words; without a policy, missing words are left out."""
    from embstore.ops.ordering import Ordering
    from embstore.words.policy import Policy

    return Ordering(words, Policy.parse("skip" if oov is None else oov), name)


class RowCounter:
    """Counts the rows of the batches that pass through `count`."""

    def __init__(self) -> None:
        self.rows = 0

    def count(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Yield the batches unchanged."""
        for batch in batches:
            self.rows += len(batch.tokens)
            yield batch
