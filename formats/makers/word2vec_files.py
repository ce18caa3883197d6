"""word2vec text and binary by their SPECs: variants that existing tools write, and wrong headers."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

from makers.golden import write_invalid, write_valid

WORDS: list[str | bytes] = ["the", "frog", "\u017e\u00e1ba"]
ROWS = ["0.5 -1.5", "2.25 3", "1 0.125"]
LINES = "".join(f"{word} {row}\n" for word, row in zip(("the", "frog", "\u017e\u00e1ba"), ROWS, strict=True))
TEXT = f"3 2\n{LINES}"


def make_text(folder: Path) -> None:
    """Write the files of formats/word2vec."""

    def valid(name: str, text: str | bytes, about: str, words: list[str | bytes] = WORDS, **more: Any) -> None:
        data = text.encode() if isinstance(text, str) else text
        write_valid(folder, f"{name}.vec", data, about, words, more.pop("rows", ROWS), **more)

    valid("plain", TEXT, "a header and rows")
    valid("spaces", TEXT.replace("\n", " \n").replace("3 2 ", "3 2"), "fastText's .vec: each row ends in a space")
    valid("tab_in_header", TEXT.replace("3 2", "3\t2"), "a tab in the header")
    valid("crlf", TEXT.replace("\n", "\r\n"), "lines end in CR LF")
    valid("zeros_in_header", TEXT.replace("3 2", "0003 02"), "leading zeros in the header")
    valid("no_header", LINES, "no header, read with header=False", read={"header": False})
    valid("one_dimension", "2 1\nthe 5\nfrog -1\n", "rows of one number", ["the", "frog"], rows=["5", "-1"])
    many: list[str | bytes] = ["at 5", "2 3", "-"]
    numbers = TEXT.replace("the", "at 5").replace("frog", "2 3").replace("\u017e\u00e1ba", "-")
    valid("tokens_ending_in_numbers", numbers, "the dim of the header determines where the numbers begin", many)
    only = "1 2\nat 5 0.5 -1.5\n"
    valid(
        "header_trusted",
        only,
        "a header that header=True makes trusted",
        ["at 5"],
        rows=ROWS[:1],
        read={"header": True},
    )
    first: list[str | bytes] = ["the", b"\xff", "\u017e\u00e1ba"]
    odd = "tokens that are not UTF-8, their bytes kept: 1, the first '\\udcff'"
    valid("not_utf8", TEXT.encode().replace(b"frog", b"\xff"), "a token that is not UTF-8", first, warnings=(odd,))
    packed = gzip.compress(TEXT.encode(), mtime=0)
    write_valid(folder, "packed.vec.gz", packed, "gzip", WORDS, ROWS)
    _invalid_text(folder)


def _invalid_text(folder: Path) -> None:
    def invalid(name: str, text: str, message: str, **more: Any) -> None:
        write_invalid(folder, f"{name}.vec", text.encode(), f"{{path}}:{message}", **more)

    cure = "`header=False` reads rows without one"
    wrong = "the file is cut short or the header is wrong; `limit=3` reads the rows it has"
    invalid("no_header", LINES, f"1: 'the 0.5 -1.5' is not a header, rows and dim: {cure}")
    invalid("more_rows", TEXT.replace("3 2", "4 2"), f"1: the header says 4 rows, but 3 follow: {wrong}")
    invalid("fewer_rows", TEXT.replace("3 2", "2 2"), f"1: the header says 2 rows, but 3 follow: {wrong}")
    invalid("no_rows", "0 2\n", "1: 0 numbers on a line at most, expected 2 (from the header)")
    invalid("no_dim", TEXT.replace("3 2", "3 0"), f"1: '3 0' is not a header, rows and dim: {cure}")
    enormous = "1: 2 numbers on a line at most, expected 999999999999 (from the header)"
    invalid("enormous_dim", TEXT.replace("3 2", "3 999999999999"), enormous)
    column = "`word_column=1` leaves out what stands between word and numbers"
    trust = "`header=True` takes what is too much as a part of the tokens"
    one = f"1: the header says 1 numbers per row, but the rows below have 2; {column}, {trust}"
    invalid("smaller_dim", TEXT.replace("3 2", "3 1"), one)
    dim = "1: the header says 2 numbers per row, but 3 are requested: request none"
    invalid("another_dim", TEXT, dim, read={"dim": 3})
    short = "3: 1 number after token 'frog', expected 2 (from the header); the file may be truncated"
    invalid("short_row", TEXT.replace("2.25 3", "2.25"), f"{short}; `on_error='skip'` leaves such lines out")


def row_bytes(row: str) -> bytes:
    """Return decimals that float32 represents exactly as little-endian float32."""
    numbers = [float(number) for number in row.split()]
    return struct.pack(f"<{len(numbers)}f", *numbers)


def binary(words: list[str | bytes], header: str, between: bytes = b"", rows: list[str] = ROWS) -> bytes:
    """Return a binary file; `between` follows every row."""
    tokens = [word.encode() if isinstance(word, str) else word for word in words]
    parts = [token + b" " + row_bytes(row) + between for token, row in zip(tokens, rows, strict=False)]
    return header.encode() + b"".join(parts)


def make_binary(folder: Path) -> None:
    """Write the files of formats/word2vec-bin."""

    def valid(name: str, data: bytes, about: str, words: list[str | bytes] = WORDS, **more: Any) -> None:
        write_valid(folder, f"{name}.bin", data, about, words, more.pop("rows", ROWS), **more)

    valid("plain", binary(WORDS, "3 2\n"), "GoogleNews: nothing between rows")
    valid("newlines", binary(WORDS, "3 2\n", b"\n"), "word2vec.c: a newline after each row")
    valid("newlines_between", binary(WORDS, "3 2\n", b"\n")[:-1], "no newline after the last row")
    valid("one_row", binary(WORDS[:1], "1 2\n", b"\n"), "one row, and a newline", WORDS[:1], rows=ROWS[:1])
    valid("header", binary(WORDS, " 003\t2 \r\n"), "spaces, tabs, zeros and a CR in the header")
    inner: list[str | bytes] = ["a\nb", "", "5\n"]
    valid("newline_in_token", binary(inner, "3 2\n"), "tokens with newlines, and an empty one", inner)
    spaces = struct.unpack("<f", b"    ")[0]
    newlines = struct.unpack("<f", b"\n\n\n\n")[0]
    odd = [f"{spaces!r} {newlines!r}", f"{newlines!r} {spaces!r}"]
    valid(
        "like_spaces",
        binary(["a", "b"], "2 2\n", rows=odd),
        "numbers whose bytes are spaces and newlines",
        ["a", "b"],
        rows=odd,
    )
    bad: list[str | bytes] = ["the", b"\xff", "\u017e\u00e1ba"]
    warning = "tokens that are not UTF-8, their bytes kept: 1, the first '\\udcff'"
    valid("not_utf8", binary(bad, "3 2\n"), "a token that is not UTF-8", bad, warnings=(warning,))
    write_valid(folder, "packed.bin.gz", gzip.compress(binary(WORDS, "3 2\n"), mtime=0), "gzip", WORDS, ROWS)
    _invalid_binary(folder)


def _invalid_binary(folder: Path) -> None:
    def invalid(name: str, data: bytes, message: str) -> None:
        write_invalid(folder, f"{name}.bin", data, f"{{path}}{message}")

    plain, lines = binary(WORDS, "3 2\n"), binary(WORDS, "3 2\n", b"\n")
    wrong = "it is cut short or the header is wrong"
    invalid("no_header", b"the frog\n" + plain, ":1: no header, expected rows and dim in decimal and a newline")
    many = binary(WORDS, "1000 2\n")
    least = f"which take 9,007 bytes at least, but the file has {len(many)}"
    invalid("more_rows_than_bytes", many, f":1: the header says 1,000 rows of 2 numbers, {least}: {wrong}")
    invalid("cut_short", plain[:-1], f": ends in row 3 of 3: {wrong}")
    invalid("one_row_more", plain.replace(b"3 2", b"4 2"), f": ends in row 4 of 4: {wrong}")
    invalid(
        "goes_on",
        plain.replace(b"3 2", b"2 2"),
        ": bytes follow row 2, the last row by the header: the header is wrong",
    )
    expected = "expected at least 1 row of 1 to 4,194,304"
    invalid("no_rows", plain.replace(b"3 2", b"0 2"), f":1: the header says 0 rows of 2 numbers, {expected}")
    invalid("no_dim", plain.replace(b"3 2", b"3 0"), f":1: the header says 3 rows of 0 numbers, {expected}")
    huge = plain.replace(b"3 2", b"3 999999999999")
    invalid("enormous_dim", huge, f":1: the header says 3 rows of 999,999,999,999 numbers, {expected}")
    missing = lines[: lines.index(b"\n\xc5")] + lines[lines.index(b"\n\xc5") + 1 :]
    between = "no newline between rows 2 and 3, unlike the rows before: the file is damaged"
    invalid("newline_missing", missing, f": {between}")
