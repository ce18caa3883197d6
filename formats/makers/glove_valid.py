"""GloVe text that must be read: each file has one irregularity listed in formats/glove/SPEC.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from makers.golden import write_valid

PLAIN = b"the 0.1 0.2\nfrog -1.5 2\n"
TOKENS: list[str | bytes] = ["the", "frog"]
ROWS = ["0.1 0.2", "-1.5 2"]


def make(folder: Path) -> None:
    """Write the files."""

    def valid(
        name: str,
        data: str | bytes,
        about: str,
        tokens: list[str | bytes],
        rows: list[str],
        *warnings: str,
        **more: Any,
    ) -> None:
        raw = data.encode() if isinstance(data, str) else data
        write_valid(folder, f"{name}.txt", raw, about, tokens, rows, warnings=warnings, **more)

    valid("plain", PLAIN, "nothing odd", TOKENS, ROWS)
    _layout(valid)
    _tokens(valid)
    _numbers(valid)
    _lines(valid)


def _layout(valid: Any) -> None:
    ends_early = "last line without a newline, perhaps cut short: 1"
    valid("crlf", PLAIN.replace(b"\n", b"\r\n"), "lines end in CR LF", TOKENS, ROWS)
    valid("trailing_spaces", PLAIN.replace(b"\n", b"  \n"), "spaces before the newline", TOKENS, ROWS)
    valid("tabs", PLAIN.replace(b" ", b"\t"), "tabs instead of spaces", TOKENS, ROWS)
    valid("several_gaps", "the 0.1   0.2\nfrog -1.5 \t 2\n", "several spaces or tabs between numbers", TOKENS, ROWS)
    valid("byte_order_mark", b"\xef\xbb\xbf" + PLAIN, "begins with a BOM", TOKENS, ROWS, "byte order mark dropped: 1")
    valid("no_final_newline", PLAIN[:-1], "the last line lacks its newline", TOKENS, ROWS, ends_early)
    valid("cut_in_a_number", "the 0.1 0.2\nfrog -1.5 2.", "cut after the point of 2.75", TOKENS, ROWS, ends_early)
    valid(
        "empty_lines",
        b"\n" + PLAIN.replace(b"\n", b"\n \r\n\n"),
        "lines with only spaces, tabs or CR between rows",
        TOKENS,
        ROWS,
        "empty lines left out: 5, the first line 1",
    )
    valid("header", b"2 2\n" + PLAIN, "a header as in word2vec, which agrees with the rows", TOKENS, ROWS)
    one = "2 1\nfrog 3\n"
    valid("tab_in_header", b"2\t2\n" + PLAIN, "such a header with a tab", TOKENS, ROWS)
    commas: list[str | bytes] = ["at 0,5", "to 1_000"]
    for name, head, read in (("header", "2 2\n", {}), ("dim", "", {"read": {"dim": 2}})):
        text = f"{head}at 0,5 0.5 1\nto 1_000 -1 2\n"
        valid(
            f"misspelt_before_stated_{name}",
            text,
            "a stated dim or header is trusted",
            commas,
            ["0.5 1", "-1 2"],
            **read,
        )
    valid("one_dimension", "the 1\nfrog 2\n", "rows of one number", TOKENS, ["1", "2"])
    valid(
        "one_dimension_header",
        "2 1\nthe 1\nfrog 3\n",
        "read with header=True",
        TOKENS,
        ["1", "3"],
        read={"header": True},
    )
    valid("one_dimension_no_header", one, "read with header=False", ["2", "frog"], ["1", "3"], read={"header": False})


def _tokens(valid: Any) -> None:
    two = ["0.5 1", "1.5 2"]
    valid(
        "tokens_with_spaces",
        ". . . 0.5 1\nat name@domain.com 1.5 2\n",
        "as in glove.840B.300d: the numbers are counted from the right",
        [". . .", "at name@domain.com"],
        two,
    )
    valid(
        "tokens_like_numbers",
        "1 0.5 1\n-2.5e3 1.5 2\nnan 0 0\ninf 0 0\n1 1/2 0 0\n",
        "the first field is always part of the token",
        ["1", "-2.5e3", "nan", "inf", "1 1/2"],
        [*two, "0 0", "0 0", "0 0"],
    )
    valid(
        "tokens_ending_in_numbers",
        "catch 22 0.5 1\nwindows 3.1 1.5 2\n",
        "only dim= distinguishes such a token from a row with too many numbers",
        ["catch 22", "windows 3.1"],
        two,
        read={"dim": 2},
    )
    valid(
        "unicode_spaces",
        "a\u0085b 0.5 1\n\u00a0 1.5 2\nx\u2028y 0.5 1\n\u3000 1.5 2\n",
        "characters at which str.split() or splitlines() would cut: U+0085, U+00A0, U+2028, U+3000",
        ["a\u0085b", "\u00a0", "x\u2028y", "\u3000"],
        two * 2,
    )
    valid(
        "control_characters",
        "a\x00b 0.5 1\nc\x0bd 1.5 2\ne\x0cf 0.5 1\ng\rh 1.5 2\n\x1c 0.5 1\n",
        "NUL, VT, FF, FS and CR inside tokens are part of them",
        ["a\x00b", "c\x0bd", "e\x0cf", "g\rh", "\x1c"],
        [*two, *two, two[0]],
    )
    valid(
        "empty_token",
        " 0.5 1\nfrog 1.5 2\n",
        "an empty token: the line begins with the space after it",
        ["", "frog"],
        two,
    )
    valid(
        "tab_in_token",
        "a\tb 0.5 1\nfrog 1.5 2\n",
        "tabs and spaces inside a token are kept",
        ["a\tb", "frog"],
        two,
    )
    valid(
        "space_ends_token",
        "a  0.5 1\nfrog 1.5 2\n",
        "exactly one space or tab separates the token from its numbers",
        ["a ", "frog"],
        two,
    )
    valid(
        "not_utf8",
        b"caf\xe9 0.5 1\n\xff\xfe 1.5 2\n\xed\xa0\x80 0.5 1\n",
        "Latin-1, bytes of no encoding, and an encoded surrogate",
        [b"caf\xe9", b"\xff\xfe", b"\xed\xa0\x80"],
        [*two, two[0]],
        "tokens that are not UTF-8, their bytes kept: 3, the first 'caf\\udce9'",
    )
    valid(
        "unicode_forms",
        "caf\u00e9 0.5 1\ncafe\u0301 1.5 2\n",
        "composed and decomposed are different tokens",
        ["caf\u00e9", "cafe\u0301"],
        two,
    )


def _numbers(valid: Any) -> None:
    valid(
        "number_forms",
        "exponent 1e3 1E-3 +1.5e+2\npoint -.5 1. +.25\nzeros -0 000.5 1e-0\nwhole 7 -7 +7\n",
        "every form of the grammar",
        ["exponent", "point", "zeros", "whole"],
        ["1000 0.001 150", "-0.5 1 0.25", "-0 0.5 1", "7 -7 7"],
    )
    valid(
        "not_finite",
        "a nan 1\nb -inf Infinity\nc NaN +iNf\nd 1 1\n",
        "names of NaN and infinity, in upper and lower case",
        ["a", "b", "c", "d"],
        ["nan 1", "-inf inf", "nan inf", "1 1"],
        "rows with NaN, Inf or a value beyond the dtype: 3, the first 'a'",
    )
    valid(
        "beyond_float32",
        "a 3.4028235e38 1\nb 1e39 1\nc -1e400 1\nd 3.4028235677973367e38 1\ne 3.4028235677973362e38 1\n",
        "the largest float32, too large for it, too large for double, halfway above the largest, just below that",
        ["a", "b", "c", "d", "e"],
        ["340282346638528859811704183484516925440 1", "inf 1", "-inf 1", "inf 1", "3.4028235e38 1"],
        "rows with NaN, Inf or a value beyond the dtype: 3, the first 'b'",
    )
    hard = {
        "halfway_even": "1.000000059604644775390625",
        "halfway_odd": "1.000000178813934326171875",
        "twice_rounded": "1.000000059604644775390625000000000001",
        "above_halfway": "1.0000000596046449",
        "integer_halfway": "16777217",
        "integer_odd": "16777219",
        "beyond_53_bits": "9007199254740993",
        "many_digits": "123456789012345678901234567890",
        "long_fraction": "0.1000000000000000055511151231257827021181583404541015625",
        "leading_zeros": "0000000000000000000000000000000000000000000000000.1",
        "deep_zeros": "0.0000000000000000000000000000000000000000000001e46",
        "power_beyond_22": "1e23",
        "negative_power": "-3e-23",
        "least_normal": "1.17549435e-38",
        "largest_denormal": "1.1754942e-38",
        "least_denormal": "1e-45",
        "half_denormal": "7.1e-46",
        "under_half_denormal": "-7e-46",
        "double_denormal": "4.9e-324",
        "underflow": "1e-400",
    }
    valid(
        "rounding",
        "".join(f"{name} {number} {number}\n" for name, number in hard.items()),
        "rounded to the nearest double, then to the nearest float32, ties to even",
        list(hard),
        [f"{number} {number}" for number in hard.values()],
    )


def _lines(valid: Any) -> None:
    repeated = "the 0.1 0.2\nfrog -1.5 2\nthe 9 9\nthe 8 8\n"
    found = "repeated tokens: 2, the first 'the'"
    valid("duplicates", repeated, "the first of equal tokens wins", TOKENS, ROWS, found)
    last = ["8 8", "-1.5 2"]
    valid("duplicates_last", repeated, "read with duplicates=last", TOKENS, last, found, read={"duplicates": "last"})
    valid(
        "skipped",
        "the 0.1 0.2\nshort 1\nlong 1 2 3\nfrog -1.5 2\nodd 1_0 2\n",
        "unreadable lines, read with on_error=skip",
        TOKENS,
        ROWS,
        "lines that cannot be read left out: 3, the first line 2",
        read={"on_error": "skip"},
    )
    valid("limit", PLAIN + b"short 1\n", "nothing after the limit is read", TOKENS, ROWS, read={"limit": 2})
