"""The questions of the first look, in order, and the error that the first answer becomes."""

from __future__ import annotations

from collections.abc import Callable

from embstore.codecs.shared.first_look.archives import by_members, packed_twice, packed_words, tar
from embstore.codecs.shared.first_look.binaries import binary, other_format, protobuf, tensorflow_checkpoint
from embstore.codecs.shared.first_look.downloads import answer, git_lfs, web_page
from embstore.codecs.shared.first_look.encodings import wide_text
from embstore.codecs.shared.first_look.first_bytes import HEAD, TAIL, FirstBytes, Role
from embstore.codecs.shared.first_look.pickles import pickle
from embstore.codecs.shared.first_look.raw_numbers import raw_numbers
from embstore.core.errors import FormatError
from embstore.files.input import Input
from embstore.files.stream import Stream
from embstore.files.unpacking import ZIP, compression_of, is_compressed

QUESTIONS: tuple[Callable[[FirstBytes], str | None], ...] = (
    git_lfs,
    web_page,
    answer,
    packed_twice,
    packed_words,
    binary,
    protobuf,
    pickle,
    wide_text,
    tar,
    other_format,
    tensorflow_checkpoint,
    raw_numbers,
)


def what_it_is(look: FirstBytes) -> str | None:
    """Return what an input is, and what to do about it; None if it may be what its role says."""
    return next((reason for question in QUESTIONS if (reason := question(look)) is not None), None)


def check_first_bytes(look: FirstBytes) -> None:
    """Raise FormatError if an input is known not to be what its role says."""
    reason = what_it_is(look)
    if reason is not None:
        raise FormatError(look.path, reason)


def check_file(source: Input, role: Role = "table", *, known: bool = False) -> None:
    """Raise FormatError if a file, as it is on the disk, is known not to be what its role says.

    Parameters
    ----------
    known
        Whether the first bytes are those of a format of tables.
    """

    def tail() -> bytes:
        return source.read_at(max(0, source.size - TAIL), TAIL)

    head = source.head(HEAD)
    known = known or is_compressed(head)
    check_first_bytes(FirstBytes(source.path, head, source.size, role, read_tail=tail, known=known))
    if role == "table" and head.startswith(ZIP):
        _check_members(source)


def check_content(source: Input, member: str | None, is_known: Callable[[bytes], bool]) -> FirstBytes:
    """Return the first bytes of what is in a compressed file; raise FormatError if they are known to be no table.

    Parameters
    ----------
    member
        Name of the member of a zip; required if it has several.
    is_known
        Returns whether first bytes are those of a format of tables.
    """
    buffer = bytearray(HEAD)
    with Stream(source, member) as stream:
        head, inside = bytes(buffer[: stream.fill(memoryview(buffer))]), stream.member
    size = len(head) if len(head) < HEAD else None
    packing = compression_of(source.head(16))
    look = FirstBytes(source.path, head, size, packing=packing, member=inside, known=is_known(head))
    check_first_bytes(look)
    return look


def _check_members(source: Input) -> None:
    """Raise FormatError for a zip that is something else than packed vectors, as the names of its members say."""
    import zipfile  # here: few files are zips

    try:
        with zipfile.ZipFile(source.open()) as archive:
            names = archive.namelist()
    except MemoryError:
        raise
    except Exception:  # zipfile raises many classes for a damaged directory; the reader of the format names the damage
        return
    reason = by_members(source.path, names)
    if reason is not None:
        raise FormatError(source.path, reason)
