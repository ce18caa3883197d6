"""Folders for TensorBoard's projector: those that must be written from a table, and those of others that are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from makers.golden import write_invalid, write_json, write_valid
from makers.rounding import float32_bits

ROWS = ["0.1 -2.5", "0.25 3", "nan 10000000000"]
MARK = "# metadata.tsv has the escapes of embstore\n"
CONFIG = MARK + 'embeddings {\n  tensor_path: "vectors.tsv"\n  metadata_path: "metadata.tsv"\n}\n'
NUMBERS = "0.5\t-1.5\n2.25\t3\n1\t0.125\n"
READ = ["0.5 -1.5", "2.25 3", "1 0.125"]


def make(folder: Path) -> None:
    """Write the files of formats/projector."""
    _written(folder)
    _read(folder)
    _refused(folder)


def _written(folder: Path) -> None:
    """Write tables with the files that must be made of them: JSON, since they are several files."""
    bits = [" ".join(map(float32_bits, row.split())) for row in ROWS]
    numbers = "0.1\t-2.5\n0.25\t3\nnan\t1e+10\n"

    def valid(name: str, about: str, tokens: list[str], lines: list[str]) -> None:
        labels = "".join(f"{line}\n" for line in lines)
        files = {"vectors.tsv": numbers, "metadata.tsv": labels, "projector_config.pbtxt": CONFIG}
        write_json(folder / "valid" / f"{name}.json", {"about": about, "tokens": tokens, "bits": bits, "files": files})

    words = ["the", "two words", "\u017e\u00e1ba"]
    valid("plain", "numbers with the fewest digits that read back", words, words)
    valid("breaks", "tabs and line breaks in tokens", ["a\tb", "a\nb", "a\rb"], ["a\\tb", "a\\nb", "a\\rb"])
    valid(
        "blank",
        "blank tokens: the projector ignores blank lines",
        ["", "  ", "\u3000"],
        ['""', "\\u0020\\u0020", "\\u3000"],
    )
    valid("escapes", "backslashes", ["a\\tb", "\\", '"'], ["a\\\\tb", "\\\\", '"'])
    valid("not_utf8", "bytes that are not UTF-8", ["\udcff", "caf\udce9", "x"], ["\\\\xff", "caf\\\\xe9", "x"])
    valid(
        "ambiguous",
        "tokens that look like what others are written as",
        ["\ufeffx", '""', "\\xff\\x7f"],
        ["\\ufeffx", "\\u0022\\u0022", "\\u005cxff\\\\x7f"],
    )
    message = "{path}: no rows to write: the input holds none, or all were left out"
    write_json(folder / "invalid" / "no_rows.json", {"tokens": [], "bits": [], "message": message})


def _read(folder: Path) -> None:
    def valid(name: str, metadata: str, about: str, tokens: list[str | bytes], **more: Any) -> None:
        files = {"vectors.tsv": more.pop("vectors", NUMBERS).encode(), "metadata.tsv": metadata.encode()}
        files |= {"projector_config.pbtxt": more.pop("config").encode()} if "config" in more else {}
        write_valid(folder, f"read_{name}", files, about, tokens, more.pop("rows", READ), **more)

    words: list[str | bytes] = ["the", "frog", "\u017e\u00e1ba"]
    valid("plain", "the\nfrog\n\u017e\u00e1ba\n", "a folder of another program", words)
    valid("crlf", "the\r\nfrog\r\n\u017e\u00e1ba", "CR LF", words, vectors=NUMBERS.replace("\n", "\r\n"))
    kept = "words with a backslash, kept as they stand: 2, the first 'C:\\\\new'"
    foreign: list[str | bytes] = ["C:\\new", "a\\\\b", '""']
    valid("backslashes", 'C:\\new\na\\\\b\n""\n', "backslashes of another program", foreign, warnings=(kept,))
    ours: list[str | bytes] = ["C:\new", "a\\b", "", b"\xff", "\\xff", "\u3000"]
    escaped = 'C:\\new\na\\\\b\n""\n\\\\xff\n\\u005cxff\n\\u3000\n'
    twice = {"vectors": NUMBERS * 2, "rows": READ * 2, "config": CONFIG}
    bytes_of = ("tokens that are not UTF-8, their bytes kept: 1, the first '\\udcff'",)
    valid("escapes", escaped, "the escapes of embstore", ours, warnings=bytes_of, **twice)
    blank = ("empty lines of metadata.tsv left out: 1, the first line 2",)
    valid("blank", "the\n\nfrog\n\u017e\u00e1ba\n", "a blank line, which TensorBoard ignores", words, warnings=blank)
    table = "freq\tword\n9\tthe\n7\tfrog\n1\t\u017e\u00e1ba\n"
    valid("columns", table, "several columns, so a header", words)
    other = table.replace("word", "term")
    valid("by_name", other, "read with word_column='term'", words, read={"word_column": "term"})
    valid("by_number", other, "read with word_column=2", words, read={"word_column": 2})


def _refused(folder: Path) -> None:
    def invalid(name: str, metadata: str, message: str, vectors: str = NUMBERS, **more: Any) -> None:
        files = {"vectors.tsv": vectors.encode(), "metadata.tsv": metadata.encode()}
        files |= {"projector_config.pbtxt": more.pop("config").encode()} if "config" in more else {}
        write_invalid(folder, f"read_{name}", files, f"{{path}}/{message}", **more)

    words = "the\nfrog\n\u017e\u00e1ba\n"
    columns = "term\tfreq\nthe\t9\nfrog\t7\n\u017e\u00e1ba\t1\n"
    either = "`word_column='term'` or `word_column='freq'` names it"
    reason = f"cannot tell which column has the words: 1 'term', 2 'freq'; {either}"
    invalid("columns", columns, f"metadata.tsv:1: {reason}")
    invalid(
        "column", columns, "metadata.tsv:1: no such column as 'word': 1 'term', 2 'freq'", read={"word_column": "word"}
    )
    invalid("ragged_words", columns.replace("\t7", ""), "metadata.tsv:3: 1 column, expected 2", read={"word_column": 1})
    invalid("fewer_words", "the\nfrog\n", "vectors.tsv: 3 rows, but metadata.tsv next to it has 2 words")
    invalid("more_words", words + "x\n", "vectors.tsv: 3 rows, but metadata.tsv next to it has 4 words")
    invalid("ragged", words, "vectors.tsv:2: 1 number, expected 2", NUMBERS.replace("\t3", ""))
    invalid("header", words, "vectors.tsv:1: 'x' is not a number, in column 1", "x\ty\n" + NUMBERS)
    invalid("no_rows", words, "vectors.tsv: no rows, expected numbers with tabs between them", "\n")
    invalid("escape", "a\\b\nb\nc\n", "metadata.tsv:1: a backslash that begins no escape", config=CONFIG)
