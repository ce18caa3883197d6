"""Which columns of delimited text have the words and the vectors; where that is doubtful, an error lists them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from embstore.codecs.shared.cells import is_list, is_number
from embstore.codecs.tables.header import COUNTER_NAMES, WORD_NAMES, Head
from embstore.codecs.tables.wildcards import literally, matches
from embstore.core.cures import cure, option, option_name
from embstore.core.options import ReadOptions

NUMBERED = re.compile(r"(.*?)([0-9]{1,9})", re.DOTALL)
RANGE = re.compile(r"([0-9]{1,8})-([0-9]{1,8})")
LISTED = 20  # columns, or runs of them, that a message lists
FEW = 8  # columns that a cure names one by one


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table, counted from 0.

    Attributes
    ----------
    words
        The column of words; None if they come from another file.
    vectors
        The columns of numbers, or one column of lists.
    lists
        Whether `vectors` is one column of lists.
    counters
        Columns that count the rows, which are left out, and the first number of each.
    others
        Names of further columns that are left out.
    """

    words: int | None
    vectors: list[int]
    lists: bool
    counters: dict[int, int]
    others: list[str]


class Table:
    """The columns of the first rows: their names and what they have.

    Attributes
    ----------
    names
        The header, or the numbers of the columns from 1.
    kinds
        For each column ``numbers``, ``lists``, ``text``, or ``text and numbers``.
    """

    def __init__(self, head: Head) -> None:
        self.head = head
        self.names = head.names or [str(number) for number in range(1, head.width + 1)]
        self.kinds = [_kind([row[column] for row in head.rows]) for column in range(head.width)]

    def of_kind(self, *kinds: str) -> list[int]:
        """Return the columns that have something."""
        return [column for column, kind in enumerate(self.kinds) if kind in kinds]

    def listed(self) -> str:
        """Return all columns for a message, runs of numbered ones together."""
        keys = [(self.kinds[column], self._run(column)) for column in range(len(self.names))]
        runs = [[column for column, _ in found] for _, found in groupby(enumerate(keys), key=lambda pair: pair[1])]
        return ", ".join(map(self._shown, runs[:LISTED])) + (f" and {len(runs) - LISTED} more" * (len(runs) > LISTED))

    def _run(self, column: int) -> str:
        """Return what consecutive names of a run have in common."""
        found = NUMBERED.fullmatch(self.names[column])
        return f"{found[1]} {int(found[2]) - column}" if found else f"{column}"

    def _shown(self, run: list[int]) -> str:
        first, last = (f"{self.names[column][:60]!r} " if self.head.names else "" for column in (run[0], run[-1]))
        if len(run) == 1:
            return f"{run[0] + 1} {first}({self.kinds[run[0]]})"
        return f"{run[0] + 1} {first}to {run[-1] + 1} {last}({self.kinds[run[0]]})"


def choose(head: Head, options: ReadOptions, *, from_file: bool, beside: Path | None = None) -> Columns:
    """Return the columns that the options name, or the only ones that can be the table; ValueError otherwise.

    Parameters
    ----------
    from_file
        Whether the words come from another file.
    beside
        A file that may have the words of a table of numbers, for the error.
    """
    table = Table(head)
    named = _named_words(table, options, from_file=from_file)
    if named is None and not from_file:
        named = _called_words(table)
    if options.key is not None:
        vectors = [column for column in _named_vectors(table, options.key) if column != named]
        counters: dict[int, int] = {}
    else:
        counters = _counters(table, named, from_file=from_file)
        vectors = _vectors(table, named, counters)
    words = None if from_file else named if named is not None else _words(table)
    vectors = [column for column in vectors if column != words]
    key = _doubt(table, vectors, words) if options.key is None else None
    if from_file and counters:  # beside words from another file, a column that counts may be one of the vectors
        key = key or _key(table, vectors)
    if (words is None and not from_file) or key is not None:
        raise ValueError(_unclear(table, words, key, beside, from_file=from_file))
    if not vectors:
        raise ValueError(f"no column of numbers beside the words: {table.listed()}")
    used = {words, *vectors, *counters}
    others = [table.names[column] for column in range(head.width) if column not in used]
    return Columns(words, vectors, table.kinds[vectors[0]] == "lists", counters, others)


