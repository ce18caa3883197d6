"""How the lines of a text are made, as its first ones tell: a header, the dimension, and what is wrong with them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from embstore.codecs.shared.line import NUMBER, Tail, count_numbers

HEXADECIMAL = re.compile(rb"[+-]?0x[0-9a-f.]+(?:p[+-]?[0-9]+)?", re.IGNORECASE)
GROUPED = re.compile(rb"[1-9][0-9]{0,2}(?:,[0-9]{3})+")  # 1,000: words of a token, as in "under 1,000"
SAMPLE = 100  # lines that settle the shape


@dataclass(frozen=True, slots=True)
class Shape:
    """How the lines of a file are made.

    `origin` says where `dim` comes from; `stated` whether the user or a header said it, so that a token may
    end in a number; `rows` is what a header claims.
    """

    dim: int
    origin: str
    stated: bool = False
    header_lines: int = 0
    rows: int | None = None


def most_common_dim(lines: list[bytes]) -> Shape:
    """Make out the shape from the first lines; ValueError where they have no numbers, or numbers misspelt."""
    endings = list(map(Tail.of, lines))
    dim = common_dim(endings)
    _check_spelling(endings, dim)
    if not dim:
        found = next((line for line in lines if line), b"")[:60].decode("utf-8", "replace")
        if not found:
            raise ValueError("nothing but empty lines, expected a token and its numbers on each line")
        raise ValueError(f"{found!r} is not a token and its numbers; is this another format? --from names it")
    return Shape(dim, f"from line {[ending.numbers for ending in endings].index(dim) + 1}")


def common_dim(endings: list[Tail]) -> int:
    """Return how many numbers most lines end in, of those that end in any; 0 where none does.

    Of those that as many lines have: what more of them have right behind their first field, since a further word may
    be a number misspelt; then what comes first.
    """
    votes = Counter(ending.numbers for ending in endings if ending.numbers)
    clear = Counter(ending.numbers for ending in endings if not ending.word)
    return max(votes, key=lambda dim: (votes[dim], clear[dim]), default=0)


def _check_spelling(endings: list[Tail], dim: int) -> None:
    """Raise ValueError where most lines have a number misspelt: it, and what stands in front, would become tokens."""
    found = misspelt(endings)
    if found is None:
        return
    cure = f"; where it is a part of the token, say so by --dim {dim}" if dim else ""
    raise ValueError(
        f"{endings[found].word.decode()[:60]!r} on line {found + 1}, and the like on most lines, is not a number, "
        f"expected digits with a point or none, as 0.5: write the file so{cure}"
    )


def misspelt(endings: list[Tail]) -> int | None:
    """Where the first number misspelt stands, if most lines that are not blank have one in front of their numbers."""
    found = [place for place, ending in enumerate(endings) if _is_misspelt(ending.word)]
    return found[0] if 2 * len(found) > sum(bool(ending.numbers or ending.word) for ending in endings) else None


def _is_misspelt(field: bytes) -> bool:
    """Tell what other tools take for a number: a decimal comma or one behind it, 1_000, other digits, hexadecimal."""
    if GROUPED.fullmatch(field):
        return False
    if field.endswith(b",") and NUMBER.fullmatch(field[:-1]):
        return True
    try:
        text = field.decode().replace(",", ".")
        float(text)
    except ValueError:
        return bool(HEXADECIMAL.fullmatch(field))
    return text == text.strip()  # which float does by itself


def ends_in_returns(line: bytes) -> bool:
    """Tell whether a line is many, divided by carriage returns alone: a token and numbers between any two."""
    pieces = [piece for piece in line.split(b"\r", SAMPLE)[:SAMPLE] if piece.strip(b" \t")]
    return len(pieces) > 1 and all(map(count_numbers, pieces))
