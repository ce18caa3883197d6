"""Doubts about a text file that are not decided without its user: which column has the words, or a first number."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

from embstore.codecs.shared.line import COUNT, NUMBER, Tail
from embstore.codecs.shared.word_fields import COUNTER, columns_of, split_columns
from embstore.core.cures import cure, option, option_name
from embstore.core.options import ReadOptions

NO_WHOLE_NUMBER = re.compile(rb"[-.einEIN]")  # in a number: 0.5, 1e5, inf, nan, -3
FRACTION = re.compile(rb"[.einEIN]")
LIKE_NUMBER = re.compile(rb"[(\[\"']*+[-+]?[0-9][0-9.,]*+[)\]\"':.,]*+")  # 5, "5", [5], 5), 1,000, 0.5
GROUPED = re.compile(rb"[1-9][0-9]{0,2}(?:,[0-9]{3})++")  # 1,000: may be part of a token, as in "under 1,000"
GLUED = re.compile(rb"[^0-9+.\s-][-+]?[0-9]*\.[0-9]+$")  # the,0.1 and the[0.1
MINUS = "\u2212".encode()  # in place of a hyphen
COUNTED = 5  # rows that show that their first number counts
MANY = 10  # rows that show that a number is of another kind than all others


def most(words: Sequence[bytes], has: Callable[[bytes], object]) -> bool:
    """Return whether more than half of the words, and more than one, have something."""
    count = sum(1 for word in words if has(word))
    return count > 1 and 2 * count > len(words)


def check_columns(fields: list[bytes], words: list[bytes], *, stated: bool) -> None:
    """Refuse words of which most have columns: parted by tabs, after a number, or before something like one.

    Parameters
    ----------
    fields, words
        What the first rows have before their numbers, as it stands, and without what is certainly no part of a word.
    stated
        Whether a header or the user states the dim, so that tokens may end in numbers.
    """
    tabs = columns_of(words) > 1 or most(words, lambda word: b"\t" in word)
    numbered = len(words) > 1 and (most(words, _begins_with_number) or _counts_most(words))
    if tabs or numbered:
        raise _several_columns(fields, tabs)
    if not stated and most(words, _ends_like_number):
        shown = next(filter(_ends_like_number, words))[:60].decode("utf-8", "replace")
        exact = cure("text-words-like-numbers", f"{option(exact_words=True)} takes it as a part of the words")
        raise ValueError(f"something like a number before the numbers of most lines, as in {shown!r}: {exact}")
    last = Counter(word.replace(b"\t", b" ").rpartition(b" ")[2] for word in words if b" " in word)
    common, times = last.most_common(1)[0] if last else (b"", 0)
    if not stated and times > MANY // 2 and 2 * times > len(words):
        exact = cure("text-common-ending", f"{option(exact_words=True)} takes it as a part of the words")
        raise ValueError(f"{common[:60].decode('utf-8', 'replace')!r} before the numbers of most lines: {exact}")


def _several_columns(fields: list[bytes], tabs: bool) -> ValueError:
    shown = fields[0][:60].decode("utf-8", "replace")
    widest = Counter(len(split_columns(word, tabs)) for word in fields).most_common(1)[0][0]
    whole = [parts for word in fields if len(parts := split_columns(word, tabs)) == widest]
    texts = [place for place in range(widest) if not most([parts[place] for parts in whole], _is_like_number)]
    texts = [place for place in texts if any(parts[place].strip() for parts in whole)]
    known = ""
    if texts and len({parts[texts[0]] for parts in whole}) == len(whole):
        known = cure("text-word-column", f"{option(word_column=texts[0] + 1)} takes that column as the word") + ", "
    exact = cure("text-exact-words", f"{option(exact_words=True)} takes all of it")
    return ValueError(f"several columns before the numbers, as in {shown!r}: {known}{exact}")


def _is_like_number(word: bytes) -> bool:
    return bool(LIKE_NUMBER.fullmatch(word))


def _begins_with_number(word: bytes) -> bool:
    first, gap, rest = word.strip(b" \t").replace(b"\t", b" ").partition(b" ")
    return bool(gap and rest.strip() and LIKE_NUMBER.fullmatch(first))


def _counts_most(fields: list[bytes]) -> bool:
    """Return whether most rows begin with their own number, from 0 or 1."""
    numbers = {place: int(match[1]) for place, word in enumerate(fields) if (match := COUNTER.match(word))}
    return any(
        sum(number == place + start for place, number in numbers.items()) > max(1, len(fields) // 2) for start in (0, 1)
    )


def _ends_like_number(word: bytes) -> bool:
    """Return whether a word ends in a field that begins like a number, or in a number that is glued to it."""
    _, gap, last = word.replace(b"\t", b" ").rpartition(b" ")
    glued = GLUED.search(word[-60:])
    like_number = last[:1].isdigit() and not GROUPED.fullmatch(last)
    return bool(glued or (gap and (like_number or last.startswith((b"[0", b"(0", MINUS)))))


def check_has_words(fields: list[bytes], options: ReadOptions, *, stated: bool) -> None:
    """Refuse rows of numbers alone: all words are blank, or all are numbers, one with a point or an exponent.

    Where the user or a header states the dim, words may be numbers.
    """
    first = [word.strip(b" \t") for word in fields]
    if options.exact_words or not first:
        return
    if len(first) > 1 and not any(first):
        named = cure("blank-words-vocab", f"{option_name('vocab')} names a file with the words")
        raise ValueError(f"no words: each line begins with a blank and numbers; {named}")
    numbers = not stated and all(map(NUMBER.fullmatch, first))
    if numbers and any(map(NO_WHOLE_NUMBER.search, first)):
        raise ValueError(f"no words: each line begins with a number, such as {first[0].decode()!r}; {words_cure()}")


def words_cure() -> str:
    """Return how to read numbers without words."""
    vocab = cure("numbers-vocab", f"{option_name('vocab')} names a file with the words")
    taken = "takes the first number of each line as its word"
    return f"{vocab}, " + cure("numbers-as-words", f"{option(exact_words=True, header=False)} {taken}")


def numbers_alone(lines: list[bytes]) -> int:
    """Return how many numbers each line has if it has nothing else; 0 if one has a word, or another number of them."""
    tails = [Tail.of(b" " + line.strip(b" \t")) for line in lines if line]
    counts = {0 if tail.word else tail.numbers for tail in tails}
    return counts.pop() if len(counts) == 1 else 0


def check_words_below(header: tuple[int, int] | None, lines: list[bytes]) -> None:
    """Raise ValueError if the lines below a header have as many numbers as it says, and no words."""
    after_first = {Tail.of(line).numbers for line in lines[1:] if line}
    if header and header[1] > 1 and numbers_alone(lines[1:]) == header[1] and after_first == {header[1] - 1}:
        named = cure("header-numbers-vocab", f"{option_name('vocab')} names a file with the words")
        raise ValueError(f"no words: the lines below the header have {header[1]:,} numbers alone; {named}")


def check_first_number(rows: list[bytes], fields: list[bytes], dim: int) -> None:
    """Refuse rows whose first or last number is of another kind than all others: whole, where they are fractions.

    Fewer than `MANY` rows show that only if their first numbers count up, or never rise.
    """
    numbers = [row[len(word) :].replace(b"\t", b" ").split() for row, word in zip(rows, fields, strict=True)]
    if dim < 2 or len(numbers) < COUNTED:
        return
    shown = rows[0][:60].decode("utf-8", "replace")
    if _is_whole(numbers, 0) and (len(numbers) >= MANY or _counts(numbers)):
        left = cure("first-number-left", f"{option(dim=dim - 1, word_column=1)} leaves it out")
        kept = cure("first-number-kept", f"{option(dim=dim)} takes it as the first dimension")
        raise ValueError(f"the first number of each line is whole, unlike all others, as in {shown!r}: {left}, {kept}")
    if len(numbers) >= MANY and _is_whole(numbers, -1):
        kept = cure("last-number-kept", f"{option(dim=dim)} takes it as the last dimension")
        raise ValueError(f"the last number of each line is whole, unlike all others, as in {shown!r}: {kept}")


def _is_whole(numbers: list[list[bytes]], place: int) -> bool:
    """Return whether all numbers at a place are whole, and all at other places fractions."""
    others = (number for row in numbers for i, number in enumerate(row) if i != place % len(row))
    return all(COUNT.fullmatch(row[place]) for row in numbers) and all(map(FRACTION.search, others))


def _counts(numbers: list[list[bytes]]) -> bool:
    first = [int(row[0]) for row in numbers]
    counts_up = first in (list(range(len(first))), list(range(1, len(first) + 1)))
    return counts_up or (first[0] > first[-1] and all(b <= a for a, b in pairwise(first)))


def too_many_numbers(dim: int, lines: list[bytes], found: int) -> ValueError:
    """Return the error for a header above rows with more numbers than it says."""
    column = ""
    first = [line.replace(b"\t", b" ").partition(b" ")[0] for line in filter(None, lines[1:])]
    if len(set(first)) == len(first):
        left = "leaves out what stands between word and numbers"
        column = cure("header-word-column", f"{option(word_column=1)} {left}") + ", "
    accepted = cure("header-accepted", f"{option(header=True)} takes what is too much as a part of the tokens")
    return ValueError(f"the header says {dim:,} numbers per row, but the rows below have {found:,}; {column}{accepted}")


def is_line_of_names(lines: list[bytes], dim: int) -> bool:
    """Return whether the first line numbers the columns, from 0 or 1, above rows of fractions."""
    first, *rest = (line.replace(b"\t", b" ").split() for line in lines if line.strip())
    below = [number for row in rest for number in row[-dim:]]
    names = first[-dim:]
    counts = names in ([b"%d" % i for i in range(dim)], [b"%d" % i for i in range(1, dim + 1)])
    return dim > 1 and len(rest) > 1 and counts and all(map(FRACTION.search, below))
