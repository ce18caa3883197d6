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
from embstore.core.errors import EmbstoreError, FormatError, UnknownFormatError
from embstore.core.options import ReadOptions
from embstore.core.warn import warn_user
from embstore.files.input import Input
from embstore.files.unpacking import is_compressed

HEAD = 4096
TEXT_HEAD = 1 << 16  # two rows of text may take more than HEAD
LINES = 20  # first lines that identify text without a known suffix
BOM = b"\xef\xbb\xbf"
COMPRESSED_SUFFIXES = (".gz", ".bz2", ".xz", ".zst", ".zip")

PICKLE = "a pickle{of}, which may run any code when it is loaded. Where you trust it, two lines {export}"
GENSIM = (
    "export it from gensim: `from gensim.models import KeyedVectors` and "
    "`KeyedVectors.load(old){vectors}.save_word2vec_format('new.bin', binary=True)`"
)
VECTORS_OF = {"Word2Vec": ".wv", "FastText": ".wv", "Doc2Vec": ".wv", "PoincareModel": ".kv"}  # whole models
ANY_PICKLE = (
    "save what it holds: `import embstore, pickle; table = pickle.load(open(old, 'rb'))` and, for a dict of words and "
    "vectors, `embstore.save('new.safetensors', list(table), list(table.values()))`"
)


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
        elif source.is_folder and codec.suffixes and not (codec.folder and codec.folder(source.path)):
            raise FormatError(path, contents(source.path, _readable_suffixes()))
    except BaseException:
        source.close()
        raise
    return source, codec


def _readable_suffixes() -> tuple[str, ...]:
    """Return the suffixes of files that may be tables."""
    return (*(suffix for codec in CODECS.values() if codec.reads for suffix in codec.suffixes), *COMPRESSED_SUFFIXES)


def _check_readable(codec: Codec, path: str | Path, options: ReadOptions) -> None:
    if not codec.reads:
        raise EmbstoreError(f"{path}: the format {codec.name} can be written but not read")
    codec.check_options(path, options)


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
        For an empty file, a pickle, and a compressed file of a format that cannot be read from one.
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
    codec = _by_bytes(head, path, suffix)
    if codec is None and is_compressed(head):
        return _sniff_content(source, member)
    codec = codec or _by_name(suffix, source.head(TEXT_HEAD))
    if codec is None:
        tried = ", ".join(
            f"{codec.name} ({' '.join(codec.suffixes)})" for codec in CODECS.values() if codec.reads and codec.suffixes
        )
        raise UnknownFormatError(
            path,
            f"the format cannot be detected from the first bytes or the suffix {suffix!r}; "
            f"name it with --from (format=). Tried: {tried}",
        )
    return codec


def _by_folder(path: Path) -> Codec | None:
    """Find the format that is saved as folders such as this one; None for all other folders."""
    return next((codec for codec in CODECS.values() if codec.folder is not None and codec.folder(path)), None)


def _sniff_content(source: Input, member: str | None) -> Codec:
    """Detect the format of the content of a compressed file; GloVe if nothing identifies it, as in glove.6B.50d.gz."""
    from embstore.files.stream import Stream  # here: stores are opened without, and faster

    path, buffer = source.path, bytearray(TEXT_HEAD)
    with Stream(source, member) as stream:
        head = bytes(buffer[: stream.fill(memoryview(buffer))])
        name = Path(stream.name)
    suffix = (name.with_suffix("") if name.suffix.lower() in COMPRESSED_SUFFIXES else name).suffix.lower()
    codec = _by_bytes(head[:HEAD], path, suffix) or _by_name(suffix, head) or CODECS["glove"]
    if not codec.compressed:
        readable = ", ".join(codec.name for codec in CODECS.values() if codec.compressed)
        raise FormatError(path, f"{codec.name} in a compressed file, expected one of {readable}: decompress it first")
    return codec


def _by_magic(head: bytes) -> Codec | None:
    return next((codec for codec in CODECS.values() if codec.magic is not None and codec.magic(head)), None)


def _by_bytes(head: bytes, path: str | Path, suffix: str) -> Codec | None:
    codec = _by_magic(head)
    if codec is None and magic.is_pickle(head):
        raise FormatError(path, _pickle(magic.gensim_class(head)))
    owners = [other.name for other in CODECS.values() if suffix in other.suffixes]
    if codec is not None and len(owners) == 1 and owners != [codec.name]:  # a suffix of several formats is no evidence
        mismatch = f"the bytes are {codec.name}, though the suffix says {owners[0]}; read as {codec.name}"
        warn_user(f"{path}: {mismatch}")
    return codec


def _pickle(kind: str | None) -> str:
    """Return the error for a pickle, with the lines that export it; `kind` is the gensim class that it names."""
    of = f" of gensim's {kind}" if kind else ""
    if kind and (kind in VECTORS_OF or kind.endswith("KeyedVectors")):
        return PICKLE.format(of=of, export=GENSIM.format(vectors=VECTORS_OF.get(kind, "")))
    return PICKLE.format(of=of, export=ANY_PICKLE)


def _by_suffix(suffix: str) -> Codec | None:
    """Find the first format with a suffix, except formats that only their first bytes identify."""
    candidates = (codec for codec in CODECS.values() if _is_found_by_suffix(codec, suffix))
    return next(candidates, None)


def _is_found_by_suffix(codec: Codec, suffix: str) -> bool:
    return codec.reads and not codec.by_bytes_alone and suffix in codec.suffixes


def _by_name(suffix: str, head: bytes) -> Codec | None:
    """Find a format that has no characteristic first bytes, from the suffix, then from the first lines.

    In a .bin the lines come first: word2vec's own tool uses this suffix for binary and text.
    """
    if suffix == ".bin":
        return _by_lines(head) or _by_suffix(suffix)
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


def check_written(file: IO[bytes], path: str | Path, name: str) -> None:
    """Raise FormatError if a written file begins like a file of another format, since it would be read as that format.

    Parameters
    ----------
    file
        The complete file, open for reading; its position changes.
    path, name
        The final path of the file, and its format.
    """
    file.seek(0)
    head = file.read(HEAD)
    codec = _by_magic(head)
    if codec is not None and codec.name != name:
        detected = codec.name
    elif codec is None and magic.is_pickle(head):
        detected = "a pickle"
    elif codec is None and is_compressed(head):
        detected = "a compressed file"
    elif head.startswith(BOM):
        detected = "a byte order mark"
    else:
        return
    reason = (
        f"the first bytes, {head[:40].decode('utf-8', 'replace')!r}, would be read as {detected}; a store keeps them"
    )
    raise FormatError(path, reason, format=name)
