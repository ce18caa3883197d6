"""The lines of text formats: a token, then its numbers. What the kernel leaves is read here, by the full grammar."""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from embstore import kernels
from embstore.batch import Batch, OnError, Tokens

NUMBER = re.compile(rb"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|nan|inf(?:inity)?)", re.IGNORECASE)
COUNT = re.compile(rb"[0-9]{1,18}")
BLANK = "empty lines left out"
SKIPPED = "lines that cannot be read left out"


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines: data[start:stop], the last byte a newline, SLACK bytes behind it; in the checksum once `hashed`."""

    data: bytearray
    start: int
    stop: int
    hashed: Future[None]


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


@dataclass(slots=True)
class Parsed:
    """A block's rows, and what was odd about its lines: (line in the block, what)."""

    batch: Batch
    lines: int
    odd: list[tuple[int, str]] = field(default_factory=list)
    error: tuple[int, str] | None = None


def most_common_dim(lines: list[bytes]) -> Shape:
    """Make out the dimension from the first lines: what most of them have, first come first."""
    dims = [count_numbers(line) for line in lines]
    common = Counter(dim for dim in dims if dim).most_common(1)
    if not common:
        found = next((line for line in lines if line), b"")[:60].decode("utf-8", "replace")
        if not found:
            raise ValueError("nothing but empty lines, expected a token and its numbers on each line")
        raise ValueError(f"{found!r} is not a token and its numbers; is this another format? --from names it")
    dim = common[0][0]
    return Shape(dim, f"from line {dims.index(dim) + 1}")


def count_numbers(line: bytes) -> int:
    """How many numbers a line ends in, its first field apart, which is the token's."""
    fields = line.replace(b"\t", b" ").split(b" ")[1:]
    count = 0
    for text in reversed(fields):
        if text and not NUMBER.fullmatch(text):
            break
        count += bool(text)
    return count


def parse_block(block: Block, shape: Shape, on_error: OnError, header_lines: int) -> Parsed:
    """Parse the lines of a block behind its header; runs in a worker thread."""
    return _BlockParser(block, shape, on_error).run(header_lines)


class _BlockParser:
    """The state of parsing one block."""

    def __init__(self, block: Block, shape: Shape, on_error: OnError) -> None:
        self.data, self.position, self.stop = block.data, block.start, block.stop
        self.shape, self.on_error = shape, on_error
        rows = self.stop // (2 * shape.dim + 1)  # at most: a gap and a digit a number, and the newline
        self.vectors = np.empty((rows, shape.dim), np.float32)
        self.token_data = np.empty(self.stop, np.uint8)
        self.offsets = np.zeros(rows + 1, np.int64)
        self.row = 0
        self.odd: list[tuple[int, str]] = []

    def run(self, header_lines: int) -> Parsed:
        """Parse the lines behind the header."""
        text = np.frombuffer(self.data, np.uint8)
        for _ in range(header_lines):
            self.position = self.data.index(b"\n", self.position) + 1
        error = None
        while self.position < self.stop and error is None:
            self.position, self.row = kernels.parse_rows(
                text, self.position, self.stop, self.vectors, self.token_data, self.offsets, self.row
            )
            if self.position < self.stop:
                error = self._odd_line()
        used = self.offsets[: self.row + 1]
        tokens = Tokens(self.token_data[: used[-1]], used)
        lines = header_lines + self.row + len(self.odd)
        return Parsed(Batch(tokens, self.vectors[: self.row]), lines, self.odd, error)

    def _odd_line(self) -> tuple[int, str] | None:
        """Take the line that the kernel left; where and why it cannot be read, if that must stop us."""
        end = self.data.index(b"\n", self.position)
        line = bytes(memoryview(self.data)[self.position : end])
        try:
            found = parse_line(line, self.shape)
        except ValueError as error:
            if self.on_error == "stop":
                return self._line_number(), f"{error}; --on-error skip leaves such lines out"
            self.odd.append((self._line_number(), SKIPPED))
        else:
            if found is None:
                self.odd.append((self._line_number(), BLANK))
            else:
                self._append(*found)
        self.position = end + 1
        return None

    def _line_number(self) -> int:
        return self.data.count(b"\n", 0, self.position) + 1

    def _append(self, token: bytes, vector: NDArray[np.float32]) -> None:
        start = int(self.offsets[self.row])
        self.token_data[start : start + len(token)] = np.frombuffer(token, np.uint8)
        self.vectors[self.row] = vector
        self.row += 1
        self.offsets[self.row] = start + len(token)


def parse_line(line: bytes, shape: Shape) -> tuple[bytes, NDArray[np.float32]] | None:
    """Parse one line by the full grammar; None where it is blank.

    The token is what stands before the last `dim` fields, and the one space or tab before these.
    ValueError says why a line is not a row.
    """
    flat = line.replace(b"\t", b" ").rstrip(b" \r")
    if not flat:
        return None
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
