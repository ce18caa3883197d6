"""Reading any file as a source of rows."""

from __future__ import annotations

from collections.abc import Iterator

from embstore.codecs.registry.table import Codec
from embstore.core.batch import Batch, Source
from embstore.core.errors import FormatError
from embstore.core.options import Progress, ReadOptions
from embstore.files.input import Input


def read(file: Input, codec: Codec, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read a file by a codec, and check that none of the files of its table was replaced meanwhile.

    Parameters
    ----------
    file
        Closed when the rows are consumed, or by an error.
    codec
        As `codec_to_read` found it.
    options
        Noted in the source's provenance, as far as they are given; the format's name apart.
    progress
        Called with bytes read and bytes in all.
    """
    try:
        source = _read(file, codec, options, progress)
    except BaseException:
        file.close()
        raise
    source = with_options(source, options)
    return source.through(lambda batches: _closing(file, batches))


def with_options(source: Source, options: ReadOptions) -> Source:
    """Return a source whose provenance notes the options of reading that were given."""
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
        file.check_unchanged()  # what does not fit together may be of two versions
        raise
    file.check_unchanged()
    return source


def _closing(file: Input, batches: Iterator[Batch]) -> Iterator[Batch]:
    with file:
        yield from batches
