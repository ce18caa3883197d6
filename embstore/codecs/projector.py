"""A folder for TensorBoard's projector: vectors.tsv and metadata.tsv (formats/projector/SPEC.md)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from embstore.codecs.registry.folders import projector_files
from embstore.codecs.shared.cells import CellError, numbers_of
from embstore.codecs.shared.decimal import number_lines
from embstore.codecs.shared.json_file import names_for_message
from embstore.codecs.shared.line import BLANK
from embstore.codecs.shared.matrix import rows_in_batch
from embstore.codecs.shared.text_lines import TextLines
from embstore.core.batch import Batch, Findings, Source, Tokens
from embstore.core.cures import cure, option
from embstore.core.errors import FormatError
from embstore.core.limits import MAX_DIM
from embstore.core.options import AS_IS, Progress, ReadOptions, WriteOptions
from embstore.files.atomic import replacing, write_all
from embstore.files.folder import new_folder
from embstore.files.input import Input
from embstore.files.stream import Stream

NAME = "projector"
CONFIG = "projector_config.pbtxt"
MARK = b"# metadata.tsv has the escapes of embstore"
"""The first line of the configuration in a folder whose words are escaped: `\\n` may stand in the words of others."""

CONTENT = b'embeddings {\n  tensor_path: "vectors.tsv"\n  metadata_path: "metadata.tsv"\n}\n'
BOM = b"\xef\xbb\xbf"
WORD_NAMES = ("word", "words", "token", "tokens", "label", "labels", "name")
BACKSLASH = "words with a backslash, kept as they stand"
SPECIAL = re.compile("[\\\\\t\n\r\udc80-\udcff]")
LIKE_A_BYTE = re.compile(r"x[89a-f][0-9a-f]")
ESCAPE = re.compile(rb"\\(?:\\(x[89a-f][0-9a-f])|([\\tnr])|(u[0-9a-f]{4}))?")
LETTERS = {b"\\": b"\\", b"t": b"\t", b"n": b"\n", b"r": b"\r"}


def read(source: Input, options: ReadOptions, progress: Progress | None = None) -> Source:
    """Read a folder of embstore, or of another program."""
    path = source.path
    if not projector_files(path):
        raise FormatError(path, "expected a folder with vectors.tsv and metadata.tsv", format=NAME)
    findings = Findings()
    vectors, metadata = (source.open_companion(path / name) for name in ("vectors.tsv", "metadata.tsv"))
    words = _words(metadata, options, findings, escaped=_is_escaped(source))
    stream = Stream(vectors)
    try:
        lines = _lines(TextLines(stream, findings, NAME), findings)
        first = next(lines, None)
        if first is None:
            raise FormatError(vectors.path, "no rows, expected numbers with tabs between them", format=NAME)
        dim = first[1].count("\t") + 1
        if dim > MAX_DIM:
            raise FormatError(vectors.path, f"{dim:,} numbers in a row, expected {MAX_DIM:,} at most", format=NAME)
    except BaseException:
        stream.close()
        raise
    origin = f"{path.name}/vectors.tsv"
    return Source(
        dim=dim,
        batches=_batches(stream, first, lines, dim, words, progress),
        estimate=len(words),
        findings=findings,
        provenance=lambda: {**stream.provenance(), "name": origin, "format": NAME},
    )


def _is_escaped(source: Input) -> bool:
    """Return whether the words of a folder have the escapes of `label`."""
    config = source.path / CONFIG
    return config.is_file() and source.open_companion(config).head(len(MARK)) == MARK


def _lines(lines: TextLines, findings: Findings) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank, and their numbers."""
    for number, line in enumerate(lines, 1):
        text = line.rstrip("\r\n")
        if text.strip(" \t"):
            yield number, text
        else:
            findings.add(BLANK, f"line {number}")


def _batches(
    stream: Stream,
    first: tuple[int, str],
    lines: Iterator[tuple[int, str]],
    dim: int,
    words: Tokens,
    progress: Progress | None,
) -> Iterator[Batch]:
    done, chunk = 0, [first, *islice(lines, rows_in_batch(4 * dim) - 1)]
    with stream:
        while chunk:
            cells: list[str] = []
            for number, text in chunk:
                row = text.split("\t")
                if len(row) != dim:
                    reason = f"{len(row)} number{'s' * (len(row) != 1)}, expected {dim}"
                    raise FormatError(stream.path, reason, where=number, format=NAME)
                cells += row
            try:
                numbers = numbers_of(cells).reshape(len(chunk), dim)
            except CellError as error:
                row_of, column = divmod(error.place, dim)
                reason = f"{error}, in column {column + 1}"
                raise FormatError(stream.path, reason, where=chunk[row_of][0], format=NAME) from None
            tokens = words[done : done + len(chunk)]
            done += len(chunk)
            if len(tokens) < len(chunk):
                break
            yield Batch(tokens, numbers)
            if progress:
                progress(stream.position, stream.total)
            chunk = list(islice(lines, rows_in_batch(4 * dim)))
        done += sum(1 for _ in lines)
    if done != len(words):
        reason = f"{done:,} rows, but metadata.tsv next to it has {len(words):,} words"
        raise FormatError(stream.path, reason, format=NAME)


