"""What is no part of a word: padding, quotes, a counter in front and others, if all words of a sample share it.

A pattern is taken off where it is certain: every word of the sample has it, what remains is not empty, and words that
were distinct stay distinct. Other words that lack it, after the sample, are kept as they stand.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from embstore.codecs.shared.line import NUMBER

SAMPLE = 100
"""Number of first words that are looked at."""

BLANKS = b" \t"
GAP = re.compile(rb"[ \t]++")
COUNTER = re.compile(rb'[ \t]*"?([0-9]{1,18})"?[ \t]+(?=[^ \t])')
BYTES = re.compile(rb"""b'[^']*+'|b"[^"]*+\"""")
ENDINGS = b",:;|="
QUOTE = 34


@dataclass(frozen=True, slots=True)
class Cut:
    """Something that is taken off words.

    Attributes
    ----------
    name
        What it is, for messages.
    take
        Returns a word without it; the word unchanged if it lacks it.
    """

    name: str
    take: Callable[[bytes], bytes]


def _strip(word: bytes) -> bytes:
    return word.strip(BLANKS)


def _unquote(word: bytes) -> bytes:
    r"""Take off quotes as R and the csv module write them: a quote inside is doubled or follows a backslash."""
    if len(word) < 2 or word[0] != QUOTE or word[-1] != QUOTE:
        return word
    inside = word[1:-1]
    if inside.replace(b'\\"', b"").replace(b'""', b"").count(b'"'):
        return word
    return inside.replace(b'\\"', b'"').replace(b'""', b'"')


def _unquote_single(word: bytes) -> bytes:
    quoted = len(word) > 2 and word[:1] == word[-1:] == b"'" and word.count(b"'") == 2
    return word[1:-1] if quoted else word


def _unrepresent(word: bytes) -> bytes:
    """Return the bytes that Python printed as ``b'the'``."""
    if not BYTES.fullmatch(word):
        return word
    try:
        value: object = ast.literal_eval(word.decode())
    except (ValueError, SyntaxError):
        return word
    return value if isinstance(value, bytes) else word


def _end(word: bytes) -> bytes:
    return word[:-1] if word[-1:] in (b",", b":", b";", b"|", b"=") else word


def _column_off(word: bytes) -> bytes:
    before, tab, after = word.rpartition(b"\t")
    return before if tab and NUMBER.fullmatch(after) and not NUMBER.fullmatch(before) else word


def _count_off(word: bytes) -> bytes:
    found = COUNTER.match(word)
    return word[found.end() :] if found else word


PADDING = Cut("blanks around words", _strip)
RETURNS = Cut("carriage returns after words", lambda word: word.removesuffix(b"\r"))
CUTS = (
    PADDING,
    Cut("quotes around words", _unquote),
    Cut("quotes around words", _unquote_single),
    Cut("b'' around words", _unrepresent),
    Cut("the character that ends all words", _end),
    Cut("numbers after words", _column_off),
)
COUNTED = Cut("numbers of lines before words", _count_off)


def find_cuts(words: Sequence[bytes], *, padded: bool = False) -> list[Cut]:
    """Return what is certainly no part of these words, in the order in which it is taken off.

    Parameters
    ----------
    words
        The first words of a file. One word alone shows no pattern but padding.
    padded
        Whether the numbers of the file are padded: blanks around any word are padding then.
    """
    found: list[Cut] = []
    words = list(words)
    if counts_lines(words):
        found.append(COUNTED)
        words = [COUNTED.take(word) for word in words]
    if (padded or is_aligned(words)) and _keeps_distinct(PADDING, words):
        found.append(PADDING)
        words = [PADDING.take(word) for word in words]
    cuts = list(CUTS)
    while next_cut := next((cut for cut in cuts if _is_certain(cut, words)), None):
        found.append(next_cut)
        words = [next_cut.take(word) for word in words]
        cuts.remove(next_cut)
    return found


def counts_lines(words: Sequence[bytes]) -> bool:
    """Return whether each word follows the number of its line, from 0 or 1, as pandas and R write it."""
    matches = [COUNTER.match(word) for word in words]
    numbers = [int(match[1]) for match in matches if match]
    if len(numbers) < max(2, len(words)) or numbers[0] not in (0, 1):
        return False
    return numbers == list(range(numbers[0], numbers[0] + len(numbers))) and _keeps_distinct(COUNTED, words)


def is_aligned(words: Sequence[bytes]) -> bool:
    """Return whether words are filled with spaces to one width, more than one of them."""
    filled = [word for word in words if word.endswith(b" ")]
    if len(filled) < 2 or len(filled) == len(words):
        return False
    texts = [word.decode("utf-8", "replace") for word in words]
    return len(set(map(len, texts))) == 1 or len(set(map(len, words))) == 1


def _is_certain(cut: Cut, words: Sequence[bytes]) -> bool:
    enough = len(words) > 1 or (cut is PADDING and len(words) == 1)
    if cut.take is _end and len({word[-1:] for word in words}) > 1:
        return False
    if cut is PADDING and not (
        all(word[-1:] in (b" ", b"\t") for word in words) or all(word[:1] in (b" ", b"\t") for word in words)
    ):
        return False
    return enough and all(cut.take(word) != word for word in words) and _keeps_distinct(cut, words)


def _keeps_distinct(cut: Cut, words: Sequence[bytes]) -> bool:
    """Return whether words that were distinct still are, and none is empty, without what is taken off."""
    taken = [cut.take(word) for word in words]
    return len(set(taken)) == len(set(words)) and all(taken)


def columns_of(words: Sequence[bytes]) -> int:
    """Return the number of columns if words have the same number of them, parted by tabs; 1 if they have none."""
    counts = {word.count(b"\t") for word in words}
    return counts.pop() + 1 if len(counts) == 1 and len(words) > 1 else 1


def split_columns(field: bytes, tabs: bool) -> list[bytes]:
    """Return the columns of a field or line, parted by tabs or by blanks."""
    return field.split(b"\t") if tabs else [part for part in GAP.split(field) if part]
