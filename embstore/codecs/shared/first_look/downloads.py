"""What a download leaves in place of a file: a Git LFS pointer, a web page, the error of a server."""

from __future__ import annotations

import re

from embstore.codecs.shared.first_look.first_bytes import FirstBytes
from embstore.codecs.shared.line import count_numbers

LFS = (b"version https://git-lfs.github.com/spec/", b"version http://git-media.io/v/")
LFS_SIZE = re.compile(rb"\nsize ([0-9]{1,18})\r?\n")
AGAIN = "the download went wrong, fetch the file again"
BOM = b"\xef\xbb\xbf"
BLANKS = b" \t\r\n"
PAGE = re.compile(rb"<(?:!doctype[ \t]|html|head|\?xml[ \t])", re.IGNORECASE)
DECLARED = re.compile(rb"<(?:!doctype[ \t]|\?xml[ \t]+version[ \t]*=)", re.IGNORECASE)
TITLE = re.compile(rb"<title[^<>\n]{0,100}>([^<>]{1,300})</title>", re.IGNORECASE)
STORAGE = re.compile(rb"<Error><Code>([A-Za-z]{1,60})</Code>(?:<Message>([^<>]{0,300})</Message>)?")
ANSWERS = frozenset(
    (
        b"entry not found", b"repository not found", b"revision not found", b"not found", b"404: not found",
        b"404 not found", b"invalid username or password.", b"access denied", b"forbidden", b"403 forbidden",
        b"404 page not found", b"unauthorized", b"too many requests", b"429 too many requests", b"bad gateway",
        b"internal server error", b"service unavailable", b"gateway timeout",
    )
)  # fmt: skip
RESTRICTED = re.compile(rb"Access to (?:model|dataset) [^ \n]{1,200} is restricted")
LINES = 20
LONGEST_ANSWER = 2000
JSON_KEYS = ("error", "message", "detail", "Message", "errorMessage")


def git_lfs(look: FirstBytes) -> str | None:
    """Name a pointer of Git LFS (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md)."""
    if not look.head.startswith(LFS) or b"\noid " not in look.head[:500]:
        return None
    found = LFS_SIZE.search(look.head, 0, 1000)
    size = f" to a file of {int(found[1]):,} bytes" if found else ""
    return f"a Git LFS pointer{size}: the file itself was not downloaded; get it by git lfs pull, or download it"


def web_page(look: FirstBytes) -> str | None:
    """Name a web page, and the errors that S3 and Google's storage send as XML.

    ``<html>`` may be a word: a row of a table ends in numbers, and in a list of words no title follows.
    """
    start = look.head.removeprefix(BOM).lstrip(BLANKS)
    if look.role == "text" or not PAGE.match(start) or count_numbers(start.partition(b"\n")[0].rstrip(BLANKS)):
        return None
    error = STORAGE.search(start, 0, 1000)
    if error:
        said = error[1] + (b": " + error[2] if error[2] else b"")
        return f"an error of the server, {_shown(said)}, not {look.expected}: {AGAIN}"
    title = TITLE.search(start)
    if not (DECLARED.match(start) or title or (look.role == "table" and _has_no_rows(start))):
        return None
    shown = f", {_shown(title[1])}" if title else ""
    return f"a web page{shown}, not {look.expected}: {AGAIN}"


def _has_no_rows(start: bytes) -> bool:
    return b"</" in start or all(count_numbers(line.rstrip(BLANKS)) < 2 for line in start.split(b"\n", LINES)[:LINES])


def answer(look: FirstBytes) -> str | None:
    """Name a file that has nothing but the error of a server, as one line or as JSON."""
    if not look.is_whole or len(look.head) > LONGEST_ANSWER or look.role == "text":
        return None
    text = look.head.removeprefix(BOM).strip(BLANKS)
    is_answer = text.lower() in ANSWERS and (look.role == "table" or b" " in text)
    said = text if is_answer or RESTRICTED.match(text) else _from_json(text)
    return f"the error of a server, {_shown(said)}, not {look.expected}: {AGAIN}" if said else None


def _from_json(text: bytes) -> bytes:
    """Return the message of an object of strings and numbers; a table has lists, and words have rows."""
    if not (text.startswith(b"{") and text.endswith(b"}")):
        return b""
    import json  # here: few inputs are JSON

    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return b""
    if not isinstance(parsed, dict) or not all(isinstance(value, str | int | None) for value in parsed.values()):
        return b""
    said = next((parsed[key] for key in JSON_KEYS if isinstance(parsed.get(key), str)), "")
    return said.encode("utf-8", "replace")


def _shown(said: bytes) -> str:
    text = " ".join(said.decode("utf-8", "replace").split())
    return ascii(f"{text[:100]}..." if len(text) > 100 else text)
