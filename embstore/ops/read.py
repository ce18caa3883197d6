"""Reads any file as a source of rows, and checks that none of its files was replaced meanwhile."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TypedDict

from embstore.codecs.registry.table import Codec
from embstore.core.batch import Batch, Source
from embstore.core.closing import ClosingBatches
from embstore.core.errors import FormatError
from embstore.core.options import OnError, Progress, ReadOptions
from embstore.files.input import Input


class FileReading(TypedDict, total=False):
    """`Reading` without `limit` and `dtype`, which `convert` has as parameters."""

    format: str | None
    vocab: str | Path | None
    key: str | None
    member: str | None
    dim: int | None
    header: bool | None
    on_error: OnError
    word_column: int | str | None
    exact_words: bool


def read(file: Input, codec: Codec, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read a file with a codec, and check that no file of its table was replaced meanwhile.

    Parameters
    ----------
    file
        Closed when the rows are consumed, or by an error.
    codec
        As returned by `open_to_read`.
    options
        Those that differ from their defaults are noted in the source's provenance, except `format`.
    progress
        Called with bytes read and total bytes.
    """
    try:
        source = _read(file, codec, options, progress)
    except BaseException:
        file.close()
        raise
    source = with_options(source, options)
    return source.through(lambda batches: ClosingBatches(_checked(file, batches), file.close))


def with_options(source: Source, options: ReadOptions) -> Source:
    """Return a source whose provenance notes the options that differ from their defaults, except `format`."""
    given = {name: value for name, value in options.non_default().items() if name != "format"}
    if given:
        noted = ", ".join(f"{name}={value}" for name, value in given.items())
        origin = source.provenance
        source.provenance = lambda: {**origin(), "options": noted}
    return source


def _read(file: Input, codec: Codec, options: ReadOptions, progress: Progress | None) -> Source:
    try:
        source = codec.reader().read(file, options, progress)
    except FormatError:
        file.check_unchanged()  # files that do not match may be of two versions: report that instead
        raise
    try:
        file.check_unchanged()
    except BaseException:
        if isinstance(source.batches, Generator):
            source.batches.close()
        raise
    return source


def _checked(file: Input, batches: Iterator[Batch]) -> Iterator[Batch]:
    try:
        for batch in batches:
            file.check_not_written()
            yield batch
    except FormatError:
        file.check_not_written()  # what looks damaged may be of two versions
        raise
    file.check_not_written()
