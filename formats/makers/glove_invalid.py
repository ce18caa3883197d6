"""GloVe text that must be refused: each file has one defect listed in formats/glove/SPEC.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from makers.golden import write_invalid

SKIP = "; `on_error='skip'` leaves such lines out"


def make(folder: Path) -> None:
    """Write the files."""

    def invalid(name: str, data: str | bytes, message: str, **more: Any) -> None:
        raw = data.encode() if isinstance(data, str) else data
        write_invalid(folder, f"{name}.txt", raw, message, **more)

    _rows(invalid)
    _files(invalid)
    _headers(invalid)


def _rows(invalid: Any) -> None:
    three = "the 0.1 0.2 0.3\n"
    expected = "expected 3 (from line 1)"
    invalid(
        "short_row",
        three + "frog 1 2\n",
        "{path}:2: 2 numbers after token 'frog', " + expected + "; the file may be truncated" + SKIP,
    )
    invalid(
        "no_numbers",
        three + "frog\n",
        "{path}:2: 0 numbers after token 'frog', " + expected + "; the file may be truncated" + SKIP,
    )
    invalid(
        "long_row",
        three + "frog 1 2 3 4\n",
        "{path}:2: 4 numbers after token 'frog', " + expected
        + ". If the token itself ends in a number, use `dim=3`" + SKIP,
    )  # fmt: skip
    for name, field in {
        "underscore": "1_000",
        "arabic_digits": "\u0661\u0662",
        "fullwidth_digits": "\uff11",
        "hexadecimal": "0x1p3",
        "decimal_comma": "0,5",
        "half_a_number": "1e",
        "sign_alone": "-",
        "two_points": "1.2.3",
        "nan_with_payload": "nan(1)",
    }.items():
        message = "{path}:2: " + f"{field!r} after token 'frog' is not a number" + SKIP
        invalid(name, f"{three}frog 1 {field} 3\n", message)
    invalid(
        "cut_in_a_row",
        three + "frog 1 2",
        "{path}:2: 2 numbers after token 'frog', " + expected + "; the file may be truncated" + SKIP,
    )
    invalid(
        "repeated_token",
        three * 2,
        "{path}: the token 'the' appears twice; `duplicates='first'` or `duplicates='last'` keeps one of them",
        read={"duplicates": "error"},
    )


def _files(invalid: Any) -> None:
    invalid("empty", b"", "{path}: an empty file")
    invalid("blank", "\n \n\t\n", "{path}:1: nothing but empty lines, expected a token and its numbers on each line")
    invalid(
        "web_page",
        "<!DOCTYPE html>\n<html><title>404 Not Found</title></html>\n",
        "{path}:1: a web page, not vectors: the download went wrong, fetch the file again",
    )
    invalid(
        "prose",
        "It was a dark night.\nThe rain fell.\n",
        "{path}:1: 'It was a dark night.' is not a token and its numbers; "
        "if this is another format, name it with `format=`",
    )
    invalid(
        "carriage_returns",
        "the 1 2\rfrog 3 4\r",
        "{path}:1: lines that end in carriage returns only, expected newlines: "
        "`tr '\\r' '\\n' < {path} > carriage_returns.lines.txt` converts them",
    )
    like = (
        "is not a number, and most lines have a similar field; expected digits with an optional decimal point, "
        "such as 0.5: rewrite the numbers"
    )
    token = ", or use `dim=2` if it is part of the token"
    for name, word in {"decimal_commas": "0,5", "underscores": "1_000", "hexadecimals": "0x10"}.items():
        message = f"{{path}}:1: {word!r} on line 1 {like}{token}"
        invalid(name, f"the {word} 1 2\nfrog {word} 3 4\n", message)
    invalid("decimal_commas_alone", "the 0,5 1,5\nfrog 2,5 3,5\n", "{path}:1: '1,5' on line 1 " + like)
    headed = "2 3\nthe 0,5 1 2\nfrog 1,5 3 4\n"
    invalid("decimal_commas_below_a_header", headed, "{path}:1: '0,5' on line 2 " + like + token)
    for name, word in {"first_row_misspelt": "1_0", "first_row_hexadecimal": "0x10"}.items():
        message = f"{{path}}:1: {word!r} after token 'the' is not a number{SKIP}"
        invalid(name, f"the {word} 2 3\nfrog 1 2 3\n", message)
    invalid(
        "not_a_zip",
        "the 1 2\n",
        "{path}: not a zip, so it has no member 'glove.txt': leave member= out",
        read={"member": "glove.txt"},
    )
    invalid(
        "too_large_dim",
        "the 1 2\n",
        "{path}:1: 2 numbers on a line at most, expected 300 (as requested)",
        read={"dim": 300},
    )


def _headers(invalid: Any) -> None:
    rows = "the 1 2\nfrog 3 4\n"
    invalid(
        "header_with_wrong_rows",
        "3 2\n" + rows,
        "{path}:1: the header says 3 rows, but 2 follow: the file is cut short or the header is wrong; "
        "`limit=2` reads the rows it has",
    )
    invalid(
        "header_with_wrong_dim",
        "2 300\n" + rows,
        "{path}:1: '2 300' looks like a header, 2 rows of 300 numbers, but the rows below have 2; "
        "`header=False, on_error='skip'` skips this line",
    )
    invalid(
        "header_or_row",
        "2 1\nthe 1\nfrog 3\n",
        "{path}:1: '2 1' may be a header or the first of one-dimensional rows: "
        "`header=True` or `header=False` says which",
    )
    for name, data in {"header_that_is_none": rows, "header_of_no_dimensions": "2 0\n" + rows}.items():
        message = "{path}:1: a header is requested, but the first line is not two whole numbers, rows and dim"
        invalid(name, data, message, read={"header": True})
