"""The child process that opens an HDF5 file, so that a damaged file cannot hang or crash its parent.

It writes to stdout: the length of the plan, 0 for each part of many names that it has looked through before it has the
plan; the plan as JSON; then, for each block of `step` rows, the lengths and
the bytes of the tokens, if they are in the file, and the raw rows, unless the parent maps them. Lengths are int64 in
native byte order. An error is one line of JSON on stderr. A block has at most `BLOCK_BYTES` of rows, or one row of at
most `MAX_ROW`, and at most `BLOCK_WORDS` tokens of at most `MAX_WORDS` together.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, Any

import h5py
import numpy as np

from embstore.codecs.hdf5.contents import Refused
from embstore.codecs.hdf5.layout import find_table
from embstore.codecs.hdf5.limits import allow_processor_time, default_signals, end_with_parent, limit_memory
from embstore.codecs.hdf5.request import Plan, Request
from embstore.codecs.hdf5.table import Table
from embstore.core.cures import for_command_line

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from embstore.codecs.hdf5.h5py_types import File

BLOCK_BYTES = 1 << 20
BLOCK_WORDS = 10_000
MAX_ROW = 1 << 26
MAX_WORDS = 1 << 26
MAX_REASON = 2000
SPEED = 50e6  # bytes of a chunk that are decompressed in a second of processor time, at least


def main(sent: str) -> int:
    """Answer the request; return 0 on success, 1 after an error."""
    request = Request(**json.loads(sent))
    with for_command_line() if request.command_line else contextlib.nullcontext():
        return _answer(request)


def _answer(request: Request) -> int:
    end_with_parent(request.parent)
    default_signals()
    allow_processor_time(request.processor)
    opened = _open(request)
    size = os.fstat(opened.fileno()).st_size
    limit_memory(size)
    out = sys.stdout.buffer
    try:
        with h5py.File(opened, "r") as file:
            table = find_table(file, request, lambda: _say_alive(out, request.processor))
            plan = _plan(file, table, size)
            answer = json.dumps(plan).encode()
            out.write(_count(len(answer)) + answer)
            _send(table, plan, out, request.processor)
            out.flush()
    except BrokenPipeError:  # the parent has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Refused as error:
        return _report_error(str(error), error.where)
    except Exception as error:  # a damaged file makes h5py raise anything
        return _report_error(f"cannot be read, it is damaged or cut short: {error}", "")
    return 0


def _open(request: Request) -> io.FileIO:
    """Open the descriptor inherited from the parent; the path may lead to another file by now."""
    return io.FileIO(request.path if request.descriptor is None else request.descriptor, "rb")


def _send(table: Table, plan: Plan, out: IO[bytes], processor: float) -> None:
    step, words = plan["step"], table.words
    rows = _Blocks(table.read, table.chunk, step)
    texts = None if words is None else _Blocks(words.read, words.chunk, step)
    processor += table.chunk_bytes / SPEED
    for start in range(0, plan["rows"], step):
        allow_processor_time(processor)
        stop = min(start + step, plan["rows"])
        if texts is not None and words is not None:
            _send_tokens([word for part in texts.parts(start, stop) for word in _encoded(part)], out, words.name)
        if plan["offset"] is None:
            for part in rows.parts(start, stop):
                out.write(part.data)


def _encoded(words: NDArray[Any]) -> list[bytes]:
    """Return strings as they are, and whole numbers as decimal text."""
    listed: list[Any] = words.tolist()
    return [b"%d" % number for number in listed] if words.dtype.kind in "iu" else listed


def _say_alive(out: IO[bytes], processor: float) -> None:
    """Send a length of 0 in place of that of the plan, and take as much time again."""
    allow_processor_time(processor)
    out.write(_count(0))
    out.flush()


def _report_error(reason: str, where: str) -> int:
    # names can have any length, and the parent reads stderr at the end only: more would not fit into the pipe
    problem = {"reason": _printable(" ".join(reason.split())), "where": _printable(where)}
    sys.stderr.write(json.dumps(problem) + "\n")
    return 1


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text[:MAX_REASON])


def _plan(file: File, table: Table, size: int) -> Plan:
    row = table.dim * table.dtype.itemsize
    offset, nbytes = None if file.userblock_size else table.offset, table.rows * row
    if offset is not None and offset + nbytes > size:
        raise Refused(f"ends at byte {offset + nbytes:,} of a file of {size:,}: the file is cut short", table.name)
    if row > MAX_ROW:
        raise Refused(f"rows of {row:,} bytes, expected at most {MAX_ROW:,}", table.name)
    return {
        "step": min(max(1, BLOCK_BYTES // row), BLOCK_WORDS if table.words else table.rows),
        "rows": table.rows,
        "dim": table.dim,
        "dtype": table.dtype.str,
        "offset": offset,
        "words": None if table.words is None else table.words.name,
        "numbers": table.words is not None and table.words.numbers,
        "findings": table.findings,
    }


def _count(number: int) -> bytes:
    return number.to_bytes(8, sys.byteorder)


def _send_tokens(words: list[bytes], out: IO[bytes], where: str) -> None:
    lengths = np.fromiter(map(len, words), np.int64, len(words))
    if lengths.sum() > MAX_WORDS:
        raise Refused(f"{len(words):,} words of {lengths.sum():,} bytes, expected at most {MAX_WORDS:,}", where)
    out.write(lengths.data)
    out.write(b"".join(words))


class _Blocks:
    """Reads a dataset in whole chunks, so that each is decompressed once, and yields it in smaller parts.

    Parameters
    ----------
    read
        Function that reads rows [start, stop).
    chunk, step
        Number of rows of a chunk, and of a part.
    """

    def __init__(self, read: Callable[[int, int], NDArray[Any]], chunk: int, step: int) -> None:
        self._read, self._size = read, -(-step // chunk) * chunk
        self._first, self._block = -1, np.empty((0, 0))

    def parts(self, start: int, stop: int) -> Iterator[NDArray[Any]]:
        """Yield rows [start, stop) in parts; successive calls must ask for ascending rows."""
        while start < stop:
            first = start // self._size * self._size
            if first != self._first:
                self._first, self._block = first, self._read(first, first + self._size)
            part = self._block[start - first : stop - first]
            yield part
            start += len(part)
