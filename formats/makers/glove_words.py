"""GloVe text whose words are not simply what stands before the numbers (formats/glove/SPEC.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from makers.golden import write_invalid, write_valid

THE_CAT: list[str | bytes] = ["the", "cat"]
ROWS = ["0.418 -0.12", "-0.25 0.333"]
OFF = "taken off, `exact_words=True` keeps them"


def make(folder: Path) -> None:
    """Write the files."""
    _valid(folder)
    _invalid(folder)


def _valid(folder: Path) -> None:
    def valid(name: str, data: str, about: str, found: str, count: int = 2, **more: Any) -> None:
        tokens, rows = more.pop("tokens", THE_CAT), more.pop("rows", ROWS)
        warnings = (f"{found} {OFF}: {count:,}, the first {tokens[0]!r}",) if found else ()
        write_valid(folder, f"{name}.txt", data.encode(), about, tokens, rows, warnings=warnings, **more)

    blanks, quotes = "blanks around words", "quotes around words"
    wide = "the  0.418 -0.120\ncat -0.250  0.333\n"
    valid("padded_numbers", wide, "numbers of one width, as R and %9.5f write them", blanks, 1)
    valid("blank_in_front", " the 0.418 -0.120\n cat -0.250 0.333\n", "all lines begin with a blank", blanks)
    valid(
        "padded_with_tabs", "the\t 0.418\t-0.120\ncat\t-0.250\t 0.333\n", "a tab, and numbers of one width", blanks, 1
    )
    valid("blank_and_tab", "the \t0.418\t-0.120\ncat \t-0.250\t0.333\n", "all words end in a blank", blanks)
    aligned = "the        0.418 -0.120\ncat        -0.250 0.333\nwindowsill 1.5 2\n"
    wider: list[str | bytes] = [*THE_CAT, "windowsill"]
    valid("padded_words", aligned, "words filled to one width", blanks, tokens=wider, rows=[*ROWS, "1.5 2"])
    index = "0\tthe\t0.418\t-0.12\n1\tcat\t-0.25\t0.333\n"
    valid("index", index, "the index that pandas writes in front", "numbers of lines before words")
    valid(
        "index_of_r",
        index.replace("0\t", '"1"\t', 1).replace("1\tc", '"2"\tc'),
        "row names of R",
        "numbers of lines before words",
    )
    phrases: list[str | bytes] = ["new york", "the cat"]
    spaced = "0 new york 0.418 -0.12\n1 the cat -0.25 0.333\n"
    valid(
        "index_before_phrases",
        spaced,
        "an index before tokens with spaces",
        "numbers of lines before words",
        tokens=phrases,
    )
    valid("quotes", '"the" 0.418 -0.12\n"cat" -0.25 0.333\n', "quotes around all words", quotes)
    inner: list[str | bytes] = ['5" disk', "cat"]
    valid(
        "quotes_inside", '"5\\" disk" 0.418 -0.12\n"cat" -0.25 0.333\n', "a quote inside quotes", quotes, tokens=inner
    )
    valid("single_quotes", "'the' 0.418 -0.12\n'cat' -0.25 0.333\n", "single quotes around all words", quotes)
    caf: list[str | bytes] = ["caf\u00e9", "cat"]
    printed = "b'caf\\xc3\\xa9' 0.418 -0.12\nb'cat' -0.25 0.333\n"
    valid("printed_bytes", printed, "bytes as Python prints them", "b'' around words", tokens=caf)
    valid(
        "commas_after_words",
        "the, 0.418 -0.12\ncat, -0.25 0.333\n",
        "a comma after each word",
        "the character that ends all words",
    )
    valid(
        "counts",
        "the\t900\t0.418\t-0.12\ncat\t50\t-0.25\t0.333\n",
        "a count after each word, read with dim=",
        "numbers after words",
        read={"dim": 2},
    )
    exact: list[str | bytes] = ['"the"', '"cat"']
    valid(
        "quotes_kept",
        '"the" 0.418 -0.12\n"cat" -0.25 0.333\n',
        "read with exact_words",
        "",
        tokens=exact,
        read={"exact_words": True},
    )
    tagged = "the\tDT\t0.418\t-0.12\ncat\tNN\t-0.25\t0.333\n"
    valid("word_column", tagged, "read with word_column", "", read={"word_column": 1})
    years: list[str | bytes] = ["windows 95", "windows 98"]
    valid(
        "names_with_numbers",
        "2 2\nwindows 95 0.418 -0.12\nwindows 98 -0.25 0.333\n",
        "read with a header that is trusted",
        "",
        tokens=years,
        read={"header": True},
    )
    ids: list[str | bytes] = ["0", "1"]
    valid("node_ids", "2 2\n0 0.418 -0.12\n1 -0.25 0.333\n", "ids below a header", "", tokens=ids)


def _invalid(folder: Path) -> None:
    def invalid(name: str, data: str, message: str, **more: Any) -> None:
        write_invalid(folder, f"{name}.txt", data.encode(), f"{{path}}:1: {message}", **more)

    words = (
        "`vocab=` names a file with the words, `exact_words=True, header=False` takes the first number of each line as "
        "its word"
    )
    numbers = "0.1 0.2 0.3\n-0.4 0.5 0.6\n0.7 -0.8 0.9\n"
    invalid("numbers_alone", numbers, f"no words: each line begins with a number, such as '0.1'; {words}")
    invalid(
        "sparse",
        "w0 1:0.6 4:0.7\nw1 2:0.6\n",
        "sparse rows, index:value, as in 'w0 1:0.6 4:0.7', are not read: write all numbers of each row",
    )
    invalid(
        "sparse_below_a_header",
        "50 60\nw0 1:0.6 4:0.7\n",
        "sparse rows, index:value, as in 'w0 1:0.6 4:0.7', are not read: write all numbers of each row",
    )
    invalid(
        "commas_between_numbers",
        "the 0.1,0.2\ncat 0.3,0.4\n",
        "commas between the numbers, as in 'cat 0.3,0.4', expected blanks: write them with blanks",
    )
    invalid(
        "commas",
        "the,0.1,0.2\ncat,0.3,0.4\n",
        "commas between the columns, as in 'cat,0.3,0.4', expected blanks: `format='csv'` reads such files",
    )
    columns = "`word_column={}` takes that column as the word, `exact_words=True` takes all of it"
    invalid(
        "two_columns_of_words",
        "the\tDT\t0.1\t0.2\ncat\tNN\t0.3\t0.4\n",
        f"several columns before the numbers, as in 'the\\tDT': {columns.format(1)}",
    )
    invalid(
        "numbers_before_words",
        "5 the 0.1 0.2\n7 cat 0.3 0.4\n",
        f"several columns before the numbers, as in '5 the': {columns.format(2)}",
    )
