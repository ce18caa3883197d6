"""Parsing blocks of lines, each a token and its numbers.

The kernel parses ordinary lines fast. The lines that it does not accept are parsed here by the full grammar.
"""

from __future__ import annotations

import re
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Event

import numpy as np
from numpy.typing import NDArray

from embstore.codecs.shared.line import BLANK, NUMBER, SKIPPED, Tail, count_numbers, fields_of, has_long_field
from embstore.codecs.text.shape import Shape
from embstore.codecs.text.words import WHOLE, Changed, find_odd
from embstore.core import kernels
from embstore.core.batch import SHOWN, Batch, Tokens
from embstore.core.cures import cure, option
from embstore.core.limits import MAX_TOKEN
from embstore.core.options import OnError

BLANKS = re.compile(rb"[ \t\r\n]*")
LONG_FIELD = f"a field of more than {MAX_TOKEN >> 20} MB, the most of a token or a number"


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines, data[start:stop], ending in a newline, with SLACK bytes after it; `hashed` is done after hashing."""

    data: bytearray
    start: int
    stop: int
    hashed: Future[None]


@dataclass(slots=True)
class LeftOut:
    """Lines of a block left out for the same reason.

    Attributes
    ----------
    first, count
        The number of the first in the block, from 1, and how many there are.
    found
        For the first `SHOWN` of them that cannot be read: the number in the block, and why.
    """

    first: int
    count: int = 0
    found: list[tuple[int, str]] = field(default_factory=list)


@dataclass(slots=True)
class Parsed:
    """The result of parsing a block.

    Attributes
    ----------
    batch
        The rows, up to the line in `error` if there is one.
    lines
        How many lines were parsed.
    left_out
        Lines left out, by reason.
    gaps
        Where rows and lines are counted differently: a row of the block, and how many lines before it are no rows.
    changed
        Words changed, by what was taken off them.
    odd
        Words that look as if they had something to take off, by what it is; see `find_odd`.
    error
        The first line that cannot be read, numbered from 1 in the block, and the reason; None if all could be read.
    """

    batch: Batch
    lines: int
    left_out: dict[str, LeftOut]
    gaps: list[tuple[int, int]]
    changed: dict[str, Changed]
    odd: dict[str, Changed]
    error: tuple[int, str] | None = None


def parse_block(block: Block, shape: Shape, on_error: OnError, header_lines: int, cancelled: Event) -> Parsed:
    """Parse the lines of a block after its header until `cancelled` is set; runs in a worker thread."""
    return _BlockParser(block, shape, on_error, header_lines).run(cancelled)


class _BlockParser:
    """The state of parsing one block."""

    def __init__(self, block: Block, shape: Shape, on_error: OnError, header_lines: int) -> None:
        self.data, self.position, self.stop = block.data, block.start, block.stop
        self.shape, self.on_error = shape, on_error
        rows = self.stop // (2 * shape.dim + 1)  # at most: a space and a digit per number, and a newline
        self.vectors = np.empty((rows, shape.dim), np.float32)
        self.token_data = np.empty(self.stop, np.uint8)
        self.offsets = np.zeros(rows + 1, np.int64)
        self.row, self.other_lines = 0, header_lines  # other_lines: those that are not rows
        self.left_out: dict[str, LeftOut] = {}
        self.changed: dict[str, Changed] = {}
        self.gaps = [(0, header_lines)] if header_lines else []
        for _ in range(header_lines):
            self.position = self.data.index(b"\n", self.position) + 1

    def run(self, cancelled: Event) -> Parsed:
        """Parse the lines after the header."""
        text = np.frombuffer(self.data, np.uint8)
        error, ordinary = None, 0  # up to `ordinary`, no line is so long that a field may be too long
        while self.position < self.stop and error is None and not cancelled.is_set():
            if self.position >= ordinary:
                ordinary = find_long_line(self.data, self.position, self.stop)
            if self.position < ordinary and self.shape.words.column is None:
                self.position, self.row = kernels.parse_rows(
                    text, self.position, ordinary, self.vectors, self.token_data, self.offsets, self.row
                )
                if self.position == ordinary:
                    continue
            if not self._skip_blank():
                error = self._parse_slowly()
        used = self.offsets[: self.row + 1]
        tokens, rule = Tokens(self.token_data[: used[-1]], used), self.shape.words
        odd = find_odd(tokens) if rule is WHOLE else {}
        tokens = rule.cut(tokens, self.changed) if rule.cuts else tokens
        batch = Batch(tokens, self.vectors[: self.row])
        lines = self.row + self.other_lines
        return Parsed(batch, lines, self.left_out, self.gaps, self.changed, odd, error)

    def _skip_blank(self) -> bool:
        """Leave out all blank lines at the position, perhaps millions, at once; return whether there were any."""
        gap = BLANKS.match(self.data, self.position, self.stop)
        end = self.data.rfind(b"\n", self.position, gap.end() if gap else 0) + 1
        if end:
            self._leave_out(BLANK, self.data.count(b"\n", self.position, end))
            self.position = end
        return bool(end)

    def _parse_slowly(self) -> tuple[int, str] | None:
        """Parse the line that the kernel rejected; return its number and the error if reading must stop there."""
        end = self.data.index(b"\n", self.position)
        try:
            before, vector = parse_line(bytes(self.data[self.position : end]), self.shape)
            self._append(self.shape.words.column_of(before), vector)
        except ValueError as error:
            if self.on_error == "stop":
                return self.row + self.other_lines + 1, f"{error}; {skip_cure()}"
            self._leave_out(SKIPPED, 1, str(error))
        self.position = end + 1
        return None

    def _leave_out(self, reason: str, count: int, why: str = "") -> None:
        line = self.row + self.other_lines + 1
        left_out = self.left_out.setdefault(reason, LeftOut(line))
        left_out.count += count
        if why and len(left_out.found) < SHOWN:
            left_out.found.append((line, why))
        self.other_lines += count
        if self.gaps and self.gaps[-1][0] == self.row:
            self.gaps.pop()
        self.gaps.append((self.row, self.other_lines))

    def _append(self, token: bytes, vector: NDArray[np.float32]) -> None:
        start = int(self.offsets[self.row])
        self.token_data[start : start + len(token)] = np.frombuffer(token, np.uint8)
        self.vectors[self.row] = vector
        self.row += 1
        self.offsets[self.row] = start + len(token)


def skip_cure() -> str:
    """Return how to leave out lines that cannot be read."""
    return cure("skip-lines", f"{option(on_error='skip')} leaves such lines out")


def find_long_line(data: bytearray, start: int, stop: int) -> int:
    """Return where the first line of more than `MAX_TOKEN` bytes begins; `stop`, where the last line ends, if none."""
    while stop - start > MAX_TOKEN + 1:
        newline = data.rfind(b"\n", start, start + MAX_TOKEN + 1)
        if newline < 0:
            return start
        start = newline + 1
    return stop


def parse_line(line: bytes, shape: Shape) -> tuple[bytes, NDArray[np.float32]]:
    """Parse one line that is not blank by the full grammar; ValueError with the reason if it is not a row.

    The numbers are the last `dim` fields. The token is everything before them except one space or tab.
    """
    if has_long_field(line):
        raise ValueError(LONG_FIELD)
    flat = line.replace(b"\t", b" ").rstrip(b" \r")
    end, fields = len(flat), []
    for left in range(shape.dim, 0, -1):
        cut = flat.rfind(b" ", 0, end)
        if cut < 0:
            raise ValueError(_too_few(flat, shape))
        fields.append(flat[cut + 1 : end])
        end = cut
        while left > 1 and end and flat[end - 1] == 32:
            end -= 1
    for text in fields:
        if not NUMBER.fullmatch(text):
            raise ValueError(_too_few(flat, shape))
    _, gap, last = flat[:end].rpartition(b" ")
    if gap and not shape.stated and NUMBER.fullmatch(last):
        count = count_numbers(flat)
        raise ValueError(
            f"{count} numbers after token {_shown(flat)}, expected {shape.dim} ({shape.origin}). "
            + cure("token-ends-in-number", f"If the token itself ends in a number, use {option(dim=shape.dim)}")
        )
    if end > MAX_TOKEN:
        raise ValueError(f"a token of {end:,} bytes, expected {MAX_TOKEN:,} at most")
    with np.errstate(over="ignore"):
        return line[:end], np.array([float(text) for text in reversed(fields)]).astype(np.float32)


def _shown(flat: bytes) -> str:
    return repr(flat.partition(b" ")[0][:60].decode("utf-8", "replace"))


def _too_few(flat: bytes, shape: Shape) -> str:
    """Return the error for a line that does not end in `dim` numbers: a field is not a number, or there are too few."""
    tail, fields, numbers = Tail.of(flat), 0, 0
    for text in fields_of(flat):
        fields, numbers = fields + 1, numbers + bool(NUMBER.fullmatch(text))
    if tail.word and fields >= shape.dim and numbers >= shape.dim - 1 > 0:
        return f"{tail.word[:60].decode('utf-8', 'replace')!r} after token {_shown(flat)} is not a number"
    count = tail.numbers
    return (
        f"{count} number{'s' * (count != 1)} after token {_shown(flat)}, expected {shape.dim} ({shape.origin}); "
        "the file may be truncated"
    )
