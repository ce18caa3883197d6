"""word2vec text and fastText's .vec: a header, ``rows dim``, then lines as in GloVe (formats/word2vec/SPEC.md)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from embstore.codecs.registry.detection import check_written
from embstore.codecs.shared.counted import CountedHeader
from embstore.codecs.shared.decimal import write_rows
from embstore.codecs.shared.line import NUMBER, count_numbers, header_of
from embstore.codecs.text.doubts import check_words_below, numbers_alone, too_many_numbers, words_cure
from embstore.codecs.text.reading import read_text
from embstore.codecs.text.shape import SAMPLE, Shape, most_common_dim
from embstore.codecs.text.words import check_kept
from embstore.core.batch import Batch, Source
from embstore.core.cures import cure, option
from embstore.core.errors import FormatError
from embstore.core.options import AS_IS, Progress, ReadOptions, WriteOptions
from embstore.files.input import Input

NAME = "word2vec"


def read(source: Input, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read word2vec text, plain, compressed or in a zip."""
    return read_text(source, options, progress, lambda lines: infer_shape(lines, options), NAME)


def infer_shape(lines: list[bytes], options: ReadOptions) -> Shape:
    """Read the shape from the header, or infer it as for GloVe if the user says that there is no header."""
    if options.header is False:
        return Shape(options.dim, "as requested", stated=True) if options.dim else most_common_dim(lines)
    header = header_of(lines[0])
    if not header or not header[1]:
        if numbers_alone(lines):
            raise ValueError(f"no words: the lines have numbers alone; {words_cure()}")
        found = lines[0][:60].decode("utf-8", "replace")
        without = cure("no-header", f"{option(header=False)} reads rows without one")
        raise ValueError(f"{found!r} is not a header, rows and dim: {without}")
    check_words_below(header, lines)
    rows, dim = header
    if options.dim not in (None, dim):
        raise ValueError(f"the header says {dim:,} numbers per row, but {options.dim:,} are requested: request none")
    counts = [count_numbers(line) for line in lines[1:] if line]
    if options.header is None and options.word_column is None and min(counts, default=0) > dim:
        raise too_many_numbers(dim, lines, min(counts))
    return Shape(dim, "from the header", stated=True, header_lines=1, rows=rows)


def write(path: str | Path, source: Source, options: WriteOptions = AS_IS) -> None:
    """Write word2vec text, each number with the fewest digits that read back to the same float32.

    On an error nothing is written.
    """
    source = source.through(lambda batches: _check_first_tokens(batches, path))
    from embstore.files.compressing import replacing_text  # here: reading starts faster without

    with replacing_text(path, overwrite=options.overwrite) as file:
        header = CountedHeader(file, source)
        header.finish(sum(write_rows(file, source, path, NAME, stated=True)), path, NAME)
        check_written(file, path, NAME)


def _check_first_tokens(batches: Iterator[Batch], path: str | Path) -> Iterator[Batch]:
    """Pass batches on; FormatError if all first tokens end in a number: `infer_shape` would reject the header."""
    first: list[bytes] = []
    for batch in batches:
        first += batch.tokens[: SAMPLE - 1 - len(first)].to_bytes()
        yield batch
    if first and all(map(_ends_in_number, first)):
        reason = (
            "all tokens end in a number, so the header would be rejected on reading; word2vec-bin or a store keeps them"
        )
        raise FormatError(path, reason, format=NAME)
    if first:
        check_kept(first, path, NAME, stated=True)


def _ends_in_number(token: bytes) -> bool:
    _, gap, last = token.replace(b"\t", b" ").rstrip(b" ").rpartition(b" ")
    return bool(gap and NUMBER.fullmatch(last))
