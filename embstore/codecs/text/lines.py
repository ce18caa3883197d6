"""The lines of text formats: a token, then its numbers. What the kernel leaves is read here, by the full grammar."""

from __future__ import annotations

import re
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Event

import numpy as np
from numpy.typing import NDArray

from embstore.codecs.shared.line import NUMBER, count_numbers
from embstore.codecs.text.shape import Shape
from embstore.core import kernels
from embstore.core.batch import Batch, Tokens
from embstore.core.options import OnError

BLANKS = re.compile(rb"[ \t\r\n]*")
BLANK = "empty lines left out"
SKIPPED = "lines that cannot be read left out"


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines: data[start:stop], the last byte a newline, SLACK bytes behind it; in the checksum once `hashed`."""

    data: bytearray
    start: int
    stop: int
    hashed: Future[None]


@dataclass(slots=True)
class Odd:
    """Lines of a block that are odd in one way: how many, and which is the first."""

    first: int
    count: int = 0


@dataclass(slots=True)
class Parsed:
    """A block's rows, what was odd about its lines, and the line that cannot be read, with the reason."""

    batch: Batch
    lines: int
    odd: dict[str, Odd]
    error: tuple[int, str] | None = None


def parse_block(block: Block, shape: Shape, on_error: OnError, header_lines: int, given_up: Event) -> Parsed:
    """Parse the lines of a block behind its header, unless they are given up; runs in a worker thread."""
    return _BlockParser(block, shape, on_error, header_lines).run(given_up)


class _BlockParser:
    """The state of parsing one block."""

    def __init__(self, block: Block, shape: Shape, on_error: OnError, header_lines: int) -> None:
        self.data, self.position, self.stop = block.data, block.start, block.stop
        self.shape, self.on_error = shape, on_error
        rows = self.stop // (2 * shape.dim + 1)  # at most: a gap and a digit a number, and the newline
        self.vectors = np.empty((rows, shape.dim), np.float32)
        self.token_data = np.empty(self.stop, np.uint8)
        self.offsets = np.zeros(rows + 1, np.int64)
        self.row, self.left_out = 0, header_lines
        self.odd: dict[str, Odd] = {}
        for _ in range(header_lines):
            self.position = self.data.index(b"\n", self.position) + 1

    def run(self, given_up: Event) -> Parsed:
        """Parse the lines behind the header."""
        text = np.frombuffer(self.data, np.uint8)
        error = None
        while self.position < self.stop and error is None and not given_up.is_set():
            self.position, self.row = kernels.parse_rows(
                text, self.position, self.stop, self.vectors, self.token_data, self.offsets, self.row
            )
            if self.position < self.stop and not self._skip_blank():
                error = self._odd_line()
        used = self.offsets[: self.row + 1]
        tokens = Tokens(self.token_data[: used[-1]], used)
        return Parsed(Batch(tokens, self.vectors[: self.row]), self.row + self.left_out, self.odd, error)

    def _skip_blank(self) -> bool:
        """Leave out the blank lines that follow, all at once: there may be millions."""
        gap = BLANKS.match(self.data, self.position, self.stop)
        end = self.data.rfind(b"\n", self.position, gap.end() if gap else 0) + 1
        if end:
            self._leave_out(BLANK, self.data.count(b"\n", self.position, end))
            self.position = end
        return bool(end)

    def _odd_line(self) -> tuple[int, str] | None:
        """Take the line that the kernel left; where and why it cannot be read, if that must stop us."""
        end = self.data.index(b"\n", self.position)
        try:
            self._append(*parse_line(bytes(self.data[self.position : end]), self.shape))
        except ValueError as error:
            if self.on_error == "stop":
                return self.row + self.left_out + 1, f"{error}; --on-error skip leaves such lines out"
            self._leave_out(SKIPPED, 1)
        self.position = end + 1
        return None

    def _leave_out(self, what: str, count: int) -> None:
        self.odd.setdefault(what, Odd(self.row + self.left_out + 1)).count += count
        self.left_out += count

    def _append(self, token: bytes, vector: NDArray[np.float32]) -> None:
        start = int(self.offsets[self.row])
        self.token_data[start : start + len(token)] = np.frombuffer(token, np.uint8)
        self.vectors[self.row] = vector
        self.row += 1
        self.offsets[self.row] = start + len(token)


def parse_line(line: bytes, shape: Shape) -> tuple[bytes, NDArray[np.float32]]:
    """Parse one line that is not blank by the full grammar.

    The token is what stands before the last `dim` fields, and the one space or tab before these.
    ValueError says why a line is not a row.
    """
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
            f"Where the token itself ends in a number, say so by --dim {shape.dim}"
        )
    with np.errstate(over="ignore"):
        return line[:end], np.array([float(text) for text in reversed(fields)]).astype(np.float32)


def _shown(flat: bytes) -> str:
    return repr(flat.partition(b" ")[0][:60].decode("utf-8", "replace"))


def _too_few(flat: bytes, shape: Shape) -> str:
    """Say what is wrong with a line that does not end in `dim` numbers: a field that is none, or too few of them."""
    fields = [field for field in flat.split(b" ")[1:] if field]
    odd = [field for field in fields if not NUMBER.fullmatch(field)]
    if odd and len(fields) >= shape.dim and len(fields) - len(odd) >= shape.dim - 1 > 0:
        return f"{odd[-1][:60].decode('utf-8', 'replace')!r} after token {_shown(flat)} is not a number"
    count = count_numbers(flat)
    return (
        f"{count} number{'s' * (count != 1)} after token {_shown(flat)}, expected {shape.dim} ({shape.origin}); "
        "the file may be truncated"
    )