def _kind(cells: list[str]) -> str:
    numbers, lists, total = sum(map(is_number, cells)), sum(map(is_list, cells)), len(cells)
    if 2 * lists > total:
        return "lists"
    if total and total - numbers <= (total // 10 or min(1, total // 3)):  # one may be damaged
        return "numbers"
    return "text and numbers" if 2 * numbers > total else "text"


def _named_words(table: Table, options: ReadOptions, *, from_file: bool) -> int | None:
    """Return the column that the options name as that of the words."""
    name = options.word_column
    if name is None and options.vocab and not from_file:
        name = str(options.vocab)
    if name is None or from_file:
        return None
    if isinstance(name, int):
        if name > table.head.width:
            raise ValueError(f"no column {name}: {table.listed()}")
        return name - 1
    found = [column for column, known in enumerate(table.names) if known == name] if table.head.names else []
    if len(found) != 1:
        raise ValueError(f"{'two columns are' if found else 'no column is'} named {name[:60]!r}: {table.listed()}")
    return found[0]


def _named_vectors(table: Table, key: str) -> list[int]:
    """Return the columns that ``key=`` names: names, patterns and ranges of numbers, separated by commas."""
    values = table.of_kind("numbers", "lists")
    found: list[int] = []
    for pattern in key.split(","):
        span = None if table.head.names else RANGE.fullmatch(pattern.strip())
        matching = [
            column
            for column in values
            if (int(span[1]) <= column + 1 <= int(span[2]) if span else matches(table.names[column], pattern))
        ]
        if not matching:
            raise ValueError(f"no column of numbers or lists is named {pattern[:60]!r}: {table.listed()}")
        found += [column for column in matching if column not in found]
    if len(found) > 1 and any(table.kinds[column] == "lists" for column in found):
        raise ValueError(f"several columns of lists, or lists and numbers, are named {key[:60]!r}: {table.listed()}")
    return found


def _counters(table: Table, named: int | None, *, from_file: bool) -> dict[int, int]:
    """Return the columns that count the rows beside words, as the indices of pandas and R do."""
    rows, found = table.head.rows, {}
    if named is None and not from_file and not table.of_kind("text", "text and numbers"):
        return {}
    for column in table.of_kind("numbers"):
        is_index = table.head.names is not None and COUNTER_NAMES.fullmatch(table.names[column]) is not None
        may_count = is_index if table.head.names else column == 0 and len(rows) > 1
        if column == named or not may_count:
            continue
        start = 1 if rows[0][column] == "1" else 0
        if all(row[column] == str(start + number) for number, row in enumerate(rows)):
            found[column] = start
    return found


def _vectors(table: Table, named: int | None, counters: dict[int, int]) -> list[int]:
    """Return the only column of lists, else all columns of numbers."""
    lists = [column for column in table.of_kind("lists") if column != named]
    return lists or [column for column in table.of_kind("numbers") if column != named and column not in counters]


def _words(table: Table) -> int | None:
    """Return the only column of text, unless the header calls another one words; None if it is unclear."""
    text = _candidates(table)
    return text[0] if len(text) == 1 and table.kinds[text[0]] == "text" else None


def _candidates(table: Table) -> list[int]:
    """Return the columns that may have words: those of text, and those that the header calls so."""
    text = table.of_kind("text", "text and numbers")
    return sorted({*text, *_called(table)})


def _called(table: Table) -> list[int]:
    return [column for column, name in enumerate(table.head.names or []) if name.lower() in WORD_NAMES]


def _called_words(table: Table) -> int | None:
    """Return the column that the header calls words, whatever they look like, unless another may have words too."""
    called = _called(table)
    text = set(table.of_kind("text", "text and numbers"))
    return called[0] if len(called) == 1 and text <= set(called) else None


def _doubt(table: Table, vectors: list[int], words: int | None) -> str | None:
    """Return what may name the vectors, as a value for ``key=``, if it is unclear which of these columns they are."""
    lists = [column for column in vectors if table.kinds[column] == "lists"]
    if lists:
        return literally(table.names[lists[0]]) if len(lists) > 1 else None
    if table.head.names is None:
        whole = _whole_columns(table, vectors) or _split_off(vectors, words)
        rest = [column for column in vectors if column not in whole]
        return _key(table, rest or vectors) if whole else None
    series: dict[str, list[int]] = {}
    for column in vectors:
        if found := NUMBERED.fullmatch(table.names[column]):
            series.setdefault(found[1], []).append(int(found[2]))
    series = {name: numbers for name, numbers in series.items() if numbers == _consecutive(numbers)}
    if len(series) == 1:
        prefix, numbers = next(iter(series.items()))
        if len(numbers) == len(vectors):
            return None
        return f"{literally(prefix)}[0-9]*"
    return _key(table, vectors) if vectors else None


def _split_off(vectors: list[int], words: int | None) -> set[int]:
    """Return the columns before the words if there are others after them."""
    before = {column for column in vectors if words is not None and column < words}
    return before if len(before) < len(vectors) else set()


def _key(table: Table, columns: list[int]) -> str:
    """Return a value for ``key=`` that names some columns."""
    if table.head.names is None and columns[-1] - columns[0] == len(columns) - 1 > 0:
        return f"{columns[0] + 1}-{columns[-1] + 1}"
    return ",".join(literally(table.names[column]) for column in columns) if len(columns) <= FEW else "*"


def _consecutive(numbers: list[int]) -> list[int]:
    return list(range(numbers[0], numbers[0] + len(numbers)))


def _whole_columns(table: Table, vectors: list[int]) -> set[int]:
    """Return the columns of whole numbers, such as counts: alone, or beside as many columns of fractions or more."""
    rows = table.head.rows
    if len(rows) < 3:
        return set()
    cells = {column: [row[column].strip() for row in rows if is_number(row[column])] for column in vectors}
    whole = {column for column, found in cells.items() if all(cell.isdecimal() for cell in found)}
    whole -= {column for column in whole if set(cells[column]) <= {"0", "1"}}
    return whole if 2 * len(whole) <= max(2, len(vectors)) else set()


def _unclear(table: Table, words: int | None, key: str | None, beside: Path | None, *, from_file: bool) -> str:
    """Return the error for columns that cannot be told apart: it lists them, and the options that decide."""
    if words is not None or from_file:
        vectors_cure = cure("csv-vectors", f"{option(key=key or '*')} names them")
        return f"cannot tell which columns are the vectors: {table.listed()}; {vectors_cure}"
    more = {"key": key} if key else {}
    text = _candidates(table)
    if not text and beside is not None:
        file_cure = cure("csv-words-beside", f"{option(vocab=beside)} reads them from that file")
        return f"no column of words: {table.listed()}; {file_cure}"
    if not text:
        either = cure(
            "csv-no-words",
            f"{option_name('vocab')} names a file that has them, {option(word_column=1, **more)} the column",
        )
        return f"no column of words: {table.listed()}; {either}"
    candidates = text[:3]
    if table.head.names and all(table.names[column].strip() for column in candidates):
        choices: list[dict[str, int | str]] = [{"vocab": table.names[column], **more} for column in candidates]
    else:
        choices = [{"word_column": column + 1, **more} for column in candidates]
    which = cure("csv-words", f"{' or '.join(option(**choice) for choice in choices)} names them")
    return f"cannot tell which column has the words: {table.listed()}; {which}"
