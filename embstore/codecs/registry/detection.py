"""Detection of a file's format from its first bytes, then its suffix, then its first lines.

A compressed file is detected from the first bytes and the name of what it contains.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO

from embstore.codecs.registry import magic
from embstore.codecs.registry.folders import contents
from embstore.codecs.registry.table import CODECS, Codec, codec_named
from embstore.codecs.shared.line import count_numbers, header_of
from embstore.core.cures import cure, option_name
from embstore.core.errors import EmbstoreError, FormatError, UnknownFormatError
from embstore.core.options import ReadOptions
from embstore.core.warn import warn_user
from embstore.files.input import Input
from embstore.files.unpacking import ZIP, is_compressed

HEAD = 4096
TEXT_HEAD = 1 << 16  # two rows of text may take more than HEAD
LINES = 20  # first lines that identify text without a known suffix
BOM = b"\xef\xbb\xbf"


def open_to_read(path: str | Path, options: ReadOptions) -> tuple[Input, Codec]:
    """Open a file and find its codec: the requested format if there is one, else the one that `sniff` detects.

    Raises EmbstoreError if the format cannot be read, and FormatError if it does not support one of the options.
    """
    codec = codec_named(options.format) if options.format else None
    if codec is not None:
        _check_readable(codec, path, options)
    source = Input(path)
    try:
        if codec is None:
            codec = sniff(source, options.member)
            _check_readable(codec, path, options)
        elif source.is_folder:
            if codec.suffixes and not (codec.folder and codec.folder(source.path)):
                raise FormatError(path, contents(source.path, _readable_suffixes()))
        else:
            _first_look(source, codec, options.member)
    except BaseException:
        source.close()
        raise
    return source, codec


def _readable_suffixes() -> tuple[str, ...]:
    """Return the suffixes of files that may be tables."""
    from embstore.codecs.shared.first_look.first_bytes import PACKED_SUFFIXES

    suffixes = (suffix for codec in CODECS.values() if codec.reads for suffix in codec.suffixes)
    return (*(suffix for suffix in suffixes if suffix != ".json"), *PACKED_SUFFIXES)  # most .json are settings


def _check_readable(codec: Codec, path: str | Path, options: ReadOptions) -> None:
    if not codec.reads:
        raise EmbstoreError(f"{path}: the format {codec.name} can be written but not read")
    codec.check_options(path, options)


def _first_look(source: Input, codec: Codec, member: str | None) -> None:
    """Raise FormatError for a file that is no table at all, although its format is given."""
    head = source.head(HEAD)
    if magic.is_store(head) or _has_rows(head):
        return
    from embstore.codecs.shared.first_look.check import check_content, check_file  # here: stores open faster

    check_file(source, known=_is_known(head))
    if is_compressed(head) and (codec.compressed or not head.startswith(ZIP)):
        check_content(source, member, _is_known)


def _has_rows(head: bytes) -> bool:
    """Return whether one of the first two lines is a row of text with two numbers or more, as in no other file."""
    return b"\0" not in head and any(count_numbers(line.rstrip(b" \t\r")) > 1 for line in head.split(b"\n", 2)[:2])


def sniff(source: Input, member: str | None = None) -> Codec:
    """Detect the format of a file from its first bytes, then its suffix, then its first lines.

    A compressed file is detected from the bytes and the name of its content.

    Parameters
    ----------
    source
        A file or a folder.
    member
        Name of the member of a zip; required if the zip has several.

    Warns
    -----
    EmbstoreWarning
        If the bytes are those of one format and the suffix is that of another. The bytes decide.

    Raises
    ------
    UnknownFormatError
        If nothing identifies the format.
    FormatError
        For an empty file, for what is no table at all, such as a web page or a pickle, and for a compressed file of a
        format that cannot be read from one.
    """
    path = source.path
    if source.is_folder:
        found = _by_folder(path)
        if found is not None:
            return found
        raise FormatError(path, contents(path, _readable_suffixes()))
    head, suffix = source.head(HEAD), path.suffix.lower()
    if not head:
        raise FormatError(path, "an empty file")
    if magic.is_store(head):  # first, and without further imports, so that stores open fast
        return _by_bytes(head, path, suffix) or CODECS["store"]
    if not _has_rows(head):
        from embstore.codecs.shared.first_look.check import check_file  # here: text is read sooner without

        check_file(source, known=_is_known(head))
    codec = _by_bytes(head, path, suffix)
    if codec is None and is_compressed(head):
        return _sniff_content(source, member)
    codec = codec or _by_name(suffix, source.head(TEXT_HEAD))
    if codec is None:
        tried = ", ".join(
            f"{codec.name} ({' '.join(codec.suffixes)})" for codec in CODECS.values() if codec.reads and codec.suffixes
        )
        reason = f"the format cannot be detected from the first bytes or the suffix {suffix!r}"
        named = cure("from", f"name it with {option_name('format')}")
        raise UnknownFormatError(path, f"{reason}; {named}. Tried: {tried}")
    return codec


def _by_folder(path: Path) -> Codec | None:
    """Find the format that is saved as folders such as this one; None for all other folders."""
    return next((codec for codec in CODECS.values() if codec.folder is not None and codec.folder(path)), None)


def _sniff_content(source: Input, member: str | None) -> Codec:
    """Detect the format of the content of a compressed file; GloVe if nothing identifies it, as in glove.6B.50d.gz."""
    from embstore.codecs.shared.first_look.check import check_content

    look = check_content(source, member, _is_known)
    head, suffix = look.head, Path(look.content_name).suffix.lower()
    codec = _by_bytes(head[:HEAD], source.path, suffix) or _by_name(suffix, head) or CODECS["glove"]
    if not codec.compressed:
        readable = ", ".join(codec.name for codec in CODECS.values() if codec.compressed)
        target = look.beside(suffix or codec.suffixes[0])
        reason = f"{codec.name} in a compressed file, expected one of {readable}: {look.unpacking(target)}"
        raise FormatError(source.path, reason)
    return codec


def _by_magic(head: bytes) -> Codec | None:
    return next((codec for codec in CODECS.values() if codec.magic is not None and codec.magic(head)), None)


def _is_known(head: bytes) -> bool:
    return _by_magic(head[:HEAD]) is not None


def _by_bytes(head: bytes, path: str | Path, suffix: str) -> Codec | None:
    codec = _by_magic(head)
    owners = [other.name for other in CODECS.values() if suffix in other.suffixes]
    if suffix == ".json" and head[:1] == b"{":  # what is in a file of JSON need not be a table of the format json
        owners = []
    if codec is not None and len(owners) == 1 and owners != [codec.name]:  # a suffix of several formats is no evidence
        mismatch = f"the bytes are {codec.name}, though the suffix says {owners[0]}; read as {codec.name}"
        warn_user(f"{path}: {mismatch}")
    return codec


def _by_suffix(suffix: str) -> Codec | None:
    """Find the first format with a suffix, except formats that only their first bytes identify."""
    candidates = (codec for codec in CODECS.values() if _is_found_by_suffix(codec, suffix))
    return next(candidates, None)


def _is_found_by_suffix(codec: Codec, suffix: str) -> bool:
    return codec.reads and not codec.by_bytes_alone and suffix in codec.suffixes


def _by_name(suffix: str, head: bytes) -> Codec | None:
    """Find a format that has no characteristic first bytes, from the suffix, then from the first lines.

    In a .bin the lines come first: word2vec's own tool uses this suffix for binary and text. A .csv or .tsv may be text
    with a header, or with spaces between the numbers.
    """
    if suffix == ".bin" and magic.has_sparse_rows(head):
        return CODECS["word2vec"]
    if suffix == ".bin":
        return _by_lines(head) or _by_suffix(suffix)
    if suffix in (".csv", ".tsv"):
        found = _by_lines(head)
        return found if found and (found.name == "word2vec" or not _is_delimited(head)) else _by_suffix(suffix)
    return _by_suffix(suffix) or _by_lines(head)


def _by_lines(head: bytes) -> Codec | None:
    """Detect text from its first whole lines: a header and a row that agrees with it, or rows of equal length.

    Rows need two numbers at least: lines with one number could be anything, such as a list of pairs.
    """
    *pieces, last = head.removeprefix(BOM).split(b"\n")
    if len(pieces) < 2 and len(head) < TEXT_HEAD:  # a file of two lines; in a longer one, the last may be incomplete
        pieces.append(last)
    lines = [line.rstrip(b" \t\r") for line in pieces[:LINES]]
    counts = list(map(count_numbers, lines))
    if len(lines) < 2 or counts[1] < 2:
        return None
    if counts[0] == 1:
        header = header_of(lines[0])
        return CODECS["word2vec"] if header and header[1] == counts[1] else None
    return CODECS["glove"] if set(counts) == {counts[1]} else None


def _is_delimited(head: bytes) -> bool:
    """Return whether most of the first lines are cells that commas, tabs or semicolons separate."""
    from embstore.codecs.shared.delimiters import delimiters_of  # here: most files are found without

    return bool(delimiters_of(head.removeprefix(BOM).decode("utf-8", "surrogateescape")))


def check_written(file: IO[bytes], path: str | Path, name: str) -> None:
    """Raise FormatError if a written file begins like a file of another format, since it would be read as that format.

    Parameters
    ----------
    file
        The complete file, open for reading; its position changes.
    path, name
        The final path of the file, and its format.
    """
    from embstore.codecs.shared.first_look.check import what_it_is
    from embstore.codecs.shared.first_look.first_bytes import FirstBytes

    file.seek(0)
    head = file.read(HEAD)
    codec = _by_magic(head)
    if codec is not None and codec.name != name:
        detected = codec.name
    elif codec is None and is_compressed(head):
        detected = "a compressed file"
    elif codec is None and (other := what_it_is(FirstBytes(Path(path), head))) is not None:
        detected = other.partition(":")[0].partition(",")[0]
    elif head.startswith(BOM):
        detected = "a byte order mark"
    else:
        return
    reason = (
        f"the first bytes, {head[:40].decode('utf-8', 'replace')!r}, would be read as {detected}; a store keeps them"
    )
    raise FormatError(path, reason, format=name)