def _words(metadata: Input, options: ReadOptions, findings: Findings, *, escaped: bool) -> Tokens:
    """Return the words: the lines of metadata.tsv, or one of its columns, which then have a header."""
    *whole, last = metadata.read().removeprefix(BOM).split(b"\n")
    if all(line.endswith(b"\r") for line in whole):
        whole = [line[:-1] for line in whole]
    numbered = list(enumerate([*whole, last] if last else whole, 1))
    lines = [(number, line) for number, line in numbered if line.strip()]
    if len(lines) < len(numbered):
        blank = next(number for number, line in numbered if not line.strip())
        findings.add("empty lines of metadata.tsv left out", f"line {blank}", len(numbered) - len(lines))
    names = lines[0][1].split(b"\t") if lines else []
    column = _column([name.decode("utf-8", "replace") for name in names], options, metadata.path)
    words = []
    for number, line in lines[len(names) > 1 :]:
        cells = line.split(b"\t")
        if len(cells) != len(names):
            reason = f"{len(cells)} column{'s' * (len(cells) != 1)}, expected {len(names)}"
            raise FormatError(metadata.path, reason, where=number, format=NAME)
        if escaped:
            words.append(_unescaped(cells[column], metadata.path, number))
        else:
            words.append(cells[column])
            if b"\\" in cells[column]:
                findings.add(BACKSLASH, repr(cells[column].decode("utf-8", "replace")[:60]))
    return Tokens.pack(words)


def _column(names: list[str], options: ReadOptions, path: Path) -> int:
    """Return the column of words among those of a header; a file of one column has no header."""
    chosen = options.word_column
    if isinstance(chosen, int) and chosen <= len(names):
        return chosen - 1
    if len(names) < 2 and chosen is None:
        return 0
    wanted = WORD_NAMES if chosen is None else (str(chosen),)
    found = [column for column, name in enumerate(names) if (name.lower() if chosen is None else name) in wanted]
    if len(found) == 1:
        return found[0]
    listed = names_for_message(f"{number} {name!r}" for number, name in enumerate(names, 1))
    if chosen is not None:
        raise FormatError(path, f"no such column as {chosen!r:.60}: {listed}", where=1, format=NAME)
    columns = [column for column, name in enumerate(names) if name.strip()][:3]
    which = cure("projector-column", f"{' or '.join(option(word_column=names[column]) for column in columns)} names it")
    raise FormatError(path, f"cannot tell which column has the words: {listed}; {which}", where=1, format=NAME)


def write(path: str | Path, source: Source, options: WriteOptions = AS_IS) -> None:
    """Write the folder; tabs and line breaks in tokens are escaped.

    On an error nothing is written.
    """
    del options
    rows = 0
    with (
        new_folder(path) as folder,
        replacing(folder / "vectors.tsv") as vectors,
        replacing(folder / "metadata.tsv") as metadata,
        replacing(folder / CONFIG) as config,
    ):
        write_all(config, MARK + b"\n" + CONTENT)
        for batch in source.batches:
            write_all(vectors, b"".join(number_lines(batch.vectors, b"\t")))
            write_all(metadata, b"".join(label(token) + b"\n" for token in batch.tokens.to_bytes()))
            rows += len(batch.tokens)
        if not rows:
            raise FormatError(path, "no rows to write: the input holds none, or all were left out", format=NAME)


def label(token: bytes) -> bytes:
    """Return a token as a line of metadata.tsv; never blank, since the projector ignores blank lines."""
    text = token.decode("utf-8", "surrogateescape")
    text = SPECIAL.sub(lambda found: _escape(found[0], found.string, found.end()), text)
    if not text.strip() or text == '""':
        text = "".join(f"\\u{ord(letter):04x}" for letter in text) or '""'
    return (f"\\ufeff{text[1:]}" if text.startswith("\ufeff") else text).encode()


def _escape(character: str, text: str, end: int) -> str:
    """Return the escape of a character that ends at a place of a text."""
    if character == "\\":
        return "\\u005c" if LIKE_A_BYTE.match(text, end) else "\\\\"
    return {"\t": "\\t", "\n": "\\n", "\r": "\\r"}.get(character) or f"\\\\x{ord(character) - 0xDC00:02x}"


def _unescaped(line: bytes, path: Path, number: int) -> bytes:
    """Return the token of a line that `label` made; FormatError for any other escape."""

    def original(byte: bytes | None, letter: bytes | None, code: bytes | None) -> bytes:
        if byte is not None:
            return bytes.fromhex(byte[1:].decode())
        if code is not None:
            return chr(int(code[1:], 16)).encode("utf-8", "surrogatepass")
        if letter is None:
            raise FormatError(path, "a backslash that begins no escape", where=number, format=NAME)
        return LETTERS[letter]

    return b"" if line == b'""' else ESCAPE.sub(lambda found: original(*found.groups()), line)
