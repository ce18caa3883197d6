"""Text in UTF-16 or UTF-32, as Windows programs write it; embstore reads UTF-8."""

from __future__ import annotations

from embstore.codecs.shared.first_look.first_bytes import PROGRAMS, FirstBytes
from embstore.core.cures import cure, shell

MARKS = {  # the mark of UTF-32 begins like that of UTF-16
    b"\xff\xfe\0\0": ("UTF-32", "utf-32-le", 4),
    b"\0\0\xfe\xff": ("UTF-32", "utf-32-be", 4),
    b"\xff\xfe": ("UTF-16", "utf-16-le", 2),
    b"\xfe\xff": ("UTF-16", "utf-16-be", 2),
}
LOOKED_AT = 4096
LEAST = 8  # bytes of text without a mark
BREAKS = {9, 10, 11, 12, 13}


def wide_text(look: FirstBytes) -> str | None:
    """Name text in UTF-16 or UTF-32 with a byte order mark, and UTF-16 of ASCII without one."""
    if look.role == "words" and look.path.suffix.lower() == ".json":
        return None  # JSON is decoded whatever Unicode encoding it is in
    name = _with_mark(look.head[:LOOKED_AT]) or _without_mark(look.head[:LOOKED_AT])
    if name is None:
        return None
    target = look.beside(f".utf8{look.path.with_name(look.content_name).suffix}")
    return f"text in {name}, expected UTF-8: {_cure(look, name, target)}"


def _cure(look: FirstBytes, name: str, target: object) -> str:
    convert = ("iconv", "-f", name, "-t", "UTF-8")
    if not look.packing:
        return cure("utf-16", f"{shell(*convert, look.path, '>', str(target))} converts it")
    program = PROGRAMS.get(look.packing)
    if program is None:
        return "unpack it and convert it to UTF-8"
    return cure("utf-16", f"{shell(*program, look.path, '|', *convert, '>', str(target))} converts it")


def _with_mark(head: bytes) -> str | None:
    """Return the encoding that a mark names, if what follows is text in it."""
    for mark, (name, codec, width) in MARKS.items():
        if head.startswith(mark):
            body = head[len(mark) : len(head) - len(head) % width]
            if b"\0" in body and _is_text(body, codec):  # its blanks and line breaks have zeros
                return name
    return None


def _without_mark(head: bytes) -> str | None:
    """Return the encoding of text whose bytes are, in turn, NUL and no control character."""
    whole = head[: len(head) - len(head) % 2]
    if len(whole) < LEAST or (head[0] and head[1]):
        return None
    low, high = whole[::2], whole[1::2]
    if not any(high) and _is_text(whole, "utf-16-le"):
        return "UTF-16LE"
    if not any(low) and _is_text(whole, "utf-16-be"):
        return "UTF-16BE"
    return None


def _is_text(body: bytes, codec: str) -> bool:
    """Return whether bytes decode to characters without control characters; the last one may be cut."""
    try:
        text = body.decode(codec)
    except UnicodeDecodeError as error:
        if not body[: error.start] or len(body) - error.start > 4:
            return False
        text = body[: error.start].decode(codec)
    return bool(text) and not any(code < 32 and code not in BREAKS for code in map(ord, text))
