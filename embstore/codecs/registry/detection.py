"""Which format a file has: its first bytes tell, then its suffix; of a packed one, those of what is inside."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import IO

from embstore.codecs.registry import magic
from embstore.codecs.registry.table import CODECS, Codec, codec_named
from embstore.codecs.shared.line import count_numbers, header_of
from embstore.core.errors import EmbstoreError, EmbstoreWarning, FormatError, UnknownFormatError
from embstore.core.options import ReadOptions
from embstore.files.input import Input
from embstore.files.stream import Stream
from embstore.files.unpacking import is_compressed

HEAD = 4096
TEXT_HEAD = 1 << 16  # two rows of text take more
LINES = 20  # that tell text where nothing else does
MARK = b"\xef\xbb\xbf"
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
    """Open a file and find its format: the one that is named, else the one that `sniff` finds.

    Raises EmbstoreError where the format is written only, and FormatError where it has no use for one of the options.
    """
    codec = codec_named(options.format) if options.format else None
    if codec is not None:
        _check_readable(codec, path, options)
    source = Input(path)
    if codec is None:
        try:
            codec = sniff(source, options.member)
            _check_readable(codec, path, options)
        except BaseException:
            source.close()
            raise
    return source, codec


def _check_readable(codec: Codec, path: str | Path, options: ReadOptions) -> None:
    if not codec.reads:
        raise EmbstoreError(f"{path}: the format {codec.name} is written only")
    codec.check_options(path, options)


def sniff(source: Input, member: str | None = None) -> Codec:
    """Find the format of a file by its first bytes, then by its suffix, then by its first lines.

    Of a packed one by those of what is inside.

    Parameters
    ----------
    source
        A file or a folder.
    member
        Name of the member of a zip; needed where it holds several.

    Warns
    -----
    EmbstoreWarning
        Where the bytes are those of one format and the suffix is that of another: the bytes are believed.

    Raises
    ------
    UnknownFormatError
        Where neither tells.
    FormatError
        For an empty file, a pickle, and a packed file of a format that is not read from inside one.
    """
    path = source.path
    if source.is_folder:
        found = _by_folder(path)
        if found is not None:
            return found
    head, suffix = source.head(HEAD), path.suffix.lower()
    if not head:
        raise FormatError(path, "an empty file")
    codec = _by_bytes(head, path, suffix)
    if codec is None and is_compressed(head):
        return _inside(source, member)
    codec = codec or _by_name(suffix, source.head(TEXT_HEAD))
    if codec is None:
        tried = ", ".join(
            f"{codec.name} ({' '.join(codec.suffixes)})" for codec in CODECS.values() if codec.reads and codec.suffixes
        )
        raise UnknownFormatError(
            path,
            f"neither its first bytes nor its suffix {suffix!r} tell the format; "
            f"name one with --from (format=). Tried: {tried}",
        )
    return codec


def _by_folder(path: Path) -> Codec | None:
    """Find the format that has folders such as this one; None for all other folders."""
    return next((codec for codec in CODECS.values() if codec.folder is not None and codec.folder(path)), None)


def _inside(source: Input, member: str | None) -> Codec:
    """Find the format of what a file packs: text where nothing tells, as in glove.6B.50d.gz."""
    path, buffer = source.path, bytearray(TEXT_HEAD)
    with Stream(source, member) as stream:
        head = bytes(buffer[: stream.fill(memoryview(buffer))])
        name = Path(stream.name)
    suffix = (name.with_suffix("") if name.suffix.lower() in COMPRESSED_SUFFIXES else name).suffix.lower()
    codec = _by_bytes(head[:HEAD], path, suffix) or _by_name(suffix, head) or CODECS["glove"]
    if not codec.compressed:
        readable = ", ".join(codec.name for codec in CODECS.values() if codec.compressed)
        raise FormatError(path, f"{codec.name} inside a compressed file, where only {readable} are read: unpack it")
    return codec


def _by_magic(head: bytes) -> Codec | None:
    return next((codec for codec in CODECS.values() if codec.magic is not None and codec.magic(head)), None)


def _by_bytes(head: bytes, path: str | Path, suffix: str) -> Codec | None:
    codec = _by_magic(head)
    if codec is None and magic.is_pickle(head):
        raise FormatError(path, _pickle(magic.gensim_class(head)))
    owners = [other.name for other in CODECS.values() if suffix in other.suffixes]
    if codec is not None and len(owners) == 1 and owners != [codec.name]:  # a suffix of several formats tells nothing
        said = f"the bytes are {codec.name}, though the suffix says {owners[0]}; read as {codec.name}"
        warnings.warn(f"{path}: {said}", EmbstoreWarning, stacklevel=5)
    return codec


def _pickle(kind: str | None) -> str:
    """Refuse a pickle, of a class of gensim's if its first bytes name one, with the lines that make a table of it."""
    of = f" of gensim's {kind}" if kind else ""
    if kind and (kind in VECTORS_OF or kind.endswith("KeyedVectors")):
        return PICKLE.format(of=of, export=GENSIM.format(vectors=VECTORS_OF.get(kind, "")))
    return PICKLE.format(of=of, export=ANY_PICKLE)


def _by_suffix(suffix: str) -> Codec | None:
    """Find the first format with a suffix, but for those that their bytes alone identify."""
    fitting = (codec for codec in CODECS.values() if _is_found_by_suffix(codec, suffix))
    return next(fitting, None)


def _is_found_by_suffix(codec: Codec, suffix: str) -> bool:
    return codec.reads and not codec.by_bytes_alone and suffix in codec.suffixes


def _by_name(suffix: str, head: bytes) -> Codec | None:
    """Find a format whose first bytes tell nothing: by the suffix, then by the first lines.

    A .bin without the first bytes of one may be text: word2vec's own tool calls both kinds so.
    """
    if suffix == ".bin":
        return _by_lines(head) or _by_suffix(suffix)
    return _by_suffix(suffix) or _by_lines(head)


def _by_lines(head: bytes) -> Codec | None:
    """Find text by its first whole lines: a header and a row that fits it, or rows of as many numbers, two at least.

    Of one dimension it could be anything: a list of pairs, for one.
    """
    *pieces, last = head.removeprefix(MARK).split(b"\n")
    if len(pieces) < 2 and len(head) < TEXT_HEAD:  # a file of two lines; of more, the last may be cut
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
    """Raise FormatError where a file, as it was written, begins like one of another format: it would be read as that.

    Parameters
    ----------
    file
        Open for reading, whole; left at another place.
    path, name
        What the file will be called, and the format that it has.
    """
    file.seek(0)
    head = file.read(HEAD)
    codec = _by_magic(head)
    if codec is not None and codec.name != name:
        taken = codec.name
    elif codec is None and magic.is_pickle(head):
        taken = "a pickle"
    elif codec is None and is_compressed(head):
        taken = "a compressed file"
    elif head.startswith(MARK):
        taken = "a byte order mark"
    else:
        return
    reason = (
        f"the first bytes, {head[:40].decode('utf-8', 'replace')!r}, would be taken for {taken}; a store keeps them"
    )
    raise FormatError(path, reason, format=name)
