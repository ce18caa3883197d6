"""Text without words, such as that of numpy.savetxt: each line has numbers alone, and the words are in another file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from embstore.codecs.shared.line import NUMBER, Tail, header_of
from embstore.codecs.shared.word_list import read_word_list
from embstore.codecs.shared.word_list_files import check_word_list
from embstore.codecs.shared.words_by_row import WordList
from embstore.codecs.text.shape import Shape
from embstore.core.batch import Batch, Findings, Tokens, Vectors
from embstore.core.errors import FormatError
from embstore.core.options import ReadOptions
from embstore.files.input import Input


def infer_wordless(lines: list[bytes], options: ReadOptions) -> Shape:
    """Infer the shape of lines of numbers alone; its `dim` is one less, since the first number counts as the token.

    Raises ValueError if a line has something else, and for options that such lines do not support.
    """
    if options.on_error == "skip":
        raise ValueError("lines left out would give later rows other words: read all lines of a file without words")
    comments = 0
    while comments < len(lines) and lines[comments].lstrip(b" \t").startswith(b"#"):  # as numpy.savetxt writes them
        comments += 1
    lines = lines[comments:] or [b""]
    header = header_of(lines[0])
    tails = [Tail.of(b" " + line.strip(b" \t")) for line in lines]
    below = {tail.numbers for tail, line in zip(tails[1:], lines[1:], strict=True) if line}
    has_header = options.header or (options.header is None and header and below == {header[1]} and header[1] != 2)
    rows = tails[1:] if has_header else tails
    worded = next((tail.word for tail in rows if tail.word), None)
    if worded is not None:
        shown = worded[:60].decode("utf-8", "replace")
        raise ValueError(f"{shown!r} is not a number: the lines have words, so leave the file of words out")
    dims = {tail.numbers for tail in rows if tail.numbers}
    if len(dims) != 1 or dims == {1}:
        found = ", ".join(map(str, sorted(dims)[:5])) or "no"
        raise ValueError(f"{found} numbers on a line, expected as many on each, 2 or more")
    dim = dims.pop() - 1
    stated = header[0] if has_header and header else None
    return Shape(
        dim, "from the first lines", stated=True, header_lines=comments + bool(has_header), rows=stated, wordless=True
    )


def with_words(
    batches: Iterator[Batch], source: Input, options: ReadOptions, findings: Findings, name: str
) -> Iterator[Batch]:
    """Yield the rows with the words of another file; FormatError at the end if there are more or fewer words."""
    assert options.vocab is not None  # noqa: S101
    words = read_word_list(source.open_companion(options.vocab), None, options, findings)
    return _joined(batches, words, source, name, options)


def _joined(
    batches: Iterator[Batch], words: WordList, source: Input, name: str, options: ReadOptions
) -> Iterator[Batch]:
    start = 0
    for batch in batches:
        stop = start + len(batch.tokens)
        first, last = np.searchsorted(words.rows, (start, stop))
        vectors = np.column_stack((_numbers(batch.tokens, start, source.path, name), batch.vectors))
        chosen = words.rows[first:last] - start
        in_order = len(chosen) == len(vectors) and bool((np.diff(chosen) == 1).all())
        counts = None if words.counts is None else words.counts[first:last]
        yield Batch(words.tokens[int(first) : int(last)], vectors if in_order else vectors[chosen], counts=counts)
        start = stop
    check_word_list(words, start, source.path, str(options.vocab), name)


def _numbers(tokens: Tokens, start: int, path: Path, name: str) -> Vectors:
    """Return the first fields as float32 of shape (rows,)."""
    texts = [token.strip(b" \t") for token in tokens.to_bytes()]
    wrong = next((i for i, text in enumerate(texts) if not NUMBER.fullmatch(text)), None)
    if wrong is not None:
        shown = texts[wrong][:60].decode("utf-8", "replace")
        raise FormatError(
            path, f"{shown!r} is not a number, expected numbers alone", where=f"row {start + wrong + 1}", format=name
        )
    with np.errstate(over="ignore"):
        return np.array(list(map(float, texts))).astype(np.float32)
