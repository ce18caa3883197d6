"""The time-critical functions in Python and NumPy: the fallback for `_speedups.pyx` where that is not built.

Names, arguments and results are the same, bit for bit; the docstrings of `_speedups.pyx` are the full ones.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

MAX_PROBE = 1024
FARTHEST = 64
SLACK = 16
LOW = (1 << 32) - 1

P1, P2, P3, P4, P5 = (
    np.uint64(prime)
    for prime in (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)
)
Lane = NDArray[np.uint64]


def rotate(x: Lane, bits: int) -> Lane:
    """Rotate 64-bit lanes to the left."""
    return (x << np.uint64(bits)) | (x >> np.uint64(64 - bits))


def mix(lane: Lane, word: Lane) -> Lane:
    """One round of XXH64."""
    return rotate(lane + word * P2, 31) * P1


def xxh64(words: Bytes, seed: int) -> Lane:
    """XXH64 of every row of a (words, size) matrix of bytes."""
    count, size = words.shape
    position = 0
    with np.errstate(over="ignore"):
        h = np.full(count, seed, np.uint64)
        if size >= 32:
            lanes = [h + P1 + P2, h + P2, h, h - P1]
            for position in range(0, size - 31, 32):
                stripe = np.ascontiguousarray(words[:, position : position + 32]).view("<u8")
                lanes = [mix(lane, stripe[:, i]) for i, lane in enumerate(lanes)]
            position += 32
            h = rotate(lanes[0], 1) + rotate(lanes[1], 7) + rotate(lanes[2], 12) + rotate(lanes[3], 18)
            for lane in lanes:
                h = (h ^ mix(np.zeros(count, np.uint64), lane)) * P1 + P4
        else:
            h = h + P5
        return _finish(h + np.uint64(size), words[:, position:])


def _finish(h: Lane, tail: Bytes) -> Lane:
    zero = np.zeros(len(h), np.uint64)
    while tail.shape[1] >= 8:
        word = np.ascontiguousarray(tail[:, :8]).view("<u8")[:, 0]
        h, tail = rotate(h ^ mix(zero, word), 27) * P1 + P4, tail[:, 8:]
    if tail.shape[1] >= 4:
        half = np.ascontiguousarray(tail[:, :4]).view("<u4")[:, 0].astype(np.uint64)
        h, tail = rotate(h ^ (half * P1), 23) * P2 + P3, tail[:, 4:]
    for column in tail.T:
        h = rotate(h ^ (column.astype(np.uint64) * P5), 11) * P1
    h = (h ^ (h >> np.uint64(33))) * P2
    h = (h ^ (h >> np.uint64(29))) * P3
    return h ^ (h >> np.uint64(32))


def check_packed(data: Bytes, offsets: Ints) -> None:
    """Raise ValueError for offsets that decrease or point outside the bytes."""
    if offsets[0] < 0 or offsets[-1] > len(data) or (offsets[1:] < offsets[:-1]).any():
        raise ValueError("token offsets must not decrease, and must stay inside the token bytes")


def matrix_of(data: Bytes, starts: Ints, size: int) -> Bytes:
    """Return the bytes of tokens of equal length, one token per row: (tokens, size)."""
    matrix: Bytes = data[starts[:, None] + np.arange(size)]
    return matrix


def hash_tokens(data: Bytes, offsets: Ints, seed: int) -> Lane:
    """XXH64 of each packed token: uint64 of shape (tokens,)."""
    check_packed(data, offsets)
    sizes = np.diff(offsets)
    hashes = np.empty(len(sizes), np.uint64)
    for size in np.unique(sizes):  # tokens of equal length are hashed together
        members = np.flatnonzero(sizes == size)
        hashes[members] = xxh64(matrix_of(data, offsets[members], int(size)), seed)
    return hashes


def find_tokens(slots: Bytes, offsets: Bytes, data: Bytes, word_data: Bytes, word_offsets: Ints, seed: int) -> Ints:
    """Rows of packed words in an index: int64 of shape (words,), -1 for an unknown word."""
    entries, bounds = slots.view("<u8"), offsets.view("<i8")
    if len(entries) & (len(entries) - 1) or not len(entries) or not len(bounds):
        raise ValueError("an index needs a number of slots that is a power of two, and at least one offset")
    hashes = hash_tokens(word_data, word_offsets, seed)
    rows = np.full(len(hashes), -1, np.int64)
    pending = np.arange(len(hashes))
    slot = hashes & np.uint64(len(entries) - 1)
    for _ in range(MAX_PROBE):
        entry = entries[slot[pending]]
        pending, entry = pending[entry != 0], entry[entry != 0]
        equal = entry >> np.uint64(32) == hashes[pending] >> np.uint64(32)
        found = (entry & np.uint64(LOW)).astype(np.int64) - 1
        equal &= (found >= 0) & (found < len(bounds) - 1)
        equal[equal] = _same(bounds, data, found[equal], word_data, word_offsets, pending[equal])
        rows[pending[equal]] = found[equal]
        pending = pending[~equal]
        if not len(pending):
            break
        slot[pending] = (slot[pending] + np.uint64(1)) & np.uint64(len(entries) - 1)
    return rows


def _same(
    bounds: Ints, data: Bytes, rows: Ints, word_data: Bytes, word_offsets: Ints, words: Ints
) -> NDArray[np.bool_]:
    start, stop = bounds[rows].astype(np.int64), bounds[rows + 1].astype(np.int64)
    size = word_offsets[words + 1] - word_offsets[words]
    same: NDArray[np.bool_] = (start >= 0) & (stop <= len(data)) & (stop >= start) & (stop - start == size)
    for length in np.unique(size[same]):
        members = np.flatnonzero(same & (size == length))
        tokens = matrix_of(data, start[members], int(length))
        asked = matrix_of(word_data, word_offsets[words[members]], int(length))
        same[members] = (tokens == asked).all(axis=1)
    return same


def find_strings(slots: Bytes, offsets: Bytes, data: Bytes, words: list[str], seed: int) -> Ints:
    """Rows of a list of str in an index: int64 of shape (words,), -1 for an unknown word."""
    for word in words:
        if not isinstance(word, str):
            raise TypeError(f"a word must be a str, not {type(word).__name__}")
    packed = [word.encode() for word in words]
    ends = np.cumsum([0, *map(len, packed)], dtype=np.int64)
    return find_tokens(slots, offsets, data, np.frombuffer(b"".join(packed), np.uint8), ends, seed)


def insert_tokens(
    slots: Lane, data: Bytes, offsets: Ints, count: int, added: int, seed: int, spare: int
) -> tuple[Ints, int]:
    """Insert the tokens after the first `count` distinct ones into the index; return rows, and the spare steps."""
    last = count + added
    if last + 1 > len(offsets) or 2 * last > len(slots) or last > LOW - 1:
        raise ValueError("the index is too small for these tokens")
    hashes = hash_tokens(data, offsets[count : last + 1], seed).tolist()
    bounds = offsets[count : last + 1].tolist()
    rows, known = np.empty(added, np.int64), count
    for i, hashed in enumerate(hashes):
        token = data[bounds[i] : bounds[i + 1]].tobytes()
        row, distance = _place(slots, data, offsets, hashed, token, known)
        if row < 0 or (row == known and distance > spare):
            return rows[:i], spare
        if row == known:
            spare += 2 - distance
            slots[(hashed + distance) & (len(slots) - 1)] = (hashed >> 32 << 32) | (known + 1)
            start = int(offsets[known])
            data[start : start + len(token)] = np.frombuffer(token, np.uint8)
            offsets[known + 1] = start + len(token)
            known += 1
        rows[i] = row
    return rows, spare


def _place(slots: Lane, data: Bytes, offsets: Ints, hashed: int, token: bytes, new_row: int) -> tuple[int, int]:
    """Return the row of a token and its distance from home; `new_row` for a new one, -1 if it is too far from home."""
    for distance in range(FARTHEST + 1):
        entry = int(slots[(hashed + distance) & (len(slots) - 1)])
        if entry == 0:
            return new_row, distance
        row = (entry & LOW) - 1
        same_hash = entry >> 32 == hashed >> 32 and 0 <= row < new_row
        if same_hash and data[offsets[row] : offsets[row + 1]].tobytes() == token:
            return row, distance
    return -1, FARTHEST


_NEWLINE = re.compile(rb"\n")
_PLAIN = b"0123456789+-.eE "  # of these characters float() accepts decimal numbers only


def parse_rows(
    text: Bytes,
    position: int,
    stop: int,
    vectors: NDArray[np.float32],
    token_data: Bytes,
    token_offsets: Ints,
    row: int,
) -> tuple[int, int]:
    """Read lines of a token and plain numbers into the rows from `row` on, up to the first other line."""
    dim = vectors.shape[1]
    if dim < 1 or not 0 <= position <= stop <= len(text) - SLACK or (stop and text[stop - 1] != 10):
        raise ValueError("a block must end in a newline, followed by 16 more bytes")
    if not 0 <= row < len(token_offsets) or not 0 <= token_offsets[row] <= len(token_data):
        raise ValueError("the rows read so far must lie inside the arrays")
    used = int(token_offsets[row])
    for newline in _NEWLINE.finditer(text.data, position, stop):  # stops at the first other line
        line = text[position : newline.start()].tobytes()
        values = _numbers(line, dim)
        token = line.partition(b" ")[0]
        if (
            values is None
            or row == len(vectors)
            or row + 1 == len(token_offsets)
            or used + len(token) > len(token_data)
        ):
            break
        vectors[row] = values
        token_data[used : used + len(token)] = np.frombuffer(token, np.uint8)
        used += len(token)
        row += 1
        token_offsets[row] = used
        position += len(line) + 1
    return position, row


def _numbers(line: bytes, dim: int) -> NDArray[np.float32] | None:
    fields = line.rstrip(b" \r").split(b" ")
    if len(fields) != dim + 1 or b"\t" in fields[0]:
        return None
    numbers = fields[1:]
    if b"".join(numbers).translate(None, _PLAIN):
        return None
    try:
        with np.errstate(over="ignore"):
            values: NDArray[np.float32] = np.array(list(map(float, numbers))).astype(np.float32)
            return values
    except ValueError:
        return None


def shortest(vectors: NDArray[np.float32]) -> list[bytes]:
    """Format every value as C's %g, with the fewest digits, at least six, that read back to it.

    float32 distinguishes all decimals of six digits, so text of up to six digits is reproduced exactly; nine digits
    distinguish all float32 values.
    """
    values = vectors.ravel().astype(np.float64)
    fields = _formatted(values, 6)
    pending = np.arange(len(fields))
    for digits in (7, 8, 9):
        back = np.fromiter(map(float, (fields[i] for i in pending)), np.float64, len(pending))
        with np.errstate(over="ignore"):
            wrong = back.astype(np.float32) != vectors.ravel()[pending]
        pending = pending[wrong & ~np.isnan(back)]
        if not len(pending):
            break
        for i, field in zip(pending.tolist(), _formatted(values[pending], digits), strict=True):
            fields[i] = field
    return fields


def _formatted(values: NDArray[np.float64], digits: int) -> list[bytes]:
    return (b"%%.%dg " % digits * len(values) % tuple(values.tolist())).split(b" ")[:-1]


def format_rows(
    token_data: Bytes,
    token_offsets: Ints,
    vectors: NDArray[np.float32],
    row: int,
    text: Bytes,
    position: int,
) -> tuple[int, int]:
    """Write the rows from `row` on as lines into text[position:], as many as fit; return the next row and position."""
    dim = vectors.shape[1]
    if len(token_offsets) != len(vectors) + 1 or row < 0 or position < 0:
        raise ValueError("the numbers of tokens and vectors differ")
    check_packed(token_data, token_offsets)
    fields = shortest(vectors[row:])
    for start in range(0, len(fields), dim):
        token = token_data[token_offsets[row] : token_offsets[row + 1]].tobytes()
        line = np.frombuffer(token + b" " + b" ".join(fields[start : start + dim]) + b"\n", np.uint8)
        if position + len(line) > len(text):
            break
        text[position : position + len(line)] = line
        position += len(line)
        row += 1
    return row, position


def split_rows(
    data: Bytes,
    position: int,
    stop: int,
    newlines: bool,
    rows: Bytes,
    token_data: Bytes,
    token_offsets: Ints,
    row: int,
) -> tuple[int, int]:
    """Copy rows, each a token, a space and bytes, from `row` on, up to the first incomplete one."""
    if position < 0 or stop > len(data):
        raise ValueError("the rows to split must lie inside the block")
    if not 0 <= row < len(token_offsets) or not 0 <= token_offsets[row] <= len(token_data):
        raise ValueError("the rows read so far must lie inside the arrays")
    used, width = int(token_offsets[row]), rows.shape[1]
    block, last = data[:stop].tobytes(), stop - width
    while row < min(len(rows), len(token_offsets) - 1) and position + newlines < last:
        token = position + newlines
        space = block.find(b" ", token, last)
        if space < 0 or (newlines and block[position] != 10) or used + space - token > len(token_data):
            break
        token_data[used : used + space - token] = data[token:space]
        rows[row] = data[space + 1 : space + 1 + width]
        used += space - token
        row += 1
        token_offsets[row] = used
        position = space + 1 + width
    return position, row
